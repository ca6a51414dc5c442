package dev.keystore.libsignal;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.signal.libsignal.protocol.IdentityKey;
import org.signal.libsignal.protocol.SignalProtocolAddress;

/** The identity keys that are saved for remote devices, as a {@link TrustPolicy} sees them. */
public interface KnownIdentities {

    /**
     * Returns the key of a device.
     *
     * @param address the address of the device
     * @return the key, or {@code null} if none is saved
     */
    @Nullable
    IdentityKey of(SignalProtocolAddress address);

    /**
     * Returns the keys of all devices of exactly this name.
     *
     * @param name the name
     * @return the keys, by device
     */
    Map<Integer, IdentityKey> ofName(String name);
}
