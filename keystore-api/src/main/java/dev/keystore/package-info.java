/**
 * A persistence-backed, transactional key store for clients of the Signal protocol.
 *
 * <p>{@link dev.keystore.SignalKeyStore} is the store of one context (an account or a device);
 * {@link dev.keystore.Transaction} is the handle that {@code transaction(lockKey, work)} passes to the work;
 * {@link dev.keystore.KeyTypes} holds the kinds of key material of a Signal client, and
 * {@link dev.keystore.KeyType} defines others.
 *
 * <p>All failures are a {@link dev.keystore.KeyStoreException}, whose subtypes tell the state of the data. Misuse is a
 * {@link NullPointerException}, {@link IllegalArgumentException} or {@link IllegalStateException} that names the
 * argument; nothing is written by a call that ends so.
 *
 * <p>Rule numbers in this documentation ({@code R24}) are those of the project's contract, which each of its tests
 * names.
 */
@NullMarked
package dev.keystore;

import org.jspecify.annotations.NullMarked;
