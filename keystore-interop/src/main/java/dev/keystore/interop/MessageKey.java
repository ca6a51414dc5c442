package dev.keystore.interop;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** The key of a message that was skipped: its seed, or, in some forms, only what is derived from it. */
final class MessageKey {

    private static final int CIPHER_KEY_END = 32;
    private static final int MAC_KEY_END = 64;
    private static final int IV_END = 80;

    private final long index;
    private final byte @Nullable [] seed;
    private final byte @Nullable [] derived;

    private MessageKey(long index, byte @Nullable [] seed, byte @Nullable [] derived) {
        this.index = index;
        this.seed = seed;
        this.derived = derived;
    }

    static MessageKey ofSeed(long index, byte[] seed) throws DamagedException {
        if (seed.length != Curve.KEY_BYTES) {
            throw new DamagedException("a message key in it has " + seed.length + " bytes in place of 32");
        }
        return new MessageKey(index, seed, null);
    }

    static MessageKey ofDerived(long index, byte[] cipherKey, byte[] macKey, byte[] iv) throws DamagedException {
        if (cipherKey.length != CIPHER_KEY_END
                || macKey.length != MAC_KEY_END - CIPHER_KEY_END
                || iv.length != IV_END - MAC_KEY_END) {
            throw new DamagedException("a message key in it does not have 32, 32 and 16 bytes");
        }
        byte[] derived = Arrays.copyOf(cipherKey, IV_END);
        System.arraycopy(macKey, 0, derived, CIPHER_KEY_END, macKey.length);
        System.arraycopy(iv, 0, derived, MAC_KEY_END, iv.length);
        return new MessageKey(index, null, derived);
    }

    /** Returns the index of the message in its chain. */
    long index() {
        return index;
    }

    /** Returns the seed; null if only what is derived from it is known. */
    byte @Nullable [] seed() {
        return seed;
    }

    byte[] cipherKey() {
        return Arrays.copyOfRange(derived(), 0, CIPHER_KEY_END);
    }

    byte[] macKey() {
        return Arrays.copyOfRange(derived(), CIPHER_KEY_END, MAC_KEY_END);
    }

    byte[] iv() {
        return Arrays.copyOfRange(derived(), MAC_KEY_END, IV_END);
    }

    private byte[] derived() {
        if (derived != null) {
            return derived;
        }
        if (seed == null) {
            throw new IllegalStateException("A message key has neither a seed nor keys");
        }
        return Hkdf.derive(seed, "WhisperMessageKeys", IV_END);
    }
}
