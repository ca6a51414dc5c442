package dev.keystore.testkit;

import dev.keystore.EntryId;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.Call.Operation;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * Something that happens to some calls to a {@link FaultyBackend}: made by {@link Faults#on}, narrowed, and then told what
 * to do. From that on it is in force, counts the calls that it fits, and can't be changed.
 *
 * <p>Unless told otherwise it happens once, to the next call that it fits.
 */
public final class Fault {

    private final Faults faults;
    private final Set<Operation> operations;
    private final AtomicInteger fitting = new AtomicInteger();
    private Predicate<Call> narrowing = call -> true;
    private int first = 1;
    private int times = 1;
    private Moment moment = Moment.BEFORE;
    private Runnable action = () -> {};

    Fault(Faults faults, Set<Operation> operations) {
        this.faults = faults;
        this.operations = operations;
    }

    /** When, within a call, it happens. */
    public enum Moment {
        /** Nothing has reached the backend beneath. */
        BEFORE,
        /**
         * The backend beneath is at work. For failures only. A commit breaks off half-way and the backend beneath takes it
         * back, so that nothing is written; a save leaves the first half of the bytes, as no backend should; a listing
         * fails after its first entry, while it is read. All else fails as it does {@link #BEFORE}.
         */
        MIDWAY,
        /** The backend beneath is done: what was to be written is there, what was to be read is read. */
        AFTER
    }

    /** Narrows to calls that name an entry, in whatever context; a commit that puts or deletes it is one. */
    public Fault of(String type, String id) {
        EntryId entry = new EntryId(type, id);
        narrowing = narrowing.and(call -> call.entries().contains(entry));
        return this;
    }

    /** Narrows to calls that are about a context, perhaps among others. */
    public Fault inContext(String context) {
        narrowing = narrowing.and(call -> call.contexts().contains(context));
        return this;
    }

    /** Begins at the n-th call that fits; 1 is the next one. */
    public Fault nth(int n) {
        first = n;
        return this;
    }

    /** Happens to this many of the calls that fit, one after the other. */
    public Fault times(int count) {
        times = count;
        return this;
    }

    /** Happens until {@link Faults#heal}. */
    public Fault forever() {
        return times(Integer.MAX_VALUE);
    }

    /** Fails the calls with a {@link BackendException} of a kind. */
    public void fail(Moment when, BackendException.Kind kind) {
        fail(when, () -> switch (kind) {
            case PERMANENT -> BackendException.permanent("planted failure", null);
            case TRANSIENT -> BackendException.transientFailure("planted failure", null);
            case OUTCOME_UNKNOWN -> BackendException.outcomeUnknown("planted failure", null);
        });
    }

    /** Fails the calls with what {@code failures} gives, asked anew for each. */
    public void fail(Moment when, Supplier<? extends RuntimeException> failures) {
        put(when, () -> {
            throw failures.get();
        });
    }

    /**
     * Runs an action on the thread of each call. What it throws reaches the caller.
     *
     * @throws IllegalArgumentException if {@code when} is {@link Moment#MIDWAY}
     */
    public void run(Moment when, Runnable toRun) {
        if (when == Moment.MIDWAY) {
            throw new IllegalArgumentException("when must be BEFORE or AFTER: MIDWAY is for failures");
        }
        put(when, toRun);
    }

    /**
     * Holds the calls until the test opens the gate, 60 s at most; an interrupt does not end that.
     *
     * @throws IllegalArgumentException if {@code when} is {@link Moment#MIDWAY}
     */
    public Gate hold(Moment when) {
        Gate gate = new Gate();
        run(when, gate::pass);
        return gate;
    }

    private void put(Moment when, Runnable toRun) {
        moment = when;
        action = toRun;
        faults.put(this);
    }

    /** Counts a call if it fits, and tells whether this happens to it. */
    boolean happensTo(Call call) {
        if (!operations.contains(call.operation()) || !narrowing.test(call)) {
            return false;
        }
        int number = fitting.incrementAndGet();
        return number >= first && number - first < times;
    }

    void happen(Moment now) {
        if (moment == now) {
            action.run();
        }
    }
}
