package dev.keystore.encryption;

import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The keys in the mark of a store: the store keys, and the key of its hidden names.
 *
 * @param names the hidden names; null if the names are stored as they are
 */
record MarkKeys(KeyRing ring, @Nullable HiddenNames names) implements AutoCloseable {

    static MarkKeys random(boolean hidesNames, SecureRandom random) {
        return new MarkKeys(KeyRing.random(random), hidesNames ? HiddenNames.random(random) : null);
    }

    boolean hidesNames() {
        return names != null;
    }

    /** Returns copies of these keys, and a random store key that seals from now on. */
    MarkKeys rotated(SecureRandom random) {
        return new MarkKeys(ring.rotated(random), copyOfNames());
    }

    MarkKeys copy() {
        return new MarkKeys(ring.copy(), copyOfNames());
    }

    /** Returns copies of these keys without the former store keys. */
    MarkKeys withoutFormer() {
        return new MarkKeys(ring.withoutFormer(), copyOfNames());
    }

    private @Nullable HiddenNames copyOfNames() {
        return names == null ? null : names.copy();
    }

    /** Returns the keys in the clear, to be sealed and overwritten: that of the names first, if they are hidden. */
    byte[] encode() {
        if (names == null) {
            return ring.encode();
        }
        byte[] nameKey = names.encode();
        return Secrets.apply(
                ring.encode(),
                encoded -> Secrets.apply(
                        nameKey,
                        first -> ByteBuffer.allocate(first.length + encoded.length)
                                .put(first)
                                .put(encoded)
                                .array()));
    }

    /** Reads what {@link #encode} returned. */
    static MarkKeys decode(byte[] encoded, boolean hidesNames) {
        if (!hidesNames) {
            return new MarkKeys(KeyRing.decode(encoded), null);
        }
        HiddenNames names = HiddenNames.of(Arrays.copyOf(encoded, AesKey.BYTES));
        byte[] ring = Arrays.copyOfRange(encoded, AesKey.BYTES, encoded.length);
        return new MarkKeys(Secrets.apply(ring, KeyRing::decode), names);
    }

    @Override
    public void close() {
        ring.close();
        if (names != null) {
            names.close();
        }
    }
}
