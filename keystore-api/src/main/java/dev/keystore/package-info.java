/**
 * A persistent, transactional key store for clients of the Signal protocol.
 *
 * <p>Main types:
 *
 * <ul>
 *   <li>{@link dev.keystore.SignalKeyStore} is the store of one context, that is, of one account or device. Stores are
 *       obtained from {@code SignalKeyDatabase} in the module {@code dev.keystore.core}.
 *   <li>{@link dev.keystore.Transaction} is the handle that {@code transaction(lockKey, work)} passes to the work.
 *   <li>{@link dev.keystore.KeyTypes} contains the types of key material of a Signal client;
 *       {@link dev.keystore.KeyType} defines further ones.
 *   <li>{@link dev.keystore.Updates} collects writes that are committed together.
 * </ul>
 *
 * <p>Every failure is a {@link dev.keystore.KeyStoreException}, whose subclass states what was written. Incorrect use
 * is a {@link NullPointerException} or an {@link IllegalArgumentException}, which names the argument, or an
 * {@link IllegalStateException}, which names what is closed, has ended or is already running; the call then wrote
 * nothing.
 *
 * <p>Rule numbers in this documentation, such as {@code R24}, refer to the contract in {@code docs/contract.md} in the
 * repository. {@code docs/design.md} explains how a read and a commit work. Authors of backends start with
 * {@link dev.keystore.spi}.
 */
@NullMarked
package dev.keystore;

import org.jspecify.annotations.NullMarked;
