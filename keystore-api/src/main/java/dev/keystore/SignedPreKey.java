package dev.keystore;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A signed pre-key: a key pair, the signature of its public key by the identity key, and its time of creation.
 *
 * <p>Immutable: the array is copied when it is passed in and when it is returned. {@link #toString} contains no byte of
 * it.
 *
 * @param keyPair the key pair
 * @param signature the signature's bytes
 * @param timestampMillis when it was created, in milliseconds since 1970-01-01T00:00Z
 */
public record SignedPreKey(KeyPair keyPair, byte[] signature, long timestampMillis) {

    static final Codec<SignedPreKey> CODEC = new Codec<>() {
        @Override
        public byte[] encode(SignedPreKey key) {
            return Fields.join(List.of(
                    key.keyPair.publicKey(),
                    key.keyPair.privateKey(),
                    key.signature,
                    Fields.ofLong(key.timestampMillis)));
        }

        @Override
        public SignedPreKey decode(byte[] bytes) {
            List<byte[]> fields = Fields.split(bytes, 4);
            KeyPair pair = new KeyPair(fields.get(0), fields.get(1));
            return new SignedPreKey(pair, fields.get(2), Fields.toLong(fields.get(3)));
        }
    };

    /**
     * Creates a signed pre-key. The array is copied.
     *
     * @param keyPair the key pair
     * @param signature the signature's bytes
     * @param timestampMillis when it was created, in milliseconds since 1970-01-01T00:00Z
     */
    public SignedPreKey {
        Objects.requireNonNull(keyPair, "keyPair");
        signature = Objects.requireNonNull(signature, "signature").clone();
    }

    /**
     * Returns the signature's bytes.
     *
     * @return a copy
     */
    @Override
    public byte[] signature() {
        return signature.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof SignedPreKey key
                && keyPair.equals(key.keyPair)
                && Arrays.equals(signature, key.signature)
                && timestampMillis == key.timestampMillis;
    }

    @Override
    public int hashCode() {
        return keyPair.hashCode();
    }

    @Override
    public String toString() {
        return "SignedPreKey[" + keyPair + ", " + signature.length + " bytes, " + timestampMillis + "]";
    }
}
