package dev.keystore.libsignal;

import dev.keystore.Codec;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import org.signal.libsignal.protocol.SignalProtocolAddress;

/**
 * A message in an {@link Inbox} or an {@link Outbox}.
 *
 * @param id the id that the application gave to it
 * @param remote the address of the device that it came from, or is to be sent to
 * @param type the type of an encrypted message, as in {@code CiphertextMessage}; 0 for a decrypted one
 * @param body the plaintext, or the encrypted bytes; not copied
 * @param stored when it was stored
 */
public record StoredMessage(String id, SignalProtocolAddress remote, int type, byte[] body, Instant stored) {

    /** The codec of messages without their ids, which are those of their entries. */
    static final Codec<StoredMessage> CODEC = new Codec<>() {
        @Override
        public byte[] encode(StoredMessage message) {
            byte[] name = message.remote.getName().getBytes(StandardCharsets.UTF_8);
            return ByteBuffer.allocate(Long.BYTES + 3 * Integer.BYTES + name.length + message.body.length)
                    .putLong(message.stored.toEpochMilli())
                    .putInt(message.type)
                    .putInt(message.remote.getDeviceId())
                    .putInt(name.length)
                    .put(name)
                    .put(message.body)
                    .array();
        }

        @Override
        public StoredMessage decode(byte[] encoded) {
            ByteBuffer bytes = ByteBuffer.wrap(encoded);
            try {
                Instant stored = Instant.ofEpochMilli(bytes.getLong());
                int type = bytes.getInt();
                int device = bytes.getInt();
                int length = bytes.getInt();
                if (device < 1 || device > Ids.MAX_DEVICE || length < 0 || length > bytes.remaining()) {
                    throw new IllegalArgumentException("device or length out of range");
                }
                byte[] name = new byte[length];
                bytes.get(name);
                byte[] body = new byte[bytes.remaining()];
                bytes.get(body);
                String text = new String(name, StandardCharsets.UTF_8);
                if (!Arrays.equals(text.getBytes(StandardCharsets.UTF_8), name)) {
                    throw new IllegalArgumentException("the name is not in UTF-8");
                }
                return new StoredMessage("", new SignalProtocolAddress(text, device), type, body, stored);
            } catch (BufferUnderflowException e) {
                throw new IllegalArgumentException("too short", e);
            }
        }
    };

    StoredMessage withId(String id) {
        return new StoredMessage(id, remote, type, body, stored);
    }

    /** Returns all but the bytes of the message. */
    @Override
    public String toString() {
        return "StoredMessage[" + id + ", " + remote + ", type " + type + ", " + body.length + " bytes, stored "
                + stored + "]";
    }
}
