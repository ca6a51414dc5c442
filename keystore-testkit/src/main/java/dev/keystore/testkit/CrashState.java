package dev.keystore.testkit;

import dev.keystore.spi.Mutation;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The state of a thread's keys after a number of its commits. */
final class CrashState {

    /**
     * The last change of a key.
     *
     * @param number the number of the commit that made it; 0 if there was none
     */
    record KeyChange(long number, boolean isPresent) {

        static final KeyChange NONE = new KeyChange(0, false);
    }

    private final CrashScript script;
    private final int thread;
    private final Map<CrashKey, KeyChange> changes;
    private long number;

    private CrashState(CrashScript script, int thread) {
        this(script, thread, new HashMap<>(), 0);
    }

    private CrashState(CrashScript script, int thread, Map<CrashKey, KeyChange> changes, long number) {
        this.script = script;
        this.thread = thread;
        this.changes = changes;
        this.number = number;
    }

    /** Returns the state of each thread's keys after all commits up to the number of that thread. */
    static List<CrashState> after(long[] numbers, CrashScript script) {
        List<CrashState> states = new ArrayList<>();
        for (int thread = 0; thread < numbers.length; thread++) {
            CrashState state = new CrashState(script, thread);
            state.advanceTo(numbers[thread]);
            states.add(state);
        }
        return states;
    }

    /** Returns the number of commits. */
    long number() {
        return number;
    }

    KeyChange of(CrashKey key) {
        return changes.getOrDefault(key, KeyChange.NONE);
    }

    /** Returns the state after one more commit. */
    CrashState next() {
        CrashState next = new CrashState(script, thread, new HashMap<>(changes), number);
        next.advance();
        return next;
    }

    /** Applies all commits up to a number. */
    void advanceTo(long last) {
        while (number < last) {
            advance();
        }
    }

    private void advance() {
        number++;
        for (CrashScript.ContextWrites writes : script.commit(thread, number)) {
            for (Mutation mutation : writes.mutations()) {
                apply(writes.context(), mutation);
            }
        }
    }

    private void apply(String context, Mutation mutation) {
        if (mutation instanceof Mutation.Put put) {
            changes.put(new CrashKey(context, put.type(), put.id()), new KeyChange(number, true));
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
            changes.put(key, new KeyChange(number, false));
        }
    }
}
