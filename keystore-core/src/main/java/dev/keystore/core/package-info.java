/**
 * The engine. {@link dev.keystore.core.SignalKeyStores} is its one entry point.
 *
 * <p>The way of a read: {@code ContextStore} → {@code EntryCache} → (on a miss) {@code Storage} → backend. The way of a
 * commit: {@code ContextStore} → {@code LockTable} → the caller's work on a {@code StoreTransaction} →
 * {@code CommitPipeline} → {@code Storage} → backend, then {@code EntryCache}.
 *
 * <p>Lock order, from the first taken to the last: the locks of {@code LockTable} in the order of their keys;
 * leadership of the {@code CommitPipeline}; the pipeline's queue. No lock is held while a caller's thread waits for another's load.
 */
@NullMarked
package dev.keystore.core;

import org.jspecify.annotations.NullMarked;
