/**
 * The interfaces that authors of persistence backends, encryption, key providers and listeners implement.
 *
 * <p>A {@link dev.keystore.spi.BackendProvider}, found through {@link java.util.ServiceLoader}, opens a backend from a
 * URL. The backend itself implements {@link dev.keystore.spi.PersistenceBackend} (one context) or
 * {@link dev.keystore.spi.ContextAwareBackend} (many contexts): load, save, delete, list and close. It declares further
 * capabilities by implementing one or more of these interfaces.
 *
 * <ul>
 *   <li>{@link dev.keystore.spi.AtomicCommit} writes a batch of mutations of one context atomically.
 *   <li>{@link dev.keystore.spi.GroupCommit} writes batches of several contexts atomically, with one fsync.
 *   <li>{@link dev.keystore.spi.BulkLoad} loads several ids in one round trip.
 *   <li>{@link dev.keystore.spi.PrefixScan} finds ids by type and prefix without reading all entries.
 *   <li>{@link dev.keystore.spi.ContextOwnership} fences a former owner of a context by an epoch.
 *   <li>{@link dev.keystore.spi.ContextListing} lists the contexts that hold entries.
 *   <li>{@link dev.keystore.spi.ContextPositions} keeps the position of the last commit of each context.
 *   <li>{@link dev.keystore.spi.ContextSnapshots} reads a context as of one point in time, while commits continue.
 *   <li>{@link dev.keystore.spi.FsyncTiming} measures how long writes wait for the disk.
 *   <li>{@link dev.keystore.spi.Compaction} rewrites the backend's files, so that no former value is left in them.
 * </ul>
 *
 * <p>The engine detects them once, when it opens the backend. A backend reports failures as
 * {@link dev.keystore.spi.BackendException}, whose kind determines whether the engine retries.
 *
 * <p>Values are opaque to a backend: the engine wraps each of them in an envelope with a checksum, or has them
 * encrypted by a {@link dev.keystore.spi.Sealing}. A {@link dev.keystore.spi.KeyProvider} gives the {@code Sealing}
 * access to a root key. A {@link dev.keystore.spi.KeyStoreListener} is called when a database has done something.
 * Types, ids and contexts are exact: no case folding, no normalization, no trimming, no wildcards.
 *
 * <p>In the repository, {@code docs/writing-a-backend.md} builds a backend step by step, {@code docs/contract.md}
 * contains the rules cited here ({@code R12}), and {@code docs/design.md} shows how the engine calls a backend.
 */
@NullMarked
package dev.keystore.spi;

import org.jspecify.annotations.NullMarked;
