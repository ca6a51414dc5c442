package dev.keystore.libsignal;

import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.UUID;
import org.signal.libsignal.protocol.SignalProtocolAddress;

/**
 * The ids under which this module stores the keys of devices, for applications that list or copy entries.
 *
 * <p>Sessions and identity keys have the id of the device's address, {@code name.deviceId}. Sender keys have the id
 * {@code distributionId:name.deviceId}. Pre-keys have their number.
 */
public final class EntryIds {

    private static final int UUID_LENGTH = 36;

    private EntryIds() {}

    /**
     * Returns the id of a device's session and identity key.
     *
     * @param address the address of the device
     * @return the id
     */
    public static String of(SignalProtocolAddress address) {
        return Ids.of(address);
    }

    /**
     * Returns the id of a sender key.
     *
     * @param distributionId the distribution id of the group
     * @param sender the address of the device whose sender key it is
     * @return the id
     */
    public static String of(UUID distributionId, SignalProtocolAddress sender) {
        return Ids.of(distributionId, sender);
    }

    /**
     * Returns the address of a device.
     *
     * @param id the id of a session or an identity key
     * @return the address, or empty if {@link #of(SignalProtocolAddress)} returns the id for no address
     */
    public static Optional<SignalProtocolAddress> address(String id) {
        int dot = Objects.requireNonNull(id, "id").lastIndexOf('.');
        if (dot < 0) {
            return Optional.empty();
        }
        String name = id.substring(0, dot);
        OptionalInt device = Ids.deviceOf(name, id);
        return device.isPresent() && device.getAsInt() <= Ids.MAX_DEVICE
                ? Optional.of(new SignalProtocolAddress(name, device.getAsInt()))
                : Optional.empty();
    }

    /**
     * Returns whose sender key an entry is.
     *
     * @param id the id of a sender key
     * @return the group and the device, or empty if {@link #of(UUID, SignalProtocolAddress)} returns the id for none
     */
    public static Optional<SenderKeyId> senderKey(String id) {
        if (Objects.requireNonNull(id, "id").length() <= UUID_LENGTH || id.charAt(UUID_LENGTH) != ':') {
            return Optional.empty();
        }
        try {
            UUID distributionId = UUID.fromString(id.substring(0, UUID_LENGTH));
            return address(id.substring(UUID_LENGTH + 1))
                    .map(sender -> new SenderKeyId(distributionId, sender))
                    .filter(found -> of(found.distributionId(), found.sender()).equals(id));
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }

    /**
     * Whose sender key an entry is.
     *
     * @param distributionId the distribution id of the group
     * @param sender the address of the device
     */
    public record SenderKeyId(UUID distributionId, SignalProtocolAddress sender) {}
}
