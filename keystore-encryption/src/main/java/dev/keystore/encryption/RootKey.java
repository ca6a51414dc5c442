package dev.keystore.encryption;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.keystore.KeyUnavailableException;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HexFormat;
import javax.crypto.AEADBadTagException;
import javax.crypto.Mac;

/**
 * A root key that is in memory for the time of one call, and the format of the keys it wraps: key id, nonce, ciphertext
 * and tag.
 *
 * <p>The key id is derived from the key (HMAC-SHA-256, shortened to 8 bytes), so that a wrong key and a changed mark
 * have different messages.
 */
final class RootKey implements AutoCloseable {

    /** What to do about a mark that is lost or changed, for messages. */
    static final String MARK_ALONE =
            "take the mark alone from a backup, and never copy a whole old store into place: keys"
                    + " and ratchet states in it have been used since";

    private static final int ID_BYTES = 8;
    private static final int CIPHERTEXT_OFFSET = ID_BYTES + Xaes256Gcm.NONCE_BYTES;
    private static final int WRAPPED_BYTES = CIPHERTEXT_OFFSET + AesKey.BYTES + Xaes256Gcm.TAG_BYTES;

    private final AesKey key;

    /** Creates a key from 32 bytes, which it owns from now on. */
    RootKey(byte[] key) {
        this.key = AesKey.of(key);
    }

    byte[] wrap(byte[] plaintext, byte[] associatedData, SecureRandom random) {
        byte[] nonce = new byte[Xaes256Gcm.NONCE_BYTES];
        random.nextBytes(nonce);
        byte[] wrapped = ByteBuffer.allocate(CIPHERTEXT_OFFSET + plaintext.length + Xaes256Gcm.TAG_BYTES)
                .put(id())
                .put(nonce)
                .array();
        Xaes256Gcm.encrypt(key, wrapped, ID_BYTES, associatedData, plaintext, wrapped, CIPHERTEXT_OFFSET);
        return wrapped;
    }

    /** Returns whether another root key has wrapped a key, by the id in it, which is not authenticated. */
    boolean isWrappedByAnother(byte[] wrapped) {
        return wrapped.length == WRAPPED_BYTES && !Arrays.equals(id(), Arrays.copyOf(wrapped, ID_BYTES));
    }

    /**
     * Decrypts a key.
     *
     * @param source what holds the root key, for messages, such as {@code key file /etc/keystore/root.key}
     */
    byte[] unwrap(byte[] wrapped, byte[] associatedData, String source) {
        if (wrapped.length != WRAPPED_BYTES) {
            throw changed();
        }
        if (isWrappedByAnother(wrapped)) {
            throw new KeyUnavailableException(
                    "The store was encrypted with root key " + hex(Arrays.copyOf(wrapped, ID_BYTES)) + ", but the "
                            + source + " is root key " + hex(id())
                            + "; configure the key that the store was encrypted with",
                    null);
        }
        try {
            return Xaes256Gcm.decrypt(
                    key,
                    wrapped,
                    ID_BYTES,
                    associatedData,
                    wrapped,
                    CIPHERTEXT_OFFSET,
                    wrapped.length - CIPHERTEXT_OFFSET);
        } catch (AEADBadTagException e) {
            throw changed();
        }
    }

    static KeyUnavailableException changed() {
        return new KeyUnavailableException(
                "The wrapped key in the mark of the encrypted store was changed; find out who has write access; "
                        + MARK_ALONE,
                null);
    }

    private byte[] id() {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(key);
            return Arrays.copyOf(mac.doFinal("keystore root key id".getBytes(UTF_8)), ID_BYTES);
        } catch (GeneralSecurityException e) {
            throw new IllegalStateException("HMAC-SHA-256 is not available: " + e.getMessage(), e);
        }
    }

    private static String hex(byte[] id) {
        return HexFormat.of().formatHex(id);
    }

    @Override
    public void close() {
        key.destroy();
    }

    /** Returns no part of the key. */
    @Override
    public String toString() {
        return "RootKey";
    }
}
