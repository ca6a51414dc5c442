package dev.keystore.interop;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;

/**
 * The credentials of an account of {@code keystore-libsignal}, which are written here without that module: it links
 * libsignal, and few users of this one need it.
 *
 * <p>They have the format 1, which holds the next ids of pre-keys as well. {@code SignalAccount.open} moves those to
 * entries, in one commit.
 *
 * @param registrationId the registration id
 * @param publicKey the public identity key, with its type
 * @param privateKey the private identity key
 * @param nextPreKeyId the id of the next one-time pre-key
 * @param nextSignedPreKeyId the id of the next signed pre-key
 * @param nextKyberPreKeyId the id of the next Kyber pre-key
 */
record LibsignalCredentials(
        int registrationId,
        byte[] publicKey,
        byte[] privateKey,
        int nextPreKeyId,
        int nextSignedPreKeyId,
        int nextKyberPreKeyId) {

    /** The largest id that is issued; the next one is 1. */
    static final int MAXIMUM_KEY_ID = 0xFF_FFFE;

    private static final int MAGIC = 0x4b534c53;
    private static final byte FORMAT = 1;

    /** Returns the bytes of the credentials. */
    byte[] encode(byte[] applicationData) {
        ByteArrayOutputStream keyPair = new ByteArrayOutputStream();
        Protobuf.bytes(keyPair, 1, publicKey);
        Protobuf.bytes(keyPair, 2, privateKey);
        return ByteBuffer.allocate(7 * Integer.BYTES + 1 + keyPair.size() + applicationData.length)
                .putInt(MAGIC)
                .put(FORMAT)
                .putInt(registrationId)
                .putInt(nextPreKeyId)
                .putInt(nextSignedPreKeyId)
                .putInt(nextKyberPreKeyId)
                .putInt(keyPair.size())
                .put(keyPair.toByteArray())
                .putInt(applicationData.length)
                .put(applicationData)
                .array();
    }

    /** Returns the registration id, but no byte of the keys. */
    @Override
    public String toString() {
        return "LibsignalCredentials[registration " + registrationId + "]";
    }
}
