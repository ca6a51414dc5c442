/**
 * Implements the stores that {@code org.signal:libsignal-client} requires on top of a key store.
 *
 * <p>Start with {@link dev.keystore.libsignal.SignalAccount}: it keeps the identity of an account in the credentials of
 * a context, generates pre-keys, and encrypts and decrypts messages in one transaction each.
 * {@link dev.keystore.libsignal.KeystoreSignalProtocolStore} is the {@code SignalProtocolStore} of one transaction.
 *
 * <p>License: libsignal-client is licensed under AGPL-3.0, and a program that links this module links libsignal-client.
 * Of the published modules of Keystore, none depends on this one.
 *
 * <p>Rule numbers such as {@code R58} refer to {@code docs/contract.md} in the repository.
 */
@NullMarked
package dev.keystore.libsignal;

import org.jspecify.annotations.NullMarked;
