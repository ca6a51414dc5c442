package dev.keystore.core;

import dev.keystore.spi.KeyStoreListener;
import dev.keystore.spi.KeyStoreListener.CommitResult;
import dev.keystore.spi.KeyStoreListener.GroupResult;
import dev.keystore.spi.KeyStoreListener.WaitResult;
import java.util.Set;
import java.util.function.Consumer;
import jdk.jfr.Category;
import jdk.jfr.Description;
import jdk.jfr.Enabled;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Threshold;
import jdk.jfr.Timespan;
import org.jspecify.annotations.Nullable;

/**
 * The events of the flight recorder, which also measure the time for listeners. None has a field for a value, an id, a
 * lock key or a context (R101).
 */
final class FlightEvents {

    private FlightEvents() {}

    /**
     * An operation that takes time: from its creation until the first call of {@link #stop}, or until its report.
     * {@link #accept} reports it to a listener.
     */
    @Category("Keystore")
    @StackTrace(false)
    @Threshold("10 ms")
    abstract static class Measured extends Event implements Consumer<KeyStoreListener> {

        private final transient long startNanos = System.nanoTime();
        private transient long nanos = -1;

        /** Begins its duration for the flight recorder. */
        Measured() {
            begin();
        }

        final void stop() {
            nanos = System.nanoTime() - startNanos;
            end();
        }

        final long nanos() {
            if (nanos < 0) {
                stop();
            }
            return nanos;
        }

        final long nanosSinceStart() {
            return System.nanoTime() - startNanos;
        }
    }

    /** An operation that has a result. */
    abstract static class MeasuredWithResult<R extends Enum<R>> extends Measured {

        private transient R ended;

        @Label("Result")
        @Nullable
        String result;

        MeasuredWithResult(R defaultResult) {
            ended = defaultResult;
        }

        final void setResult(R how) {
            ended = how;
            result = how.name();
        }

        final R ended() {
            return ended;
        }
    }

    @Name("dev.keystore.Load")
    @Label("Load")
    @Description("A read of entries that were not cached, from the backend")
    @Enabled(false)
    static final class Load extends MeasuredWithResult<WaitResult> {

        @Label("Entries")
        int entries;

        Load() {
            super(WaitResult.FAILURE);
        }

        @Override
        public void accept(KeyStoreListener listener) {
            listener.onLoad(entries, nanos(), ended());
        }
    }

    @Name("dev.keystore.LockWait")
    @Label("Lock Wait")
    @Description("A wait of a transaction for the locks of its keys")
    static final class LockWait extends MeasuredWithResult<WaitResult> {

        LockWait() {
            super(WaitResult.FAILURE);
        }

        @Override
        public void accept(KeyStoreListener listener) {
            listener.onLockWait(nanos(), ended());
        }
    }

    @Name("dev.keystore.Commit")
    @Label("Commit")
    @Description("A commit, from its beginning until its thread knows the outcome")
    static final class Commit extends MeasuredWithResult<CommitResult> {

        Commit() {
            super(CommitResult.UNKNOWN);
        }

        @Override
        public void accept(KeyStoreListener listener) {
            listener.onCommit(nanos(), ended());
        }
    }

    @Name("dev.keystore.GroupWrite")
    @Label("Group Write")
    @Description("A write of a group of commits by the backend")
    static final class GroupWrite extends MeasuredWithResult<GroupResult> {

        /** Whether at least one commit is written again after a transient failure. */
        transient boolean retried;

        @Label("Commits")
        int commits;

        @Label("Sendings")
        @Description("More than 1 if the outcome was unknown at first")
        int sendings = 1;

        @Label("Fsync Time")
        @Description("The time that the backend has waited for the disk; 0 if it does not measure that")
        @Timespan(Timespan.NANOSECONDS)
        long fsyncNanos;

        /** Whether the backend has reported an fsync. */
        private transient boolean fsyncMeasured;

        GroupWrite() {
            super(GroupResult.UNKNOWN);
        }

        void addFsync(long nanos) {
            fsyncNanos += nanos;
            fsyncMeasured = true;
        }

        @Override
        public void accept(KeyStoreListener listener) {
            listener.onGroup(commits, sendings, nanos(), ended());
            if (fsyncMeasured) {
                listener.onFsync(fsyncNanos);
            }
        }
    }

    /** What a transaction does at the moment. */
    enum Phase {
        /** Waits for locks, of a nested transaction too. */
        WAIT,
        /** Runs its work. */
        WORK,
        /** Commits, or pauses after a conflict. */
        COMMIT
    }

    @Name("dev.keystore.Transaction")
    @Label("Transaction")
    @Description("A transaction with lock keys")
    @Threshold("100 ms")
    static final class Transaction extends Measured {

        final transient Set<String> lockKeys;
        private transient Phase phase = Phase.WAIT;
        private transient long markedNanos;

        @Label("Wait Time")
        @Timespan(Timespan.NANOSECONDS)
        long waitNanos;

        @Label("Work Time")
        @Timespan(Timespan.NANOSECONDS)
        long workNanos;

        @Label("Commit Time")
        @Timespan(Timespan.NANOSECONDS)
        long commitNanos;

        @Label("Attempts")
        int attempts;

        @Label("Succeeded")
        boolean succeeded;

        Transaction(Set<String> lockKeys) {
            this.lockKeys = lockKeys;
        }

        /** Adds the time since the last call to the phase that has ended, and begins another one. */
        void begin(Phase next) {
            long now = nanosSinceStart();
            long phaseNanos = now - markedNanos;
            markedNanos = now;
            if (phase == Phase.WAIT) {
                waitNanos += phaseNanos;
            } else if (phase == Phase.WORK) {
                workNanos += phaseNanos;
            } else {
                commitNanos += phaseNanos;
            }
            phase = next;
        }

        /** Adds the time since the last phase began to it. */
        void endPhase() {
            begin(phase);
        }

        @Override
        public void accept(KeyStoreListener listener) {
            listener.onTransaction(lockKeys, waitNanos, workNanos, commitNanos, succeeded);
        }
    }

    @Name("dev.keystore.Conflict")
    @Label("Conflict")
    @Description("An attempt of a transaction or of a single write ended because something that it read has changed")
    @Category("Keystore")
    @StackTrace(false) // many threads that retry would fill a recording with them
    static final class Conflict extends Event {}

    @Name("dev.keystore.OwnershipLost")
    @Label("Ownership Lost")
    @Description("A commit was refused for the first time because another owner has taken the context over")
    @Category("Keystore")
    static final class OwnershipLost extends Event {}
}
