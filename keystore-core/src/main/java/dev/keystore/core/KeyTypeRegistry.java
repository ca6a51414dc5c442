package dev.keystore.core;

import dev.keystore.Codec;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ConcurrentHashMap;

/** The key types in use, by name, and the check of what users pass as type, id, context and lock key (R8). */
final class KeyTypeRegistry {

    /** The type of the one credentials record; its codec makes it equal to no type that a user can declare. */
    static final KeyType<byte[]> CREDENTIALS = KeyType.of("credentials", new Codec<>() {
        @Override
        public byte[] encode(byte[] value) {
            return value.clone();
        }

        @Override
        public byte[] decode(byte[] bytes) {
            return bytes.clone();
        }

        @Override
        public byte[] copy(byte[] value) {
            return value.clone();
        }
    });

    private static final int MAXIMUM_CHARACTERS = 1_024;

    private final ConcurrentHashMap<String, KeyType<?>> types = new ConcurrentHashMap<>();

    KeyTypeRegistry() {
        types.put(CREDENTIALS.name(), CREDENTIALS);
        KeyTypes.all().forEach(type -> types.put(type.name(), type));
    }

    /** Returns the key of a context's credentials. */
    static EntryKey credentialsKey(Context context) {
        return new EntryKey(context, CREDENTIALS, CREDENTIALS.name());
    }

    /** Returns the type in use under a name, or one of raw bytes. */
    KeyType<?> find(String name) {
        KeyType<?> known = types.get(name);
        return known == null ? KeyType.ofBytes(name) : known;
    }

    /** Refuses a type known with another codec, and an id that can't be stored exactly. */
    void check(EntryKey key) {
        check(key.type);
        checkName("id", key.id);
    }

    /** Refuses a type known with another codec, and a prefix that no id can have; an empty one is every id's. */
    void check(KeyType<?> type, String idPrefix) {
        check(type);
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(idPrefix)) {
            throw new IllegalArgumentException("idPrefix must be well-formed Unicode, has an unpaired surrogate");
        }
    }

    private void check(KeyType<?> type) {
        KeyType<?> known = types.putIfAbsent(type.name(), type);
        if (known != null && !known.equals(type)) {
            throw new IllegalArgumentException(
                    known.equals(CREDENTIALS)
                            ? "type \"credentials\" is reserved: use credentials() and saveCredentials()"
                            : "type \"" + type.name() + "\" is in use here with another codec; declare it once");
        }
    }

    /** Refuses a string that is blank, longer than 1,024 characters or not well-formed Unicode. */
    static String checkName(String argument, String name) {
        if (name.isBlank()) {
            throw new IllegalArgumentException(argument + " must not be blank");
        }
        if (name.length() > MAXIMUM_CHARACTERS && name.codePointCount(0, name.length()) > MAXIMUM_CHARACTERS) {
            throw new IllegalArgumentException(argument + " must have at most " + MAXIMUM_CHARACTERS
                    + " characters, has " + name.codePointCount(0, name.length()));
        }
        if (!StandardCharsets.UTF_8.newEncoder().canEncode(name)) {
            throw new IllegalArgumentException(argument + " must be well-formed Unicode, has an unpaired surrogate");
        }
        return name;
    }
}
