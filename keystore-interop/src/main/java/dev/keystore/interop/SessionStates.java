package dev.keystore.interop;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a record of sessions with a device holds, in no client's form.
 *
 * @param open the session that is used; null if there is none
 * @param closed former sessions, which can still decrypt, newest first
 * @param lost what the record holds beyond that, and why it cannot be converted
 */
record SessionStates(@Nullable SessionState open, List<SessionState> closed, List<String> lost) {

    /** The most closed sessions that a record keeps. */
    private static final int MAXIMUM_CLOSED = 40;

    /** Reads a closed session, which may be damaged without harm to the others. */
    interface Reader {
        SessionState read() throws DamagedException;
    }

    /** Collects the sessions of a record, and checks them. */
    static final class Builder {

        private @Nullable SessionState open;
        private final List<SessionState> closed = new ArrayList<>();
        private final List<String> lost = new ArrayList<>();

        void open(SessionState state) throws DamagedException {
            state.check();
            open = state;
            reportSkipped(state);
        }

        /** Adds a closed session, which is older than those before it. */
        void closed(Reader reader) {
            try {
                SessionState state = reader.read().closed();
                state.check();
                if (closed.size() == MAXIMUM_CLOSED) {
                    throw new DamagedException("there are " + MAXIMUM_CLOSED + " newer ones");
                }
                closed.add(state);
                reportSkipped(state);
            } catch (DamagedException e) {
                lost("a closed session in it, since " + e.reason());
            }
        }

        void lost(String what) {
            lost.add(what);
        }

        private void reportSkipped(SessionState state) {
            for (SessionState.Chain chain : state.receivers()) {
                int more = chain.skipped().size() - SessionState.MAXIMUM_SKIPPED;
                if (more > 0) {
                    lost(more + " message keys of a chain in it, which has " + SessionState.MAXIMUM_SKIPPED
                            + " newer ones");
                }
            }
        }

        SessionStates build() throws DamagedException {
            if (open == null && closed.isEmpty()) {
                throw new DamagedException(
                        lost.isEmpty() ? "it holds no session" : "of it, nothing is left: " + String.join("; ", lost));
            }
            return new SessionStates(open, List.copyOf(closed), List.copyOf(lost));
        }
    }
}
