package dev.keystore.testkit;

import dev.keystore.spi.Mutation;
import java.util.HashMap;
import java.util.Map;

/** What a thread's keys hold after a number of its commits. */
final class CrashState {

    /** The state of a key, and the number of the commit that brought it about; 0 if none has. */
    record Change(long number, boolean isPresent) {

        static final Change NEVER = new Change(0, false);
    }

    private final CrashScript script;
    private final int thread;
    private final Map<CrashKey, Change> changes;
    private long number;

    CrashState(CrashScript script, int thread) {
        this(script, thread, new HashMap<>(), 0);
    }

    private CrashState(CrashScript script, int thread, Map<CrashKey, Change> changes, long number) {
        this.script = script;
        this.thread = thread;
        this.changes = changes;
        this.number = number;
    }

    /** Returns the number of commits. */
    long number() {
        return number;
    }

    Change of(CrashKey key) {
        return changes.getOrDefault(key, Change.NEVER);
    }

    /** Returns the state after one commit more. */
    CrashState next() {
        CrashState next = new CrashState(script, thread, new HashMap<>(changes), number);
        next.advance();
        return next;
    }

    /** Makes this the state after all commits up to a number. */
    void advanceTo(long last) {
        while (number < last) {
            advance();
        }
    }

    private void advance() {
        number++;
        for (CrashScript.Part part : script.commit(thread, number)) {
            for (Mutation mutation : part.mutations()) {
                apply(part.context(), mutation);
            }
        }
    }

    private void apply(String context, Mutation mutation) {
        if (mutation instanceof Mutation.Put put) {
            changes.put(new CrashKey(context, put.type(), put.id()), new Change(number, true));
        } else if (mutation instanceof Mutation.Delete delete) {
            remove(new CrashKey(context, delete.type(), delete.id()));
        } else if (mutation instanceof Mutation.Clear clear) {
            script.keys(thread).stream()
                    .filter(key ->
                            key.context().equals(context) && !clear.keptTypes().contains(key.type()))
                    .forEach(this::remove);
        }
    }

    private void remove(CrashKey key) {
        if (of(key).isPresent()) {
            changes.put(key, new Change(number, false));
        }
    }
}
