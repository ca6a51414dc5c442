package dev.keystore;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** The binary format of the standard key types: a sequence of fields, each preceded by its length in four bytes. */
final class Fields {

    private Fields() {}

    static byte[] join(List<byte[]> fields) {
        int size = 0;
        for (byte[] field : fields) {
            size = Math.addExact(size, Integer.BYTES + field.length);
        }
        ByteBuffer joined = ByteBuffer.allocate(size);
        for (byte[] field : fields) {
            joined.putInt(field.length).put(field);
        }
        return joined.array();
    }

    /** Splits the output of {@link #join}. Never allocates more than the input holds, whatever a length claims. */
    static List<byte[]> split(byte[] joined) {
        ByteBuffer rest = ByteBuffer.wrap(joined);
        List<byte[]> fields = new ArrayList<>();
        while (rest.hasRemaining()) {
            int length = rest.remaining() < Integer.BYTES ? -1 : rest.getInt();
            if (length < 0 || length > rest.remaining()) {
                throw new IllegalArgumentException("field " + fields.size() + " does not fit its entry");
            }
            byte[] field = new byte[length];
            rest.get(field);
            fields.add(field);
        }
        return fields;
    }

    static List<byte[]> split(byte[] joined, int count) {
        List<byte[]> fields = split(joined);
        if (fields.size() != count) {
            throw new IllegalArgumentException("expected " + count + " fields, found " + fields.size());
        }
        return fields;
    }

    static byte[] ofString(String string) {
        try {
            ByteBuffer utf8 = StandardCharsets.UTF_8.newEncoder().encode(CharBuffer.wrap(string));
            byte[] field = new byte[utf8.remaining()];
            utf8.get(field);
            return field;
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException("a string is not well-formed Unicode", e);
        }
    }

    static String toString(byte[] field) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(field))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException("a field is not well-formed UTF-8", e);
        }
    }

    static byte[] ofLong(long number) {
        return ByteBuffer.allocate(Long.BYTES).putLong(number).array();
    }

    static long toLong(byte[] field) {
        if (field.length != Long.BYTES) {
            throw new IllegalArgumentException("a number must be 8 bytes, found " + field.length);
        }
        return ByteBuffer.wrap(field).getLong();
    }
}
