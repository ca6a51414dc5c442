package dev.keystore;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A one-time pre-key, or any other pair of a public and a private key, as the bytes that the client's library makes.
 *
 * <p>Immutable: the arrays are copied on their way in and out. {@link #toString} shows their sizes and no byte of them.
 *
 * @param publicKey the public key's bytes
 * @param privateKey the private key's bytes
 */
public record KeyPair(byte[] publicKey, byte[] privateKey) {

    static final Codec<KeyPair> CODEC = new Codec<>() {
        @Override
        public byte[] encode(KeyPair pair) {
            return Fields.join(List.of(pair.publicKey, pair.privateKey));
        }

        @Override
        public KeyPair decode(byte[] bytes) {
            List<byte[]> fields = Fields.split(bytes, 2);
            return new KeyPair(fields.get(0), fields.get(1));
        }
    };

    /** Takes copies. */
    public KeyPair {
        publicKey = Objects.requireNonNull(publicKey, "publicKey").clone();
        privateKey = Objects.requireNonNull(privateKey, "privateKey").clone();
    }

    /** Returns a copy of the public key's bytes. */
    @Override
    public byte[] publicKey() {
        return publicKey.clone();
    }

    /** Returns a copy of the private key's bytes. */
    @Override
    public byte[] privateKey() {
        return privateKey.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof KeyPair pair
                && Arrays.equals(publicKey, pair.publicKey)
                && Arrays.equals(privateKey, pair.privateKey);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(publicKey);
    }

    @Override
    public String toString() {
        return "KeyPair[" + publicKey.length + " and " + privateKey.length + " bytes]";
    }
}
