package dev.keystore.core;

import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.EntryId;
import dev.keystore.KeyStoreException;
import dev.keystore.RollbackFailedException;
import dev.keystore.spi.Mutation;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A commit in the pipeline: what it read, what it writes, and its state.
 *
 * <p>Concurrency: its own thread and the leader change the state by compare-and-set. Whichever of them ends it first
 * decides the outcome; later attempts to end it have no effect. Apart from the state:
 *
 * <ul>
 *   <li>its own thread creates it and seals its values ({@link #seal}) before it is queued, and sets
 *       {@link #callerGone} when it leaves;
 *   <li>the leader, one thread at a time, reads how it may be grouped ({@link #mustBeAlone}, {@link #admits}) and takes
 *       it; seals its values again ({@link #sealAgainIfOutdated}) and lets it {@link #carry} an entry of the freshness
 *       anchor when it checks it; and records the outcome: {@link #recordDurable}, {@link #recordUnknown}, and after a
 *       failure how it is grouped from then on ({@link #isolate}, {@link #restrictToContext});
 *   <li>whichever thread ends it with nothing written discards the keys that were created for it.
 * </ul>
 */
final class CommitRequest {

    /** The state of a commit; {@link CommitPipeline} draws the transitions. */
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
                    && !(failure instanceof CommitOutcomeUnknownException || failure instanceof RollbackFailedException);
        }
    }

    /** Nothing was written, since an entry that it read has changed (R24). Its transaction creates the exception. */
    record Conflict(EntryId changed) implements Done {

        @Override
        public boolean isUnwritten() {
            return true;
        }
    }

    final Context context;
    final Map<EntryKey, Entry> reads;
    final Map<EntryKey, Entry> writes;
    final long deadlineNanos;
    private final @Nullable Set<String> keptTypes;
    private final @Nullable StoredWrite storedWrite;

    /**
     * Volatile: its thread and the leader may both end the commit, and whichever runs later must see these values to
     * discard their keys.
     */
    private volatile SealedWrites sealed = SealedWrites.NONE;

    private final Thread thread = Thread.currentThread();
    private final boolean virtual = VirtualThreads.isVirtual(thread);
    private final AtomicReference<State> state = new AtomicReference<>(Step.QUEUED);

    /**
     * Set by its thread when it leaves the pipeline, also with an error. A plain field write, which needs no stack
     * (R31).
     */
    volatile boolean callerGone;

    /** Whether it has to be counted for the freshness anchor once it is durable. Set by the leader. */
    private boolean uncounted;

    /** The entry that it carries for the freshness anchor, or null. Set by the leader. */
    private @Nullable FreshnessEntry carried;

    private boolean isolated;
    private boolean restrictedToContext;
    private int failedAttempts;
    private volatile @Nullable Throwable lastFailure;

    /**
     * Creates a commit of the calling thread.
     *
     * @param keptTypes the types that stay if the context is cleared before the writes; else null
     */
    CommitRequest(
            Context context,
            Map<EntryKey, Entry> reads,
            Map<EntryKey, Entry> writes,
            @Nullable Set<String> keptTypes,
            long timeoutNanos) {
        this(context, reads, writes, keptTypes, null, timeoutNanos);
    }

    /** Creates a commit of the calling thread that writes records. */
    CommitRequest(StoredWrite storedWrite, long timeoutNanos) {
        this(storedWrite.context(), Map.of(), Map.of(), null, storedWrite, timeoutNanos);
    }

    private CommitRequest(
            Context context,
            Map<EntryKey, Entry> reads,
            Map<EntryKey, Entry> writes,
            @Nullable Set<String> keptTypes,
            @Nullable StoredWrite storedWrite,
            long timeoutNanos) {
        this.context = context;
        this.reads = reads;
        this.writes = writes;
        this.keptTypes = keptTypes;
        this.storedWrite = storedWrite;
        this.deadlineNanos = System.nanoTime() + timeoutNanos;
    }

    /** Returns the records that it writes, or null if it writes values. */
    @Nullable
    StoredWrite storedWrite() {
        return storedWrite;
    }

    /**
     * Seals the values that it writes. Its own thread does that before the commit is queued. May load the keys of the
     * context; throws as {@link ContextSealer#current} does, and then keeps what was sealed before.
     */
    void seal() {
        sealed = SealedWrites.of(writes, context.sealer(), erases());
    }

    /** Seals its values again if the sealer was replaced since. Called by the leader. */
    void sealAgainIfOutdated() {
        ValueSealer sealer = sealed.sealer();
        while (sealer != null && context.sealer().isOutdated(sealer, erases())) {
            seal();
            context.sealer().recordUnwritten(sealer);
            sealer = sealed.sealer();
        }
        if (state.get() instanceof Done) {
            recordUnwritten(); // its thread may have ended it before it could see the new sealer
        }
    }

    /** Returns the mutation that stores the keys that its values are sealed with; null if they are stored already. */
    @Nullable
    Mutation unwrittenKeys() {
        ValueSealer sealer = sealed.sealer();
        return sealer == null ? null : context.sealer().unwrittenKeys(sealer);
    }

    /**
     * Returns the entry for the freshness anchor that it has to carry, or null. Called by the leader, after a check.
     *
     * @param writesAnything whether it writes anything else; if not, it carries none
     */
    @Nullable
    FreshnessEntry carry(boolean writesAnything) {
        ContextFreshness freshness = context.freshness();
        uncounted = writesAnything && freshness != null;
        carried = writesAnything && freshness != null ? freshness.due() : null;
        return carried;
    }

    /**
     * Records that it is durable, for the freshness anchor and the keys of the context. Called by the leader, before
     * anything is published.
     */
    void recordDurable() {
        ContextFreshness freshness = context.freshness();
        if (uncounted && freshness != null) {
            freshness.recordDurable(carried);
            uncounted = false; // another leader may have to repeat this
        }
        if (storedWrite == null) {
            context.sealer().recordDurable(sealed.sealer(), erases());
        } else {
            storedWrite.recordDurable();
        }
    }

    /** Records that it is unknown whether it is durable, for the keys of the context. Called by the leader. */
    void recordUnknown() {
        if (storedWrite != null) {
            storedWrite.recordUnknown();
        } else if (erases()) {
            context.sealer().recordEraseUnknown(sealed.sealer());
        }
    }

    /** Records that nothing of it was written, for keys that were created for it. Has no effect if they are in use. */
    private void recordUnwritten() {
        context.sealer().recordUnwritten(sealed.sealer());
        if (storedWrite != null) {
            storedWrite.recordUnwritten();
        }
    }

    /** Returns whether it erases the context before its writes. */
    private boolean erases() {
        return keptTypes != null && keptTypes.isEmpty();
    }

    /** Returns whether it clears the context before its writes, or may write any entry of it. */
    boolean clears() {
        return keptTypes != null || (storedWrite != null && storedWrite.coversContext());
    }

    /** Returns whether entries of a type stay when this commit clears the context. */
    boolean keeps(String type) {
        return keptTypes == null || keptTypes.contains(type);
    }

    /** Returns the mutation that clears the context, or null if this commit doesn't. */
    Mutation.@Nullable Clear clear() {
        return keptTypes == null ? null : new Mutation.Clear(context.keptByClear(keptTypes));
    }

    /** Returns the mutation that saves a written entry, or null if the write is a delete. */
    @Nullable
    Mutation put(EntryKey key) {
        return sealed.put(key);
    }

    /** Returns the keys that stay if this commit clears the context: the credentials, except in an erase. */
    List<EntryKey> keptByClear() {
        return keptTypes == null || erases() ? List.of() : List.of(KeyTypeRegistry.credentialsKey(context));
    }

    List<EntryId> entryIds() {
        return writes.keySet().stream().map(EntryKey::entryId).toList();
    }

    /**
     * Returns whether it is written in a group without others. A clear is, since it changes keys that it does not name;
     * a write of records is, since it compares stored ones, which an earlier commit of its group could still change,
     * unless all commits of the group write records of different contexts.
     */
    boolean mustBeAlone() {
        return isolated || (!sharesGroups() && (clears() || storedWrite != null));
    }

    private boolean sharesGroups() {
        return storedWrite != null && storedWrite.sharesGroups();
    }

    /** From now on, it is written in a group without others, so that a refusal concerns only this commit. */
    void isolate() {
        isolated = true;
    }

    /** From now on, it shares a group only with commits of the same context. Called after a transient failure. */
    void restrictToContext() {
        restrictedToContext = true;
    }

    /**
     * Returns whether {@code next} may join a group whose first commit is this one. Two imports of a group have
     * different contexts, because a thread that copies a context keeps others from copying it.
     */
    boolean admits(CommitRequest next) {
        if (sharesGroups() || next.sharesGroups()) {
            return sharesGroups() && next.sharesGroups() && !restrictedToContext && !next.restrictedToContext;
        }
        return restrictedToContext ? context == next.context : !next.restrictedToContext;
    }

    /** Records a failure, which is the cause if the commit times out. */
    void recordFailure(Throwable failure) {
        lastFailure = failure;
    }

    /** Returns the last failure that was recorded, or null. */
    @Nullable
    Throwable lastFailure() {
        return lastFailure;
    }

    /** Counts a transient failure, and returns how many there were. */
    int countFailedAttempt() {
        return ++failedAttempts;
    }

    int failedAttempts() {
        return failedAttempts;
    }

    State state() {
        return Objects.requireNonNull(state.get());
    }

    /** Returns how it ended, after it has. */
    Done end() {
        return (Done) state();
    }

    /** Returns whether nothing needs to be done for it any more: it has ended, or its thread has left. */
    boolean isFinished() {
        return callerGone || state.get() instanceof Done;
    }

    /** Returns whether its thread can lead. A virtual thread may not get a carrier while others wait for it. */
    boolean canLead() {
        return !virtual && !callerGone;
    }

    /** Changes the state if it is {@code from}, and returns whether it was. */
    boolean advance(Step from, Step to) {
        return state.compareAndSet(from, to);
    }

    /** Makes its thread the next leader; returns false if it is no longer queued. */
    boolean offerLead() {
        return advance(Step.QUEUED, Step.LEAD_OFFERED) || state.get() == Step.LEAD_OFFERED;
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
        if (state.compareAndSet(from, new Ended(failure)) && from != Step.WRITING) {
            recordUnwritten();
        }
    }

    /** Ends it unless it is being written; returns whether this ended it, with nothing written. */
    boolean endUnlessWriting(KeyStoreException failure) {
        Done done = new Ended(failure);
        State now = state();
        while (now != Step.WRITING && !(now instanceof Done)) {
            if (state.compareAndSet(now, done)) {
                recordUnwritten();
                return true;
            }
            now = state();
        }
        return false;
    }

    /** Ends it in any state, and wakes its thread. Has no effect on a commit that has ended. */
    void endInAnyState(Done end) {
        State now = state();
        while (!(now instanceof Done) && !state.compareAndSet(now, end)) {
            now = state();
        }
        if (end.isUnwritten()) {
            recordUnwritten();
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
