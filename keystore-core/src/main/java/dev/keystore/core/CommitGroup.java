package dev.keystore.core;

import dev.keystore.KeyStoreException;
import dev.keystore.spi.Batch;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The commits that a leader has taken from the queue to write them as one, and how far that has come.
 *
 * <p>Concurrency: it belongs to the holder of the lead. What a leader that is gone has left here is enough for the next one
 * to finish the group: each field is written before, or after, the step that it records, and never within it.
 */
final class CommitGroup {

    /** What a check found. */
    record Checked(List<Batch> batches, List<CommitRequest> writers, Map<CommitRequest, KeyStoreException> refused) {

        static final Checked NOTHING = new Checked(List.of(), List.of(), Map.of());

        /** Claims the writers for the backend; returns false if one of them has given up since the check. */
        boolean claim() {
            boolean all = true;
            for (CommitRequest writer : writers) {
                all &= writer.state() == CommitRequest.Step.WRITING
                        || writer.step(CommitRequest.Step.TAKEN, CommitRequest.Step.WRITING);
            }
            return all;
        }
    }

    private final List<CommitRequest> requests = new ArrayList<>();

    /** What stands in the cache for the entries being written. */
    final InFlight write = InFlight.write();

    private Checked checked = Checked.NOTHING;

    /** Set just before the backend is called. */
    boolean sent;

    /** What came of the write; null until that is known. */
    @Nullable
    WriteOutcome outcome;

    /** What its leader threw, if it left the group unfinished. */
    @Nullable
    Throwable failure;

    /** How often a leader left it unfinished. */
    int failures;

    /** Whether it stands in the statistics. */
    boolean counted;

    /** Returns the commits in the order of the queue. */
    List<CommitRequest> requests() {
        return Collections.unmodifiableList(requests);
    }

    Checked checked() {
        return checked;
    }

    void checked(Checked found) {
        checked = found;
    }

    boolean isEmpty() {
        return requests.isEmpty();
    }

    int size() {
        return requests.size();
    }

    /** Adds a commit, unless it has ended. It is here before it counts as taken, so that none is lost between. */
    void add(CommitRequest request) {
        requests.add(request);
        if (!request.take()) {
            requests.remove(requests.size() - 1);
        }
    }
}
