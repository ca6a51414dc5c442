package dev.keystore.libsignal;

import org.jspecify.annotations.Nullable;
import org.signal.libsignal.protocol.IdentityKey;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.state.IdentityKeyStore.Direction;

/**
 * Decides whether to trust the identity key of a remote device.
 *
 * <p>It is called for every message, on the thread and inside the transaction that encrypts or decrypts it. If it
 * returns {@code false}, libsignal throws {@code UntrustedIdentityException} and nothing is written.
 */
@FunctionalInterface
public interface TrustPolicy {

    /**
     * Trusts on first use: any key of an unknown device, and afterwards only that key. A new identity of a known device
     * is trusted after it was saved with {@link KeystoreSignalProtocolStore#saveIdentity}.
     */
    TrustPolicy FIRST_USE = (address, known, offered, direction) -> known == null || known.equals(offered);

    /**
     * Returns whether to trust an identity key.
     *
     * @param address the remote device
     * @param known the key saved for the device, or {@code null} if there is none
     * @param offered the key to decide about
     * @param direction whether a message is being sent to the device or was received from it
     * @return {@code true} to trust the key
     */
    boolean isTrusted(
            SignalProtocolAddress address, @Nullable IdentityKey known, IdentityKey offered, Direction direction);
}
