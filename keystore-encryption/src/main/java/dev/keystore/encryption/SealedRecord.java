package dev.keystore.encryption;

import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.function.Function;
import java.util.zip.CRC32C;
import javax.crypto.AEADBadTagException;

/**
 * The format of a sealed record: version, suite, key id, nonce, ciphertext and tag, CRC32C.
 *
 * <p>The checksum is not secret and protects from nobody. It tells chance damage, which breaks it, from tampering.
 */
final class SealedRecord {

    /**
     * Differs from the version of the plain envelope, 1, by two bits: no single flipped bit turns one into the other.
     */
    static final byte VERSION = 2;

    static final byte PLAIN_VERSION = 1;
    static final byte XAES_256_GCM = 1;

    private static final int KEY_ID_OFFSET = 2;
    private static final int HEADER_BYTES = KEY_ID_OFFSET + Long.BYTES;
    private static final int CIPHERTEXT_OFFSET = HEADER_BYTES + Xaes256Gcm.NONCE_BYTES;
    private static final int CRC_BYTES = Integer.BYTES;

    /** How many bytes a record has in addition to its plaintext. */
    static final int OVERHEAD_BYTES = CIPHERTEXT_OFFSET + Xaes256Gcm.TAG_BYTES + CRC_BYTES;

    private SealedRecord() {}

    /** Seals a record with a key that is derived for this record only. */
    static byte[] seal(KeyRing.NumberedKey key, Binding binding, byte[] plaintext, SecureRandom random) {
        return withNewCipher(key, random, cipher -> seal(cipher, binding, plaintext));
    }

    /** Seals a record of a padded value with a key that is derived for this record only. */
    static byte[] sealPadded(
            KeyRing.NumberedKey key, Binding binding, byte[] value, int stepBytes, SecureRandom random) {
        return withNewCipher(key, random, cipher -> sealPadded(cipher, binding, value, stepBytes));
    }

    private static byte[] withNewCipher(
            KeyRing.NumberedKey key, SecureRandom random, Function<RecordCipher, byte[]> sealing) {
        RecordCipher cipher = new RecordCipher(key, random);
        try {
            return sealing.apply(cipher);
        } finally {
            cipher.destroy();
        }
    }

    /** Seals a record with the key of a cipher. */
    static byte[] seal(RecordCipher cipher, Binding binding, byte[] plaintext) {
        return encrypted(cipher, binding, unencrypted(plaintext, plaintext.length));
    }

    /** Seals a record of a padded value with the key of a cipher. */
    static byte[] sealPadded(RecordCipher cipher, Binding binding, byte[] value, int stepBytes) {
        byte[] record = unencrypted(value, Padding.paddedLength(value.length, stepBytes));
        Padding.begin(record, CIPHERTEXT_OFFSET + value.length);
        return encrypted(cipher, binding, record);
    }

    /** Returns a record that has its plaintext, and zeros after it, where the ciphertext will be. */
    private static byte[] unencrypted(byte[] plaintext, int length) {
        byte[] record = new byte[Math.addExact(OVERHEAD_BYTES, length)];
        System.arraycopy(plaintext, 0, record, CIPHERTEXT_OFFSET, plaintext.length);
        return record;
    }

    /** Encrypts the plaintext of a record in its place; a separate array of it would have to be overwritten. */
    private static byte[] encrypted(RecordCipher cipher, Binding binding, byte[] record) {
        boolean encrypted = false;
        try {
            ByteBuffer buffer = ByteBuffer.wrap(record)
                    .put(VERSION)
                    .put(XAES_256_GCM)
                    .putLong(cipher.key().id());
            cipher.putNonce(buffer);
            byte[] associatedData = binding.associatedData(record, HEADER_BYTES);
            cipher.encrypt(record, HEADER_BYTES, associatedData, CIPHERTEXT_OFFSET, record.length - OVERHEAD_BYTES);
            buffer.putInt(record.length - CRC_BYTES, checksum(record));
            encrypted = true;
            return record;
        } finally {
            if (!encrypted) {
                Arrays.fill(record, (byte) 0);
            }
        }
    }

    /**
     * Returns the plaintext, which the caller overwrites.
     *
     * @throws RecordRefusedException if the record does not open at this place with these keys
     */
    static byte[] open(KeyRing keys, Binding binding, byte[] record) throws RecordRefusedException {
        long id = keyId(record);
        AesKey key = keys.find(id);
        if (key == null) {
            throw RecordRefusedException.keyMissing(id);
        }
        try {
            return Xaes256Gcm.decrypt(
                    key,
                    record,
                    HEADER_BYTES,
                    binding.associatedData(record, HEADER_BYTES),
                    record,
                    CIPHERTEXT_OFFSET,
                    record.length - CIPHERTEXT_OFFSET - CRC_BYTES);
        } catch (AEADBadTagException e) {
            throw RecordRefusedException.otherPlace(id);
        }
    }

    /**
     * Returns the id of the key of a record that is intact; it is not authenticated.
     *
     * @throws RecordRefusedException if the record is damaged or not encrypted
     */
    static long keyId(byte[] record) throws RecordRefusedException {
        if (record.length > 0 && record[0] == PLAIN_VERSION) {
            throw RecordRefusedException.tampered("it is not encrypted, but the store is");
        }
        if (record.length < OVERHEAD_BYTES) {
            throw RecordRefusedException.damaged(
                    "it has " + record.length + " bytes, fewer than the least of " + OVERHEAD_BYTES);
        }
        if (ByteBuffer.wrap(record).getInt(record.length - CRC_BYTES) != checksum(record)) {
            throw RecordRefusedException.damaged("its checksum does not match");
        }
        if (record[0] != VERSION || record[1] != XAES_256_GCM) {
            throw RecordRefusedException.damaged("its format version is " + record[0] + " and its suite " + record[1]
                    + ", only version " + VERSION + " and suite " + XAES_256_GCM + " are known");
        }
        return ByteBuffer.wrap(record).getLong(KEY_ID_OFFSET);
    }

    /** Returns the checksum of all bytes but the last four. */
    static int checksum(byte[] record) {
        CRC32C crc = new CRC32C();
        crc.update(record, 0, record.length - CRC_BYTES);
        return (int) crc.getValue();
    }
}
