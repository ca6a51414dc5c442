/**
 * The engine. {@link dev.keystore.core.SignalKeyDatabase} is its one entry point.
 *
 * <p>The way of a read: {@code ContextStore} → {@code EntryCache} → (on a miss) {@code Storage} → backend. The way of a
 * commit: {@code ContextStore} → {@code LockTable} → the caller's work on a {@code StoreTransaction} →
 * {@code CommitPipeline} → {@code CommitQueue}, then on the leader's thread {@code GroupWriter} → {@code Storage} → backend,
 * then {@code EntryCache}.
 *
 * <p>Lock order, from the first taken to the last: the locks of {@code LockTable} in the order of their keys;
 * the lead of the {@code CommitQueue}; the lock of the {@code S3FifoCache}. No lock is held while a caller's thread waits for
 * another's load.
 */
@NullMarked
package dev.keystore.core;

import org.jspecify.annotations.NullMarked;
