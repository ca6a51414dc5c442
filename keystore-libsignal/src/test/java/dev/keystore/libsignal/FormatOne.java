package dev.keystore.libsignal;

import java.nio.ByteBuffer;

/** The credentials of an account in format 1, which contained the next ids of pre-keys. */
final class FormatOne {

    private FormatOne() {}

    static byte[] encode(
            AccountIdentity identity,
            int nextPreKeyId,
            int nextSignedPreKeyId,
            int nextKyberPreKeyId,
            byte[] applicationData) {
        byte[] keyPair = identity.keyPair().serialize();
        return ByteBuffer.allocate(5 + 6 * Integer.BYTES + keyPair.length + applicationData.length)
                .putInt(0x4b534c53)
                .put((byte) 1)
                .putInt(identity.registrationId())
                .putInt(nextPreKeyId)
                .putInt(nextSignedPreKeyId)
                .putInt(nextKyberPreKeyId)
                .putInt(keyPair.length)
                .put(keyPair)
                .putInt(applicationData.length)
                .put(applicationData)
                .array();
    }
}
