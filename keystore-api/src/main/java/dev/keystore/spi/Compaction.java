package dev.keystore.spi;

/**
 * A backend that can rewrite what it stores, so that its files hold the current values only.
 *
 * <p>A database keeps the bytes of replaced and deleted values in free space, logs and journals until that space is
 * used again. The engine compacts a store at the end of encrypting it, so that nothing is left in plaintext (R74).
 */
public interface Compaction {

    /**
     * Rewrites the stored entries. On return, no file of this backend (database, log, journal, checkpoint, working or
     * temporary file) holds a byte of a value that was replaced or deleted before the call, and free space was returned
     * to the file system. Both effects survive power loss.
     *
     * <p>Not covered: blocks of the disk that files no longer occupy, and copies outside of the backend, such as
     * backups, replicas and snapshots.
     *
     * <p>Blocks until that is done, which takes time in proportion to the size of the store, on the calling thread or
     * another one. Loads, listings and writes may run concurrently. A write may wait, or fail as
     * {@linkplain BackendException#transientFailure transient}, so that the engine retries it; none is lost. Killing
     * the process loses nothing. A second call at the same time waits, or fails as transient.
     *
     * <p>Whatever is thrown, all entries are unchanged, the backend stays usable, and former values may remain. An
     * interrupt ends a wait with {@link dev.keystore.OperationInterruptedException}; an implementation may also
     * complete the work that it has begun. {@link Backend#close} may end a running call with an exception.
     *
     * @throws BackendException if former values may remain, for example on a full disk, or because a reader that this
     *     backend can't end keeps them in use (transient)
     * @throws dev.keystore.OperationInterruptedException if the thread was interrupted; its flag is set
     */
    void compact();
}
