package dev.keystore.spi;

import java.util.Set;
import java.util.function.LongSupplier;

/**
 * Receives the events of a database, for metrics, logs and traces (R100). Each method does nothing by default.
 *
 * <p>A listener is registered on the builder of a database, before the database is opened. Without a listener and
 * without a flight recording, nothing is measured, except that SQLite and MapDB read the clock twice for each fsync.
 * Cached reads are only counted: {@link #onOpened} receives the counter.
 *
 * <p>No method receives a value, an id or the name of a context (R101). Lock keys often contain ids:
 * {@link #onTransaction} receives them for logs, and they must not become tags of a metric.
 *
 * <p>Threads: each method is called on the thread that did what is reported, several threads at a time, and often while
 * that thread holds locks of the engine. Other threads may be waiting for it. Therefore a listener must be thread-safe,
 * must not block or do I/O, and must not use the database. A write of the database is refused with
 * {@link IllegalStateException}. Reads are allowed, but one that needs an entry which this thread is loading or writing
 * waits for itself until {@code loadTimeout}. Neither is reported.
 *
 * <p>Exceptions that a listener throws are discarded; the first one is logged. They do not affect what is reported: the
 * outcome of a commit is decided before any listener is called.
 */
public interface KeyStoreListener {

    /** How a load, or a transaction's wait for its locks, ended. */
    enum WaitResult {
        /** The entries were loaded; or the transaction has its locks. */
        SUCCESS,
        /** The backend failed; or {@code lockTimeout} has passed. */
        FAILURE,
        /** The thread was interrupted, for example because its call was cancelled. */
        INTERRUPTED
    }

    /** How a commit ended. */
    enum CommitResult {
        /** All of it is durable. */
        WRITTEN,
        /** Nothing was written, because something that it read has changed. */
        CONFLICT,
        /** Nothing was written, because another owner has taken the context over. */
        OWNERSHIP_LOST,
        /** Nothing was written, because another copy of the context was written to. */
        STALE,
        /** Nothing was written, because the thread was interrupted, for example since its call was cancelled. */
        INTERRUPTED,
        /** Nothing was written, for another reason, for example because the context was moved. */
        NOT_WRITTEN,
        /** It is unknown what was written. */
        UNKNOWN
    }

    /** How the write of a group ended. */
    enum GroupResult {
        /** All of it is durable. */
        WRITTEN,
        /** Nothing was written, because of a transient failure, and at least one of its commits is written again. */
        RETRIED,
        /**
         * Nothing was written, because of a transient failure, and none of its commits is written again: their attempts
         * are used up, or they have timed out or were interrupted.
         */
        GIVEN_UP,
        /** Nothing was written. The commits of a group of several are written again, one by one. */
        REFUSED,
        /** It is unknown what was written. */
        UNKNOWN
    }

    /**
     * The database was opened, by the thread that calls this method.
     *
     * @param cachedReads returns how many ids callers have read from the cache since then; an id that a transaction
     *     reads again is counted once. Deletes, and the checks of commits, do not count, although {@link #onLoad}
     *     reports what they load. Can be called at any time by any thread
     */
    default void onOpened(LongSupplier cachedReads) {}

    /**
     * Entries that were not cached have been loaded from the backend, in one call: for a read, for a delete, or for the
     * check of a commit.
     *
     * @param entries the number of ids; some may not exist
     * @param nanos the time that the backend took
     * @param result whether the backend returned; whether what it returned is readable is not known yet
     */
    default void onLoad(int entries, long nanos, WaitResult result) {}

    /**
     * Entries were found that cannot be read: damaged, tampered with, or without their key. This counts findings: an
     * entry that is read again is reported again. Called by each load and each uncached read that finds one; by a
     * listing for each entry or context whose hidden name cannot be read; and once by each verification and each
     * inspection that finds some, even if it then fails. Copies, backups, moves and rewrites report the entries that
     * they cannot read to their callers only.
     *
     * @param entries the number of entries, at least 1
     */
    default void onUnreadable(int entries) {}

    /**
     * A transaction has waited for the locks of its keys, possibly not at all.
     *
     * @param nanos the time that it waited
     * @param result whether it has the locks now
     */
    default void onLockWait(long nanos, WaitResult result) {}

    /**
     * A commit has ended: of a single write, or of an attempt of a transaction that wrote anything.
     *
     * @param nanos the time that it took, including its time in the queue and its retries
     * @param result what was written
     */
    default void onCommit(long nanos, CommitResult result) {}

    /**
     * The backend has written a group of commits, or has failed to. With group commit, that is one transaction and one
     * fsync, which usually takes most of the time; {@link #onFsync} reports that time separately.
     *
     * <p>May be called shortly after the calls of its commits have returned.
     *
     * @param commits the number of commits in the group
     * @param sendings how often it was sent to the backend: more than once if the outcome was unknown at first
     * @param nanos the time until its outcome was known, including the fsync
     * @param result what was written
     */
    default void onGroup(int commits, int sendings, long nanos, GroupResult result) {}

    /**
     * The backend has waited for the disk while it wrote a group. Called after {@link #onGroup}. Not called for
     * backends that do not implement {@link FsyncTiming}, such as the one for PostgreSQL.
     *
     * @param nanos the time that the fsync took, or several of this group together; on SQLite, the time of
     *     {@code COMMIT}, which appends to the log and forces it
     */
    default void onFsync(long nanos) {}

    /**
     * An attempt of a transaction or of a single write has ended in a conflict, at a read or at the commit. Called once
     * for each attempt, wherever the exception is thrown, also if it is then retried.
     *
     * <p>Copies, restores, moves and changes of the encryption are neither: a conflict of what they write is reported
     * by {@link #onCommit} only.
     */
    default void onConflict() {}

    /**
     * A transaction has ended and released its locks. Single writes are not reported.
     *
     * @param lockKeys its lock keys, which often contain ids: they must not become tags of a metric
     * @param waitNanos the time that it waited for its locks, including those of transactions nested in it
     * @param workNanos the time that its work took, in all attempts
     * @param commitNanos the time that its commits took, in all attempts, including the pauses after conflicts
     * @param succeeded whether it returned to its caller without an exception
     */
    default void onTransaction(
            Set<String> lockKeys, long waitNanos, long workNanos, long commitNanos, boolean succeeded) {}

    /** A context was opened, or taken over from its former owner. */
    default void onContextOpened() {}

    /** A commit was refused for the first time because another owner has taken the context over. */
    default void onOwnershipLost() {}

    /**
     * The pre-keys of an account have been counted, after some of them were used, generated, uploaded or deleted.
     *
     * <p>The engine does not know accounts. {@code keystore-libsignal} calls this method on the listener of an
     * account's options, outside of a transaction.
     *
     * @param oneTime one-time pre-keys left, without those that a later upload has replaced
     * @param signed signed pre-keys, with former ones that are still kept
     * @param oneTimeKyber one-time Kyber pre-keys left, without those that a later upload has replaced
     * @param lastResortKyber last-resort Kyber pre-keys, with former ones that are still kept
     */
    default void onPreKeysCounted(int oneTime, int signed, int oneTimeKyber, int lastResortKyber) {}
}
