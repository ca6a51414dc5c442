package dev.keystore;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;

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

    /** The devices that have received this account's sender key, by group. */
    public static final KeyType<Set<String>> SENDER_KEY_MEMORY =
            KeyType.of("sender-key-memory", new StringsCodec<Set<String>>() {
                @Override
                Set<String> collect(List<String> strings) {
                    return Collections.unmodifiableSet(new LinkedHashSet<>(strings));
                }
            });

    /** Identity keys, by remote device, as serialized by the client's library. */
    public static final KeyType<byte[]> IDENTITY_KEY = KeyType.ofBytes("identity-key");

    /** Keys of the account's app state, by key id, as serialized by the protocol. */
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
    public static final KeyType<List<String>> DEVICE_LIST = KeyType.of("device-list", new StringsCodec<List<String>>() {
        @Override
        List<String> collect(List<String> strings) {
            return List.copyOf(strings);
        }
    });

    /** Trusted-contact tokens, by user. */
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

    private abstract static class StringsCodec<C extends Collection<String>> implements Codec<C> {

        abstract C collect(List<String> strings);

        @Override
        public byte[] encode(C strings) {
            List<byte[]> fields = new ArrayList<>(strings.size());
            strings.forEach(string -> fields.add(Fields.ofString(notNull(string))));
            return Fields.join(fields);
        }

        @Override
        public C decode(byte[] bytes) {
            List<String> strings = new ArrayList<>();
            Fields.split(bytes).forEach(field -> strings.add(Fields.toString(field)));
            C collected = collect(strings);
            if (collected.size() != strings.size()) {
                throw new IllegalArgumentException(
                        "expected " + strings.size() + " different strings, found " + collected.size());
            }
            return collected;
        }

        /** Returns an immutable copy, since the caller may still hold and change the collection. */
        @Override
        public C copy(C strings) {
            strings.forEach(StringsCodec::notNull);
            return collect(List.copyOf(strings));
        }

        private static String notNull(String string) {
            return Objects.requireNonNull(string, "value must not contain null");
        }
    }
}
