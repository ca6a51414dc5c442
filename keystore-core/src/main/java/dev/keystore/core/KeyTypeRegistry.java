package dev.keystore.core;

import dev.keystore.Codec;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import java.util.concurrent.ConcurrentHashMap;

/** The key types in use in a database, by name: each name has one codec. */
final class KeyTypeRegistry {

    /** The type of the credentials record. Its codec is private, so no type that a user declares equals it. */
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

    private final ConcurrentHashMap<String, KeyType<?>> types = new ConcurrentHashMap<>();

    KeyTypeRegistry() {
        types.put(CREDENTIALS.name(), CREDENTIALS);
        KeyTypes.all().forEach(type -> types.put(type.name(), type));
    }

    /** Returns the key of a context's credentials. */
    static EntryKey credentialsKey(Context context) {
        return new EntryKey(context, CREDENTIALS, CREDENTIALS.name());
    }

    /** Returns the type in use under a name; if there is none, a type of raw bytes with that name. */
    KeyType<?> find(String name) {
        KeyType<?> known = types.get(name);
        return known == null ? KeyType.ofBytes(name) : known;
    }

    /** Registers the type of a key as {@link #register} does, and checks that its id can be stored exactly. */
    void registerAndCheck(EntryKey key) {
        register(key.type);
        Names.check("id", key.id);
    }

    /**
     * Registers a type, or checks that it equals the type in use under its name.
     *
     * @throws IllegalArgumentException if the name is in use with another codec
     */
    void register(KeyType<?> type) {
        KeyType<?> known = types.putIfAbsent(type.name(), type);
        if (known != null && !known.equals(type)) {
            throw new IllegalArgumentException(
                    known.equals(CREDENTIALS)
                            ? "type \"credentials\" is reserved: use credentials() and saveCredentials()"
                            : "type \"" + type.name()
                                    + "\" is already in use with another codec; declare the type once, as a constant");
        }
    }
}
