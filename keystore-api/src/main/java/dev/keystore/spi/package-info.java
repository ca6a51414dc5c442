/**
 * What the author of a persistence backend implements.
 *
 * <p>The least a backend does is {@link dev.keystore.spi.PersistenceBackend} (one context) or
 * {@link dev.keystore.spi.ContextAwareBackend} (many contexts): load, save, delete, list, close. What it can do beyond
 * that it says by implementing one or more of
 *
 * <ul>
 *   <li>{@link dev.keystore.spi.AtomicCommit}: writes a batch of mutations of one context as one,
 *   <li>{@link dev.keystore.spi.GroupCommit}: writes several batches, of several contexts, as one,
 *   <li>{@link dev.keystore.spi.BulkLoad}: loads several ids in one round trip,
 *   <li>{@link dev.keystore.spi.PrefixScan}: finds ids by type and prefix without reading the others,
 *   <li>{@link dev.keystore.spi.ContextOwnership}: fences a former owner of a context by an epoch.
 * </ul>
 *
 * <p>The engine looks once, when it opens the backend. A {@link dev.keystore.spi.BackendProvider}, found through
 * {@link java.util.ServiceLoader}, opens the backend from a URL.
 *
 * <p>Values are opaque to a backend: the engine wraps each in an envelope with a checksum before it gets there. Types,
 * ids and contexts are exact: no case folding, no normalisation, no trimming, no patterns.
 */
@NullMarked
package dev.keystore.spi;

import org.jspecify.annotations.NullMarked;
