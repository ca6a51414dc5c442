package dev.keystore.testkit;

import dev.keystore.EntryId;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.Call.Operation;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * A failure, delay or action that is injected into some calls to a {@link FaultyBackend}. It is created by
 * {@link Faults#on}, restricted by methods such as {@link #of}, and activated by {@code fail}, {@code run} or
 * {@code hold}. From then on it counts the matching calls and must not be changed.
 *
 * <p>By default it applies once, to the next matching call.
 */
public final class Fault {

    private final Consumer<Fault> activation;
    private final Set<Operation> operations;
    private final AtomicInteger matchingCalls = new AtomicInteger();
    private Predicate<Call> condition = call -> true;
    private int first = 1;
    private int times = 1;
    private Moment moment = Moment.BEFORE;
    private Runnable action = () -> {};

    Fault(Set<Operation> operations, Consumer<Fault> activation) {
        this.operations = operations;
        this.activation = activation;
    }

    /** The moment within a call. */
    public enum Moment {
        /** Before the call reaches the wrapped backend. */
        BEFORE,
        /**
         * During the call of the wrapped backend; for failures only. A commit fails halfway and the wrapped backend
         * rolls it back, so that nothing is written. A save writes the first half of the bytes, which no real backend
         * should do. A listing fails after its first entry, while it is read. All other operations fail as with
         * {@link #BEFORE}.
         */
        MIDWAY,
        /** After the wrapped backend has returned: the data has been written or read. */
        AFTER
    }

    /**
     * Restricts this fault to calls that name an entry, in any context, including commits that put or delete it.
     *
     * @param type the type of the entry
     * @param id the id of the entry
     * @return this fault
     */
    public Fault of(String type, String id) {
        EntryId entry = new EntryId(type, id);
        condition = condition.and(call -> call.entries().contains(entry));
        return this;
    }

    /**
     * Restricts this fault to calls for a context, possibly among others.
     *
     * @param context the name of the context
     * @return this fault
     */
    public Fault inContext(String context) {
        condition = condition.and(call -> call.contexts().contains(context));
        return this;
    }

    /**
     * Sets the first matching call to which this fault applies. The default is 1, the next one.
     *
     * @param n the number of the call, starting at 1
     * @return this fault
     */
    public Fault nth(int n) {
        first = n;
        return this;
    }

    /**
     * Sets the number of consecutive matching calls to which this fault applies. The default is 1.
     *
     * @param count the number of calls
     * @return this fault
     */
    public Fault times(int count) {
        times = count;
        return this;
    }

    /**
     * Makes this fault apply to all matching calls until {@link Faults#heal}.
     *
     * @return this fault
     */
    public Fault forever() {
        return times(Integer.MAX_VALUE);
    }

    /**
     * Activates this fault: calls fail with a {@link BackendException}.
     *
     * @param when the moment of the failure
     * @param kind the kind of the exception
     */
    public void fail(Moment when, BackendException.Kind kind) {
        fail(when, () -> switch (kind) {
            case PERMANENT -> BackendException.permanent("Injected failure", null);
            case TRANSIENT -> BackendException.transientFailure("Injected failure", null);
            case OUTCOME_UNKNOWN -> BackendException.outcomeUnknown("Injected failure", null);
        });
    }

    /**
     * Activates this fault: calls fail with an exception.
     *
     * @param when the moment of the failure
     * @param failures returns the exception; called for each failing call
     */
    public void fail(Moment when, Supplier<? extends RuntimeException> failures) {
        activate(when, () -> {
            throw failures.get();
        });
    }

    /**
     * Activates this fault: an action runs on the thread of each call. An exception of the action reaches the caller.
     *
     * @param when the moment of the action
     * @param toRun the action
     * @throws IllegalArgumentException if {@code when} is {@link Moment#MIDWAY}
     */
    public void run(Moment when, Runnable toRun) {
        if (when == Moment.MIDWAY) {
            throw new IllegalArgumentException("when must be BEFORE or AFTER, was MIDWAY, which is for failures");
        }
        activate(when, toRun);
    }

    /**
     * Activates this fault: calls wait until the test opens a gate, for up to 60 s. An interrupt does not end the wait.
     *
     * @param when the moment of the wait
     * @return the gate
     * @throws IllegalArgumentException if {@code when} is {@link Moment#MIDWAY}
     */
    public Gate hold(Moment when) {
        Gate gate = new Gate();
        run(when, gate::pass);
        return gate;
    }

    private void activate(Moment when, Runnable toRun) {
        moment = when;
        action = toRun;
        activation.accept(this);
    }

    /** Counts a call if it matches, and returns whether this fault applies to it. */
    boolean appliesTo(Call call) {
        if (!operations.contains(call.operation()) || !condition.test(call)) {
            return false;
        }
        int number = matchingCalls.incrementAndGet();
        return number >= first && number - first < times;
    }

    void apply(Moment now) {
        if (moment == now) {
            action.run();
        }
    }
}
