package dev.keystore.libsignal;

import dev.keystore.Codec;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoField;
import java.util.Arrays;
import java.util.List;
import org.signal.libsignal.protocol.SignalProtocolAddress;

/**
 * A message in an {@link Inbox} or an {@link Outbox}.
 *
 * @param id the id that the application gave to it
 * @param remote the address of the device that it came from, or is to be sent to
 * @param type the type of an encrypted message, as in {@code CiphertextMessage}; 0 for a decrypted one
 * @param body the plaintext, or the encrypted bytes; not copied
 * @param stored when it was stored, in milliseconds; the nanoseconds number the messages of one millisecond
 * @param identity whether the identity of the device that a decrypted message came from was new or had changed
 */
public record StoredMessage(
        String id, SignalProtocolAddress remote, int type, byte[] body, Instant stored, IdentityStatus identity) {

    private static final int DEVICE_BITS = 8;
    private static final int NANOS_BITS = 20;
    private static final List<IdentityStatus> STATUSES =
            List.of(IdentityStatus.UNCHANGED, IdentityStatus.NEW, IdentityStatus.CHANGED);
    private static final int NANOS_PER_MILLI = 1_000_000;

    /**
     * The codec of messages without their ids, which are those of their entries. The lower byte of the device's integer
     * is its number. The 20 bits above are the nanoseconds of the time, and the highest four the identity's status.
     */
    static final Codec<StoredMessage> CODEC = new Codec<>() {
        @Override
        public byte[] encode(StoredMessage message) {
            byte[] name = message.remote.getName().getBytes(StandardCharsets.UTF_8);
            return ByteBuffer.allocate(Long.BYTES + 3 * Integer.BYTES + name.length + message.body.length)
                    .putLong(message.stored.toEpochMilli())
                    .putInt(message.type)
                    .putInt(message.remote.getDeviceId()
                            | (nanos(message.stored) << DEVICE_BITS)
                            | (STATUSES.indexOf(message.identity) << (DEVICE_BITS + NANOS_BITS)))
                    .putInt(name.length)
                    .put(name)
                    .put(message.body)
                    .array();
        }

        @Override
        public StoredMessage decode(byte[] encoded) {
            ByteBuffer bytes = ByteBuffer.wrap(encoded);
            try {
                long millis = bytes.getLong();
                int type = bytes.getInt();
                int packed = bytes.getInt();
                int device = packed & ((1 << DEVICE_BITS) - 1);
                int nanos = (packed >>> DEVICE_BITS) & ((1 << NANOS_BITS) - 1);
                int status = packed >>> (DEVICE_BITS + NANOS_BITS);
                int length = bytes.getInt();
                if (device < 1 || device > Ids.MAX_DEVICE || nanos >= NANOS_PER_MILLI || status >= STATUSES.size()) {
                    throw new IllegalArgumentException("device, time or status out of range");
                }
                if (length < 0 || length > bytes.remaining()) {
                    throw new IllegalArgumentException("length out of range");
                }
                byte[] name = new byte[length];
                bytes.get(name);
                byte[] body = new byte[bytes.remaining()];
                bytes.get(body);
                String text = new String(name, StandardCharsets.UTF_8);
                if (!Arrays.equals(text.getBytes(StandardCharsets.UTF_8), name)) {
                    throw new IllegalArgumentException("the name is not in UTF-8");
                }
                return new StoredMessage(
                        "",
                        new SignalProtocolAddress(text, device),
                        type,
                        body,
                        Instant.ofEpochMilli(millis).plusNanos(nanos),
                        STATUSES.get(status));
            } catch (BufferUnderflowException e) {
                throw new IllegalArgumentException("too short", e);
            }
        }
    };

    private static int nanos(Instant stored) {
        return stored.get(ChronoField.NANO_OF_SECOND) % NANOS_PER_MILLI;
    }

    StoredMessage withId(String id) {
        return new StoredMessage(id, remote, type, body, stored, identity);
    }

    /** Returns all but the bytes of the message. */
    @Override
    public String toString() {
        return "StoredMessage[" + id + ", " + remote + ", type " + type + ", " + body.length + " bytes, stored "
                + stored + "]";
    }
}
