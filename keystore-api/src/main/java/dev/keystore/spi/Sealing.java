package dev.keystore.spi;

import org.jspecify.annotations.Nullable;

/**
 * Encrypts the values of a store before the backend gets them. The backend and its capabilities are not affected.
 *
 * <p>Three kinds of bytes, all opaque to the engine:
 *
 * <ul>
 *   <li>the <em>mark</em>, one per store, says that the store is encrypted and holds what opens it with the root key;
 *   <li>the <em>keys</em> of each context, sealed, stored as {@link StoreSealing#KEYS};
 *   <li>a <em>record</em>, the sealed value of one entry.
 * </ul>
 *
 * <p>An implementation is immutable and can be used by any number of threads and stores.
 */
public interface Sealing {

    /**
     * Opens the keys of a store, or creates keys for a new one. Calls the source of the root key, so it may block for
     * as long as that takes: a key file is read, a passphrase is stretched, a key management service is called.
     *
     * <p>The engine calls it before it writes anything. It then writes {@link StoreSealing#mark()} unless that equals
     * the mark in the store; they differ if the store is new, or if its root key was replaced.
     *
     * @param mark the mark in the store; {@code null} for a store that holds nothing yet
     * @return the opened keys; the engine closes them
     * @throws dev.keystore.KeyUnavailableException if the root key is missing, wrong or out of reach
     * @throws dev.keystore.UnsupportedFormatException if the mark was written by a newer version
     * @throws dev.keystore.StoreOpenException if the mark is damaged or was tampered with
     */
    StoreSealing open(byte @Nullable [] mark);

    /**
     * Opens the keys of a store and adds a new store key, which seals the keys of contexts from now on. Blocks as
     * {@link #open} does, and throws the same exceptions.
     *
     * @param mark the mark in the store
     * @return the opened keys, whose {@link StoreSealing#mark() mark} is new; the engine closes them
     */
    StoreSealing rotate(byte[] mark);
}
