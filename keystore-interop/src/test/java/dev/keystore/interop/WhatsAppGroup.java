package dev.keystore.interop;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import org.signal.libsignal.protocol.ecc.ECKeyPair;
import org.signal.libsignal.protocol.ecc.ECPrivateKey;
import org.signal.libsignal.protocol.ecc.ECPublicKey;

/**
 * Messages to a group as WhatsApp has them, for libsignal-client, whose messages have other fields. They are signed
 * again, with a key pair whose public key takes the place of that of the sender in the record.
 */
final class WhatsAppGroup {

    private static final byte VERSION = 0x33;
    private static final int SIGNATURE_BYTES = 64;

    private final ECKeyPair surrogate = ECKeyPair.generate();

    /** Returns a record of another sender, in the form of libsignal, for messages that are signed again. */
    byte[] surrogate(byte[] record) throws DamagedException {
        return withPublicKey(record, surrogate.getPublicKey().serialize());
    }

    /** Returns a record with another public key, without the private one. */
    static byte[] withPublicKey(byte[] record, byte[] publicKey) throws DamagedException {
        SenderKeyState state =
                SenderKeyForms.readLibsignal(record).newestFirst().get(0);
        return SenderKeyForms.writeLibsignal(
                List.of(new SenderKeyState(state.keyId(), state.next(), publicKey, new byte[0], state.skipped())));
    }

    static byte[] publicKey(byte[] record) throws DamagedException {
        return SenderKeyForms.readLibsignal(record).newestFirst().get(0).publicKey();
    }

    /** Checks the signature of a message of WhatsApp, and returns it for libsignal-client. */
    byte[] received(byte[] message, byte[] publicKey) throws Exception {
        int end = message.length - SIGNATURE_BYTES;
        byte[] signed = Arrays.copyOf(message, end);
        assertThat(new ECPublicKey(publicKey).verifySignature(signed, Arrays.copyOfRange(message, end, message.length)))
                .isTrue();
        byte[][] parts = parts(Arrays.copyOfRange(signed, 1, end), 1);
        ByteArrayOutputStream wrapped = new ByteArrayOutputStream();
        wrapped.write(VERSION);
        ByteBuffer id = ByteBuffer.allocate(2 * Long.BYTES)
                .putLong(Party.GROUP.getMostSignificantBits())
                .putLong(Party.GROUP.getLeastSignificantBits());
        Protobuf.bytes(wrapped, 1, id.array());
        write(wrapped, 2, parts);
        return signed(wrapped, surrogate.getPrivateKey());
    }

    /** Returns a message of libsignal-client as WhatsApp has it, signed with the sender's private key. */
    static byte[] sent(byte[] message, byte[] ownRecord) throws Exception {
        byte[] privateKey =
                SenderKeyForms.readLibsignal(ownRecord).newestFirst().get(0).privateKey();
        byte[][] parts = parts(Arrays.copyOfRange(message, 1, message.length - SIGNATURE_BYTES), 2);
        ByteArrayOutputStream wrapped = new ByteArrayOutputStream();
        wrapped.write(VERSION);
        write(wrapped, 1, parts);
        return signed(wrapped, new ECPrivateKey(privateKey));
    }

    /** Returns key id, iteration and ciphertext, whose fields begin with {@code first}. */
    private static byte[][] parts(byte[] fields, int first) throws DamagedException {
        byte[][] parts = new byte[3][];
        Protobuf message = new Protobuf(fields);
        while (message.next()) {
            int part = message.field() - first;
            if (part == 0 || part == 1) {
                parts[part] = ByteBuffer.allocate(Long.BYTES)
                        .putLong(message.number())
                        .array();
            } else {
                byte[] bytes = message.bytes();
                if (part == 2) {
                    parts[2] = bytes;
                }
            }
        }
        return parts;
    }

    private static void write(ByteArrayOutputStream message, int first, byte[][] parts) {
        Protobuf.number(message, first, ByteBuffer.wrap(parts[0]).getLong());
        Protobuf.number(message, first + 1, ByteBuffer.wrap(parts[1]).getLong());
        Protobuf.bytes(message, first + 2, parts[2]);
    }

    private static byte[] signed(ByteArrayOutputStream message, ECPrivateKey key) throws Exception {
        byte[] signature = key.calculateSignature(message.toByteArray());
        message.writeBytes(signature);
        return message.toByteArray();
    }
}
