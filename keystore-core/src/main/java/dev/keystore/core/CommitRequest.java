package dev.keystore.core;

import dev.keystore.core.CommitState.Done;
import org.jspecify.annotations.Nullable;

/**
 * A commit in the pipeline: its contents, its state, and how it may be grouped with others.
 *
 * <p>Concurrency: only the leader, one thread at a time, uses what this class itself holds, except that the thread of
 * the commit reads its deadline and the last failure.
 */
final class CommitRequest {

    final CommitContents contents;
    final CommitState state;
    final long deadlineNanos;

    private boolean isolated;
    private boolean restrictedToContext;
    private int failedAttempts;
    private volatile @Nullable Throwable lastFailure;

    /** Creates a commit of the calling thread. */
    CommitRequest(CommitContents contents, long timeoutNanos) {
        this.contents = contents;
        this.state = new CommitState(contents);
        this.deadlineNanos = System.nanoTime() + timeoutNanos;
    }

    /** Creates a commit of the calling thread that writes records. */
    CommitRequest(StoredWrite storedWrite, long timeoutNanos) {
        this(new CommitContents(storedWrite), timeoutNanos);
    }

    Context context() {
        return contents.context;
    }

    /** Seals its values again if the sealer was replaced since they were sealed. */
    void sealAgainIfOutdated() {
        contents.sealAgainIfOutdated();
        if (state.get() instanceof Done) {
            contents.recordUnwritten(); // its thread may have ended it before it could see the new sealer
        }
    }

    /**
     * Returns whether it is written in a group without others. A clear is, since it changes keys that it does not name.
     * A write of records is, too: it compares stored records, which an earlier commit of its group could still change.
     * Those that share groups are not, since each commit of such a group writes to another context.
     */
    boolean mustBeAlone() {
        return isolated || (!sharesGroups() && (contents.clears() || contents.storedWrite() != null));
    }

    private boolean sharesGroups() {
        StoredWrite storedWrite = contents.storedWrite();
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
        return restrictedToContext ? context() == next.context() : !next.restrictedToContext;
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
}
