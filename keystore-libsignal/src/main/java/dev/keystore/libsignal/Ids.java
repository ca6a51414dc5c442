package dev.keystore.libsignal;

import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.signal.libsignal.protocol.SignalProtocolAddress;

/** How libsignal's addresses and numbers become the ids of entries, and back. */
final class Ids {

    /** The largest pre-key id that is handed out; libsignal's own limit is 0xFFFFFF. */
    static final int MAX_KEY_ID = 0xFFFFFE;

    private static final Pattern DEVICE_ID = Pattern.compile("[1-9][0-9]{0,2}");

    private Ids() {}

    /** A device id holds no dot, so the last dot ends the name, whatever the name holds. */
    static String of(SignalProtocolAddress address) {
        Objects.requireNonNull(address, "address");
        return devicesOf(address.getName()) + address.getDeviceId();
    }

    /** What the ids of all devices of a name begin with; those of other names may, too. */
    static String devicesOf(String name) {
        return Objects.requireNonNull(name, "name") + ".";
    }

    /** Reads the device from an id; empty unless the id is one of exactly this name. */
    static OptionalInt deviceOf(String name, String id) {
        String device = id.substring(devicesOf(name).length());
        return DEVICE_ID.matcher(device).matches() ? OptionalInt.of(Integer.parseInt(device)) : OptionalInt.empty();
    }

    /** A UUID is always 36 characters, so the first part can't run into the second. */
    static String of(UUID distributionId, SignalProtocolAddress sender) {
        Objects.requireNonNull(distributionId, "distributionId");
        return distributionId + ":" + of(Objects.requireNonNull(sender, "sender"));
    }

    static String of(int keyId) {
        return Integer.toString(keyId);
    }

    /** Returns all numbers that are ids of a type, in rising order. */
    static List<Integer> numbers(KeyReader keys, KeyType<?> type) {
        try (Stream<String> ids = keys.ids(type, "")) {
            return ids.filter(Ids::isNumber).map(Integer::valueOf).sorted().toList();
        }
    }

    private static boolean isNumber(String id) {
        try {
            return id.equals(of(Integer.parseInt(id)));
        } catch (NumberFormatException e) {
            return false;
        }
    }

    /** Makes the exception of an entry that the store read well and libsignal can't. */
    static CorruptEntryException unreadable(KeyReader keys, KeyType<?> type, String id, Exception cause) {
        return new CorruptEntryException(
                keys.context(), new EntryId(type.name(), id), "libsignal does not accept it", cause);
    }
}
