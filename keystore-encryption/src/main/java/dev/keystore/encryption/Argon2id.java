package dev.keystore.encryption;

import org.bouncycastle.crypto.generators.Argon2BytesGenerator;
import org.bouncycastle.crypto.params.Argon2Parameters;

/** Argon2id (RFC 9106) by Bouncy Castle, the only class that needs it. */
final class Argon2id {

    private Argon2id() {}

    /**
     * Returns a key of 32 bytes.
     *
     * @throws IllegalStateException if Bouncy Castle is missing
     */
    static byte[] hash(byte[] passphrase, byte[] salt, int memoryKib, int passes, int lanes) {
        try {
            return BouncyCastle.hash(passphrase, salt, memoryKib, passes, lanes);
        } catch (NoClassDefFoundError e) {
            throw new IllegalStateException(
                    "A passphrase needs Argon2id: add org.bouncycastle:bcprov-jdk18on to the dependencies", e);
        }
    }

    private static final class BouncyCastle {

        static byte[] hash(byte[] passphrase, byte[] salt, int memoryKib, int passes, int lanes) {
            Argon2Parameters parameters = new Argon2Parameters.Builder(Argon2Parameters.ARGON2_id)
                    .withVersion(Argon2Parameters.ARGON2_VERSION_13)
                    .withMemoryAsKB(memoryKib)
                    .withIterations(passes)
                    .withParallelism(lanes)
                    .withSalt(salt)
                    .build();
            Argon2BytesGenerator generator = new Argon2BytesGenerator();
            generator.init(parameters);
            byte[] key = new byte[AesKey.BYTES];
            generator.generateBytes(passphrase, key);
            return key;
        }
    }
}
