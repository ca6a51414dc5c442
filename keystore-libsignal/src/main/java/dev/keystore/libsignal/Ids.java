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

/** Converts libsignal's addresses and key numbers to the ids of entries and back. */
final class Ids {

    /** The largest pre-key id that is issued; libsignal's limit is 0xFFFFFF. */
    static final int MAX_KEY_ID = 0xFFFFFE;

    /** The largest device id that libsignal accepts. */
    static final int MAX_DEVICE = 127;

    private static final Pattern DEVICE_ID = Pattern.compile("[1-9][0-9]{0,2}");

    private Ids() {}

    /** A device id contains no dot, so the last dot ends the name, whatever the name contains. */
    static String of(SignalProtocolAddress address) {
        Objects.requireNonNull(address, "address");
        return devicesOf(address.getName()) + address.getDeviceId();
    }

    /** Returns the prefix of the ids of all devices of a name; ids of other names may begin with it, too. */
    static String devicesOf(String name) {
        return Objects.requireNonNull(name, "name") + ".";
    }

    /** Returns the device of an id, or empty if the id is not one of exactly this name. */
    static OptionalInt deviceOf(String name, String id) {
        String device = id.substring(devicesOf(name).length());
        return DEVICE_ID.matcher(device).matches() ? OptionalInt.of(Integer.parseInt(device)) : OptionalInt.empty();
    }

    /** Returns the devices of exactly this name that have an entry of a type, in ascending order. */
    static List<Integer> devices(KeyReader keys, KeyType<?> type, String name) {
        try (Stream<String> ids = keys.ids(type, devicesOf(name))) {
            return ids.flatMapToInt(id -> deviceOf(name, id).stream())
                    .filter(device -> device <= MAX_DEVICE)
                    .sorted()
                    .boxed()
                    .toList();
        }
    }

    /** A UUID always has 36 characters, so the id is unambiguous. */
    static String of(UUID distributionId, SignalProtocolAddress sender) {
        Objects.requireNonNull(distributionId, "distributionId");
        return distributionId + ":" + of(Objects.requireNonNull(sender, "sender"));
    }

    static String of(int keyId) {
        return Integer.toString(keyId);
    }

    /** Refuses a record that is stored under an id other than its own. */
    static void requireSame(int id, int recordId) {
        if (id != recordId) {
            throw new IllegalArgumentException("record has id " + recordId + ", but is to be stored as " + id);
        }
    }

    /** Returns all ids of a type that are numbers, in ascending order. */
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

    /** Returns the end of a message about an entry that was not found. */
    static String inContext(KeyReader keys) {
        return " in context \"" + keys.context() + "\"";
    }

    /** Returns the exception for an entry that the store can read but libsignal can't. */
    static CorruptEntryException unreadable(KeyReader keys, KeyType<?> type, String id, Exception cause) {
        return new CorruptEntryException(
                keys.context(), new EntryId(type.name(), id), "libsignal does not accept it", cause);
    }
}
