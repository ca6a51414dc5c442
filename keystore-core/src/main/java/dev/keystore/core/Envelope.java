package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.spi.Mutation;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Set;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The envelope around each value of a store that is not encrypted: one byte of format version, four bytes of CRC32C,
 * then the value.
 *
 * <p>The checksum also covers the context, the type and the id, so that bytes found under another key count as damaged.
 */
final class Envelope implements ContextSealer, ValueSealer {

    private static final byte VERSION = 1;
    private static final byte ENCRYPTED_VERSION = 2;
    private static final int HEADER_BYTES = 1 + Integer.BYTES;
    private static final String FIELD_SEPARATOR = "\n";

    private final String context;

    Envelope(String context) {
        this.context = context;
    }

    @Override
    public byte[] open(String type, String id, byte[] record) {
        return open(context, type, id, record);
    }

    /** Returns {@code stored}: the names of a plain store are not hidden. */
    @Override
    public EntryId entryOf(EntryId stored, byte[] record) {
        return stored;
    }

    @Override
    public byte[] seal(String type, String id, byte[] value) {
        return seal(context, type, id, value);
    }

    @Override
    public Envelope current() {
        return this;
    }

    @Override
    public Envelope afterErase() {
        return this;
    }

    @Override
    public Set<String> keptByClear(Set<String> keptTypes) {
        return keptTypes;
    }

    @Override
    public boolean isOutdated(ValueSealer sealer, boolean erases) {
        return false;
    }

    @Override
    public Mutation.@Nullable Put unwrittenKeys(ValueSealer sealer) {
        return null;
    }

    @Override
    public boolean hasSealed(String type, String id, byte[] record) {
        return isEnvelope(record);
    }

    @Override
    public void recordDurable(@Nullable ValueSealer sealer, boolean erased) {}

    @Override
    public void recordEraseUnknown(@Nullable ValueSealer sealer) {}

    @Override
    public void recordUnwritten(@Nullable ValueSealer sealer) {}

    @Override
    public boolean areKeysIntact() {
        return true;
    }

    @Override
    public void close() {}

    /** Returns whether a record is an envelope, and not encrypted. */
    static boolean isEnvelope(byte[] record) {
        return record.length > 0 && record[0] == VERSION;
    }

    static byte[] seal(String context, String type, String id, byte[] value) {
        return ByteBuffer.allocate(HEADER_BYTES + value.length)
                .put(VERSION)
                .putInt(checksum(context, type, id, value, 0))
                .put(value)
                .array();
    }

    /**
     * Returns the value inside an envelope.
     *
     * @throws IllegalArgumentException if the bytes are not an intact envelope of this key; the message is the reason
     */
    static byte[] open(String context, String type, String id, byte[] sealed) {
        if (sealed.length < HEADER_BYTES) {
            throw new IllegalArgumentException(
                    "it has " + sealed.length + " bytes, fewer than the header of " + HEADER_BYTES);
        }
        if (sealed[0] == ENCRYPTED_VERSION) {
            throw new IllegalArgumentException("it is encrypted, but the store has no mark that says so");
        }
        if (sealed[0] != VERSION) {
            throw new IllegalArgumentException(
                    "its format version is " + sealed[0] + ", only " + VERSION + " is known");
        }
        if (ByteBuffer.wrap(sealed).getInt(1) != checksum(context, type, id, sealed, HEADER_BYTES)) {
            throw new IllegalArgumentException("its checksum does not match");
        }
        return Arrays.copyOfRange(sealed, HEADER_BYTES, sealed.length);
    }

    /** Returns an entry that the engine stores for itself as a record: its fields, of which only the last has lines. */
    static byte[] sealFields(EntryId entry, String... fields) {
        byte[] text = String.join(FIELD_SEPARATOR, fields).getBytes(StandardCharsets.UTF_8);
        return seal(entry.type(), entry.type(), entry.id(), text);
    }

    /**
     * Returns the fields of a record that {@link #sealFields} has made.
     *
     * @param count how many it has
     * @throws IllegalArgumentException as {@link #open(String, String, String, byte[])}; also if it has fewer
     */
    static String[] openFields(EntryId entry, byte[] record, int count) {
        byte[] text = open(entry.type(), entry.type(), entry.id(), record);
        String[] fields = new String(text, StandardCharsets.UTF_8).split(FIELD_SEPARATOR, count);
        if (fields.length < count) {
            throw new IllegalArgumentException("it is too short");
        }
        return fields;
    }

    private static int checksum(String context, String type, String id, byte[] bytes, int from) {
        CRC32C crc = new CRC32C();
        crc.update(VERSION);
        update(crc, context);
        update(crc, type);
        update(crc, id);
        crc.update(bytes, from, bytes.length - from);
        return (int) crc.getValue();
    }

    private static void update(CRC32C crc, String part) {
        byte[] utf8 = part.getBytes(StandardCharsets.UTF_8);
        crc.update(ByteBuffer.allocate(Integer.BYTES).putInt(0, utf8.length));
        crc.update(utf8);
    }
}
