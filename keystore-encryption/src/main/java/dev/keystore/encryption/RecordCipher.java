package dev.keystore.encryption;

import java.nio.ByteBuffer;
import java.security.SecureRandom;

/**
 * Encrypts records of one context, up to {@value #MAXIMUM_RECORDS} of them with one derived key.
 *
 * <p>A nonce has three parts. The first 12 bytes are random, and the key is derived from them; then follow the number
 * of the record under this derived key, in 4 bytes, and the time in nanoseconds. So two records under one derived key
 * never have the same nonce, and two derived keys are the same only if their 96 random bits are. The time keeps the
 * copies of a running machine apart, which continue with the same derived key and number.
 *
 * <p>Concurrency: confined to one thread at a time.
 */
final class RecordCipher {

    static final int MAXIMUM_RECORDS = 256;

    private final KeyRing.NumberedKey key;
    private final byte[] start = new byte[Xaes256Gcm.HALF_NONCE_BYTES];
    private final Xaes256Gcm.DerivedKey derived;
    private int records;

    RecordCipher(KeyRing.NumberedKey key, SecureRandom random) {
        this.key = key;
        random.nextBytes(start);
        this.derived = Xaes256Gcm.derivedKey(key.key(), start, 0);
    }

    KeyRing.NumberedKey key() {
        return key;
    }

    /** Returns whether its key may encrypt another record. */
    boolean hasNext() {
        return records < MAXIMUM_RECORDS;
    }

    /** Writes the next nonce into a record. */
    void putNonce(ByteBuffer record) {
        record.put(start).putInt(records++).putLong(System.nanoTime());
    }

    /**
     * Encrypts {@code length} bytes of a record from {@code offset} on in their place, with the nonce that
     * {@link #putNonce} has just written, and puts the tag behind them.
     *
     * @throws IllegalStateException if the derived key has been overwritten
     */
    void encrypt(byte[] record, int nonceOffset, byte[] associatedData, int offset, int length) {
        derived.encrypt(record, nonceOffset, associatedData, record, offset, length);
    }

    /** Overwrites the derived key. */
    void destroy() {
        derived.destroy();
    }
}
