/**
 * The engine. {@link dev.keystore.core.SignalKeyDatabase} is its entry point.
 *
 * <p>Path of a read: {@code ContextStore} → {@code EntryCache} → (on a miss) {@code EntryLoader} → {@code Storage} →
 * backend.
 *
 * <p>Path of a commit: {@code ContextStore} → {@code LockTable} → the caller's work on a {@code StoreTransaction} →
 * {@code CommitPipeline} → {@code CommitQueue}; then, on the leader's thread, {@code GroupWriter} → {@code Storage} →
 * backend → {@code EntryCache}. The design block of {@code CommitPipeline} states the lock order.
 *
 * <p>Rule numbers in this package, such as {@code R24}, refer to the contract in {@code docs/contract.md} in the
 * repository. {@code docs/design.md} draws both paths, and says what each class is.
 */
@NullMarked
package dev.keystore.core;

import org.jspecify.annotations.NullMarked;
