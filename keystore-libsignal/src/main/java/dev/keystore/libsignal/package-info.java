/**
 * The stores that {@code org.signal:libsignal-client} asks for, over one transaction of a key store.
 *
 * <p>{@link dev.keystore.libsignal.SignalAccount} is where to begin: it keeps the identity of an account in the
 * credentials of a context, makes pre-keys, and runs each piece of protocol work in one transaction.
 * {@link dev.keystore.libsignal.KeystoreSignalProtocolStore} is the {@code SignalProtocolStore} such work is given.
 *
 * <p>Licence: libsignal-client is AGPL-3.0, and a program that links this module links libsignal-client. No other module
 * of Keystore depends on this one.
 */
@NullMarked
package dev.keystore.libsignal;

import org.jspecify.annotations.NullMarked;
