package dev.keystore.encryption;

import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.Provider;
import java.util.Arrays;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.spec.GCMParameterSpec;

/**
 * XAES-256-GCM as C2SP specifies it: AES-256-GCM under a key derived from the first half of a nonce of 192 bits. Both
 * parts are the JDK's.
 *
 * <p>See <a href="https://c2sp.org/XAES-256-GCM">c2sp.org/XAES-256-GCM</a>.
 */
final class Xaes256Gcm {

    static final int NONCE_BYTES = 24;
    static final int TAG_BYTES = 16;

    private static final int BLOCK_BYTES = 16;
    static final int HALF_NONCE_BYTES = 12;

    private static final String ECB = "AES/ECB/NoPadding";
    private static final String GCM = "AES/GCM/NoPadding";

    /** Looked up once: with the provider, creating a cipher takes a third of the time. */
    private static final Provider ECB_PROVIDER = provider(ECB);

    private static final Provider GCM_PROVIDER = provider(GCM);

    private Xaes256Gcm() {}

    private static Provider provider(String transformation) {
        try {
            return Cipher.getInstance(transformation).getProvider();
        } catch (GeneralSecurityException e) {
            throw notAvailable(e);
        }
    }

    /**
     * Derives a key from the first half of a nonce.
     *
     * @param nonce holds the nonce, or its first half, from {@code offset} on
     */
    static DerivedKey derivedKey(Key key, byte[] nonce, int offset) {
        try {
            Cipher cipher = Cipher.getInstance(GCM, GCM_PROVIDER); // first: what fails later leaves no derived key
            return new DerivedKey(AesKey.of(derive(key, nonce, offset)), cipher);
        } catch (GeneralSecurityException e) {
            throw notAvailable(e);
        }
    }

    /**
     * The key for all nonces with one first half. Confined to one thread at a time, since it has a cipher, which it
     * reuses.
     */
    static final class DerivedKey {

        private final AesKey key;
        private final Cipher cipher;

        private DerivedKey(AesKey key, Cipher cipher) {
            this.key = key;
            this.cipher = cipher;
        }

        /**
         * Encrypts {@code length} bytes from {@code offset} on in their place, and puts the tag behind them.
         *
         * @param nonce holds a nonce with this first half from {@code nonceOffset} on; it may be the same array
         */
        void encrypt(byte[] nonce, int nonceOffset, byte[] associatedData, byte[] bytes, int offset, int length) {
            try {
                init(Cipher.ENCRYPT_MODE, nonce, nonceOffset);
                cipher.updateAAD(associatedData);
                cipher.doFinal(bytes, offset, length, bytes, offset);
            } catch (GeneralSecurityException e) {
                throw notAvailable(e);
            }
        }

        private byte[] decrypt(
                byte[] nonce, int nonceOffset, byte[] associatedData, byte[] input, int inputOffset, int length)
                throws AEADBadTagException {
            try {
                init(Cipher.DECRYPT_MODE, nonce, nonceOffset);
                cipher.updateAAD(associatedData);
                return cipher.doFinal(input, inputOffset, length);
            } catch (AEADBadTagException e) {
                throw e;
            } catch (GeneralSecurityException e) {
                throw notAvailable(e);
            }
        }

        private void init(int mode, byte[] nonce, int offset) throws GeneralSecurityException {
            cipher.init(
                    mode, key, new GCMParameterSpec(8 * TAG_BYTES, nonce, offset + HALF_NONCE_BYTES, HALF_NONCE_BYTES));
        }

        void destroy() {
            key.destroy();
        }
    }

    /**
     * Encrypts {@code input} into {@code output} from {@code outputOffset} on: as many bytes, then the tag. The derived
     * key is used for this nonce only.
     */
    static void encrypt(
            AesKey key,
            byte[] nonce,
            int nonceOffset,
            byte[] associatedData,
            byte[] input,
            byte[] output,
            int outputOffset) {
        DerivedKey derived = derivedKey(key, nonce, nonceOffset);
        try {
            System.arraycopy(input, 0, output, outputOffset, input.length);
            derived.encrypt(nonce, nonceOffset, associatedData, output, outputOffset, input.length);
        } finally {
            derived.destroy();
        }
    }

    /**
     * Decrypts and authenticates.
     *
     * @param input holds ciphertext and tag from {@code inputOffset} on
     * @return the plaintext
     * @throws AEADBadTagException if anything differs from what was encrypted
     */
    static byte[] decrypt(
            AesKey key, byte[] nonce, int nonceOffset, byte[] associatedData, byte[] input, int inputOffset, int length)
            throws AEADBadTagException {
        DerivedKey derived = derivedKey(key, nonce, nonceOffset);
        try {
            return derived.decrypt(nonce, nonceOffset, associatedData, input, inputOffset, length);
        } finally {
            derived.destroy();
        }
    }

    private static IllegalStateException notAvailable(GeneralSecurityException failure) {
        return new IllegalStateException("AES is not available: " + failure.getMessage(), failure);
    }

    /** NIST SP 800-108r1 in counter mode with AES-CMAC, whose input is one whole block: one block cipher call each. */
    static byte[] derive(Key key, byte[] nonce, int offset) throws GeneralSecurityException {
        Cipher aes = Cipher.getInstance(ECB, ECB_PROVIDER);
        aes.init(Cipher.ENCRYPT_MODE, key);
        byte[] subkey = doubled(aes.doFinal(new byte[BLOCK_BYTES]));
        byte[] messages = new byte[2 * BLOCK_BYTES];
        for (int counter = 1; counter <= 2; counter++) {
            int start = (counter - 1) * BLOCK_BYTES;
            messages[start + 1] = (byte) counter;
            messages[start + 2] = 'X';
            System.arraycopy(nonce, offset, messages, start + BLOCK_BYTES - HALF_NONCE_BYTES, HALF_NONCE_BYTES);
            for (int i = 0; i < BLOCK_BYTES; i++) {
                messages[start + i] ^= subkey[i];
            }
        }
        byte[] derived = aes.doFinal(messages);
        Arrays.fill(subkey, (byte) 0);
        Arrays.fill(messages, (byte) 0);
        return derived;
    }

    /** Doubles a block in GF(2^128), in place. The bits are secret, so no branch depends on them. */
    private static byte[] doubled(byte[] block) {
        int reduction = -((block[0] & 0x80) >>> 7) & 0x87;
        for (int i = 0; i < BLOCK_BYTES - 1; i++) {
            block[i] = (byte) (block[i] << 1 | (block[i + 1] & 0x80) >>> 7);
        }
        block[BLOCK_BYTES - 1] = (byte) (block[BLOCK_BYTES - 1] << 1 ^ reduction);
        return block;
    }
}
