package dev.keystore.encryption;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HexFormat;
import org.bouncycastle.crypto.digests.SHAKEDigest;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The test vectors of the specification, <a href="https://c2sp.org/XAES-256-GCM">c2sp.org/XAES-256-GCM</a>. */
class Xaes256GcmTest {

    private static final byte[] NONCE = "ABCDEFGHIJKLMNOPQRSTUVWX".getBytes(US_ASCII);
    private static final byte[] PLAINTEXT = "XAES-256-GCM".getBytes(US_ASCII);

    @ParameterizedTest
    @CsvSource(textBlock = """
                    1, c8612c9ed53fe43e8e005b828a1631a0bbcb6ab2f46514ec4f439fcfd0fa969b, '', \
                    ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271
                    3, e9c621d4cdd9b11b00a6427ad7e559aeedd66b3857646677748f8ca796cb3fd8, c2sp.org/XAES-256-GCM, \
                    986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d
                    """)
    @DisplayName("R70 the suite gives the derived keys and ciphertexts of the specification, and opens them")
    void vectors(byte keyByte, String derived, String associatedData, String ciphertext) throws Exception {
        byte[] key = new byte[32];
        Arrays.fill(key, keyByte);

        assertThat(Xaes256Gcm.derive(AesKey.of(key.clone()), NONCE, 0)).isEqualTo(hex(derived));
        byte[] encrypted = encrypt(key, NONCE, associatedData.getBytes(US_ASCII), PLAINTEXT);
        assertThat(encrypted).isEqualTo(hex(ciphertext));
        assertThat(decrypt(key, NONCE, associatedData.getBytes(US_ASCII), encrypted))
                .isEqualTo(PLAINTEXT);
    }

    @Test
    @DisplayName("R70 10,000 random inputs give the accumulated hash of the specification")
    void accumulated() throws Exception {
        assertThat(accumulate(10_000))
                .isEqualTo(hex("e6b9edf2df6cec60c8cbd864e2211b597fb69a529160cd040d56c0c210081939"));
    }

    @Test
    @Tag("long")
    @DisplayName("R70 1,000,000 random inputs give the accumulated hash of the specification")
    void accumulatedLong() throws Exception {
        assertThat(accumulate(1_000_000))
                .isEqualTo(hex("2163ae1445985a30b60585ee67daa55674df06901b890593e824b8a7c885ab15"));
    }

    private static byte[] accumulate(int count) throws Exception {
        SHAKEDigest random = new SHAKEDigest(128);
        SHAKEDigest hash = new SHAKEDigest(128);
        for (int i = 0; i < count; i++) {
            byte[] key = next(random, 32);
            byte[] nonce = next(random, 24);
            byte[] plaintext = next(random, Byte.toUnsignedInt(next(random, 1)[0]));
            byte[] associatedData = next(random, Byte.toUnsignedInt(next(random, 1)[0]));
            byte[] encrypted = encrypt(key, nonce, associatedData, plaintext);
            assertThat(Arrays.equals(decrypt(key, nonce, associatedData, encrypted), plaintext))
                    .as("input %s", i)
                    .isTrue();
            hash.update(encrypted, 0, encrypted.length);
        }
        return next(hash, 32);
    }

    private static byte[] next(SHAKEDigest random, int length) {
        byte[] bytes = new byte[length];
        random.doOutput(bytes, 0, length);
        return bytes;
    }

    private static byte[] encrypt(byte[] key, byte[] nonce, byte[] associatedData, byte[] plaintext) {
        byte[] output = new byte[plaintext.length + Xaes256Gcm.TAG_BYTES];
        Xaes256Gcm.encrypt(AesKey.of(key.clone()), nonce, 0, associatedData, plaintext, output, 0);
        return output;
    }

    /** Decrypts from and with arrays that hold other bytes around. */
    private static byte[] decrypt(byte[] key, byte[] nonce, byte[] associatedData, byte[] encrypted) throws Exception {
        byte[] all = ByteBuffer.allocate(nonce.length + encrypted.length + 2)
                .put((byte) 9)
                .put(nonce)
                .put(encrypted)
                .array();
        return Xaes256Gcm.decrypt(AesKey.of(key.clone()), all, 1, associatedData, all, 25, encrypted.length);
    }

    private static byte[] hex(String hex) {
        return HexFormat.of().parseHex(hex);
    }
}
