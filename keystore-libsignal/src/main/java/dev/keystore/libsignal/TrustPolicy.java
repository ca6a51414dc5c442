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
     * Trusts on first use, one key for all devices of a name: any key of an unknown name, and afterwards only that key,
     * also for devices that were not known before. For protocols in which the devices of a user share one identity. A
     * new identity is trusted after {@link AccountIdentities#trust(String, IdentityKey)}.
     */
    TrustPolicy ONE_PER_NAME = new TrustPolicy() {
        @Override
        public boolean isTrusted(
                SignalProtocolAddress address, @Nullable IdentityKey known, IdentityKey offered, Direction direction) {
            return FIRST_USE.isTrusted(address, known, offered, direction);
        }

        @Override
        public boolean isTrustedAmong(
                SignalProtocolAddress address, IdentityKey offered, Direction direction, KnownIdentities known) {
            return known.ofName(address.getName()).values().stream().allMatch(offered::equals);
        }
    };

    /**
     * Returns whether to trust an identity key, given the keys of all devices. It calls {@link #isTrusted}; override it
     * for a policy that depends on other devices.
     *
     * @param address the remote device
     * @param offered the key to decide about
     * @param direction whether a message is being sent to the device or was received from it
     * @param known the saved keys, of this device and others; valid until this method returns
     * @return {@code true} to trust the key
     */
    default boolean isTrustedAmong(
            SignalProtocolAddress address, IdentityKey offered, Direction direction, KnownIdentities known) {
        return isTrusted(address, known.of(address), offered, direction);
    }

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
