package dev.keystore.core;

import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.EntryId;
import dev.keystore.KeyStoreException;
import dev.keystore.RollbackFailedException;
import dev.keystore.spi.support.PlatformThreads;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The state of a commit.
 *
 * <pre>
 *            add            offerLead                  take          beginWriting
 * (created) ────► QUEUED ─────────────► LEAD_OFFERED ────────► TAKEN ────────────► WRITING
 *                 │ ▲ └──────────── take ──────────────────────► ▲ │ ◄── returnTo ──── │ │
 *                 │ └────────────── putBack ─────────────────────┴─┴───────────────────┘ │
 *                 ▼                          ▼                     ▼                     ▼
 *               Done                       Done                  Done                  Done
 *               not admitted, interrupted, timed out, or failed its check:             written, refused, or unknown
 *               nothing written
 * </pre>
 *
 * <p>A commit is not admitted if its thread was interrupted before, its values could not be sealed, what it deletes
 * could not be loaded, or the queue is closed. It fails its check if its context refuses commits, or if what it read
 * has changed or cannot be read again. {@link CommitGroup.CheckResult#beginWriting} moves a group to {@code WRITING};
 * the group returns to {@code TAKEN} if one of its commits has ended since the check, and after a transient failure.
 *
 * <p>Concurrency: the thread of the commit and the leader change the state by compare-and-set. Whichever of them ends
 * the commit first decides the outcome; later attempts to end it do not change it.
 */
final class CommitState {

    /** A state. */
    sealed interface State {}

    /** The states before the end. Before {@link #WRITING} its thread may end it, since nothing was written. */
    enum Step implements State {
        /** Created, or in the queue. */
        QUEUED,
        /** At the head of the queue; its thread leads the next group. */
        LEAD_OFFERED,
        /** In the leader's group, but not being written. */
        TAKEN,
        /** Being written by the backend. */
        WRITING
    }

    /** The states at the end. */
    sealed interface Done extends State {

        /** Returns whether nothing was written, and nothing will be. */
        boolean isUnwritten();
    }

    /**
     * It was written, or has failed: all of it is durable if {@code failure} is null; otherwise the type of
     * {@code failure} states what was written.
     */
    record Ended(@Nullable KeyStoreException failure) implements Done {

        @Override
        public boolean isUnwritten() {
            return failure != null
                    && !(failure instanceof CommitOutcomeUnknownException
                            || failure instanceof RollbackFailedException);
        }
    }

    /** Nothing was written, since an entry that it read has changed (R24). Its transaction creates the exception. */
    record Conflict(EntryId changed) implements Done {

        @Override
        public boolean isUnwritten() {
            return true;
        }
    }

    /** Instead of an {@code AtomicReference}, which is one object more for each commit. */
    private static final VarHandle STATE;

    static {
        try {
            STATE = MethodHandles.lookup().findVarHandle(CommitState.class, "state", State.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final CommitContents contents;
    private final Thread thread = Thread.currentThread();
    private final boolean virtual = PlatformThreads.isVirtual(thread);
    private volatile State state = Step.QUEUED;

    /**
     * Set by its thread when it leaves the pipeline, also with an error. A plain field write, which needs no stack
     * (R31).
     */
    volatile boolean callerGone;

    /** Creates the state of a commit of the calling thread. */
    CommitState(CommitContents contents) {
        this.contents = contents;
    }

    State get() {
        return state;
    }

    /** Returns how it ended, after it has. */
    Done outcome() {
        return (Done) state;
    }

    /** Returns whether nothing needs to be done for it any more: it has ended, or its thread has left. */
    boolean isFinished() {
        return callerGone || state instanceof Done;
    }

    /** Returns whether its thread can lead. A virtual thread may not get a carrier while others wait for it. */
    boolean canLead() {
        return !virtual && !callerGone;
    }

    /** Changes the state if it is {@code from}, and returns whether it was. */
    boolean advance(Step from, State to) {
        return STATE.compareAndSet(this, from, to);
    }

    /** Makes its thread the next leader; returns false if it is no longer queued. */
    boolean offerLead() {
        return advance(Step.QUEUED, Step.LEAD_OFFERED) || state == Step.LEAD_OFFERED;
    }

    /** Moves it from the queue into a group; returns false if it has ended. */
    boolean take() {
        return advance(Step.LEAD_OFFERED, Step.TAKEN) || advance(Step.QUEUED, Step.TAKEN);
    }

    /** Moves it from the group back to {@code to} unless it has ended, and wakes its thread. */
    boolean returnTo(Step to) {
        boolean returned = advance(Step.WRITING, to) || advance(Step.TAKEN, to);
        wake();
        return returned;
    }

    /** Ends it if its state is {@code from}. */
    void endFrom(Step from, KeyStoreException failure) {
        if (advance(from, new Ended(failure)) && from != Step.WRITING) {
            contents.recordUnwritten();
        }
    }

    /** Ends it unless it is being written; returns whether this ended it, with nothing written. */
    boolean endUnlessWriting(KeyStoreException failure) {
        Ended end = new Ended(failure);
        State now = state;
        while (now != Step.WRITING && now instanceof Step step) {
            if (advance(step, end)) {
                contents.recordUnwritten();
                return true;
            }
            now = state;
        }
        return false;
    }

    /**
     * Ends it in any state, and wakes its thread. If it has ended already, its outcome stays; if nothing was written,
     * that is recorded even so, for the keys that were created for it.
     */
    void endInAnyState(Done end) {
        State now = state;
        while (now instanceof Step step && !advance(step, end)) {
            now = state;
        }
        if (end.isUnwritten()) {
            contents.recordUnwritten();
        }
        wake();
    }

    /** Wakes its thread. Unparking the calling thread would only cut its own next park short. */
    void wake() {
        if (thread != Thread.currentThread()) {
            LockSupport.unpark(thread);
        }
    }
}
