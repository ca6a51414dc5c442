package dev.keystore.libsignal;

import org.jspecify.annotations.Nullable;
import org.signal.libsignal.protocol.IdentityKey;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.state.IdentityKeyStore.Direction;

/**
 * Decides whether the identity key of a remote device is to be trusted.
 *
 * <p>It is asked within the transaction that encrypts or decrypts, on that thread, for every message. An answer of
 * {@code false} makes libsignal throw {@code UntrustedIdentityException}; nothing is then written.
 */
@FunctionalInterface
public interface TrustPolicy {

    /**
     * Trust on first use: any key of an unknown device, and afterwards that key alone. A device that has a new identity
     * is trusted again once {@link KeystoreSignalProtocolStore#saveIdentity} was told of it.
     */
    TrustPolicy FIRST_USE = (address, known, offered, direction) -> known == null || known.equals(offered);

    /**
     * Returns whether to trust a key.
     *
     * @param address the remote device
     * @param known the key that is saved of the device, or {@code null} if there is none
     * @param offered the key to decide about
     * @param direction whether a message is about to be sent to the device or was received from it
     */
    boolean isTrusted(
            SignalProtocolAddress address, @Nullable IdentityKey known, IdentityKey offered, Direction direction);
}
