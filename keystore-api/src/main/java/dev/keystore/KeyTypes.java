package dev.keystore;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * The standard key types of a client of the Signal protocol.
 *
 * <p>The client chooses the ids: usually the number of a pre-key, or {@code name.deviceId} for the keys of a device.
 */
public final class KeyTypes {

    /** Ratchet sessions, one for each remote device, as serialized by the client's library. */
    public static final KeyType<byte[]> SESSION = KeyType.ofBytes("session");

    /** One-time pre-keys, by number. Each may be used only once, so read them with {@link KeyOperations#take}. */
    public static final KeyType<KeyPair> PRE_KEY = KeyType.of("pre-key", KeyPair.CODEC);

    /** Signed pre-keys, by number. */
    public static final KeyType<SignedPreKey> SIGNED_PRE_KEY = KeyType.of("signed-pre-key", SignedPreKey.CODEC);

    /** Kyber pre-keys, by number, as serialized by the client's library. */
    public static final KeyType<byte[]> KYBER_PRE_KEY = KeyType.ofBytes("kyber-pre-key");

    /** Sender keys of groups, by group and sending device, as serialized by the client's library. */
    public static final KeyType<byte[]> SENDER_KEY = KeyType.ofBytes("sender-key");

    /** Whether a device has received this account's sender key, by group: a map from the devices, in their order. */
    public static final KeyType<Map<String, Boolean>> SENDER_KEY_MEMORY =
            KeyType.of("sender-key-memory", new FlagsCodec());

    /** Identity keys, by remote device, as serialized by the client's library. */
    public static final KeyType<byte[]> IDENTITY_KEY = KeyType.ofBytes("identity-key");

    /**
     * Keys of the account's app state, by key id: the protocol's message {@code AppStateSyncKeyData}, which holds the
     * key, its fingerprint and its time, as bytes.
     */
    public static final KeyType<byte[]> APP_STATE_SYNC_KEY = KeyType.ofBytes("app-state-sync-key");

    /** Synchronization states of the account's app state, by the name of the collection. */
    public static final KeyType<AppStateSyncVersion> APP_STATE_SYNC_VERSION =
            KeyType.of("app-state-sync-version", AppStateSyncVersion.CODEC);

    /** Mappings from a phone-number user to its LID (linked identity) user, or in the opposite direction, by user. */
    public static final KeyType<String> LID_MAPPING = KeyType.of("lid-mapping", new Codec<>() {
        @Override
        public byte[] encode(String mapped) {
            return Fields.ofString(mapped);
        }

        @Override
        public String decode(byte[] bytes) {
            return Fields.toString(bytes);
        }
    });

    /** Lists of a user's devices, by user. */
    public static final KeyType<List<String>> DEVICE_LIST = KeyType.of("device-list", new StringsCodec());

    /** Trusted-contact tokens, by user. A client may keep the list of these users under an id that it reserves. */
    public static final KeyType<TcToken> TC_TOKEN = KeyType.of("tc-token", TcToken.CODEC);

    private KeyTypes() {}

    /**
     * Returns all standard types.
     *
     * @return the types, unmodifiable
     */
    public static List<KeyType<?>> all() {
        return List.of(
                SESSION,
                PRE_KEY,
                SIGNED_PRE_KEY,
                KYBER_PRE_KEY,
                SENDER_KEY,
                SENDER_KEY_MEMORY,
                IDENTITY_KEY,
                APP_STATE_SYNC_KEY,
                APP_STATE_SYNC_VERSION,
                LID_MAPPING,
                DEVICE_LIST,
                TC_TOKEN);
    }

    private static final class StringsCodec implements Codec<List<String>> {

        @Override
        public byte[] encode(List<String> strings) {
            List<byte[]> fields = new ArrayList<>(strings.size());
            strings.forEach(string -> fields.add(Fields.ofString(notNull(string))));
            return Fields.join(fields);
        }

        @Override
        public List<String> decode(byte[] bytes) {
            List<String> strings = new ArrayList<>();
            Fields.split(bytes).forEach(field -> strings.add(Fields.toString(field)));
            return List.copyOf(strings);
        }

        /** Returns an immutable copy, since the caller may still hold and change the list. */
        @Override
        public List<String> copy(List<String> strings) {
            strings.forEach(KeyTypes::notNull);
            return List.copyOf(strings);
        }
    }

    private static final class FlagsCodec implements Codec<Map<String, Boolean>> {

        @Override
        public byte[] encode(Map<String, Boolean> flags) {
            List<byte[]> fields = new ArrayList<>(2 * flags.size());
            flags.forEach((name, flag) -> {
                fields.add(Fields.ofString(notNull(name)));
                fields.add(new byte[] {(byte) (notNull(flag) ? 1 : 0)});
            });
            return Fields.join(fields);
        }

        @Override
        public Map<String, Boolean> decode(byte[] bytes) {
            List<byte[]> fields = Fields.split(bytes);
            if (fields.size() % 2 != 0) {
                throw new IllegalArgumentException("expected an even number of fields, found " + fields.size());
            }
            Map<String, Boolean> flags = new LinkedHashMap<>();
            for (int i = 0; i < fields.size(); i += 2) {
                if (flags.put(Fields.toString(fields.get(i)), flag(fields.get(i + 1))) != null) {
                    throw new IllegalArgumentException("field " + i + " repeats an earlier name");
                }
            }
            return Collections.unmodifiableMap(flags);
        }

        private static boolean flag(byte[] field) {
            if (field.length != 1 || field[0] < 0 || field[0] > 1) {
                throw new IllegalArgumentException("a flag must be one byte, 0 or 1");
            }
            return field[0] == 1;
        }

        /** Returns an immutable copy, since the caller may still hold and change the map. */
        @Override
        public Map<String, Boolean> copy(Map<String, Boolean> flags) {
            Map<String, Boolean> copy = new LinkedHashMap<>();
            flags.forEach((name, flag) -> copy.put(notNull(name), notNull(flag)));
            return Collections.unmodifiableMap(copy);
        }
    }

    private static <T> T notNull(T part) {
        return Objects.requireNonNull(part, "value must not contain null");
    }
}
