package dev.keystore;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A public and a private key, for example a one-time pre-key, as serialized by the client's library.
 *
 * <p>Immutable: arrays are copied when they are passed in and when they are returned. {@link #toString} contains their
 * sizes, but no byte of them.
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

    /**
     * Creates a key pair. The arrays are copied.
     *
     * @param publicKey the public key's bytes
     * @param privateKey the private key's bytes
     */
    public KeyPair {
        publicKey = Objects.requireNonNull(publicKey, "publicKey").clone();
        privateKey = Objects.requireNonNull(privateKey, "privateKey").clone();
    }

    /**
     * Returns the public key's bytes.
     *
     * @return a copy
     */
    @Override
    public byte[] publicKey() {
        return publicKey.clone();
    }

    /**
     * Returns the private key's bytes.
     *
     * @return a copy
     */
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
