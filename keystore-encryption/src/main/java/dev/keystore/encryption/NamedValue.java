package dev.keystore.encryption;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** The plaintext of a record in a store that hides names: the names it was sealed for, and the value. */
final class NamedValue {

    private final List<String> names;
    private final byte[] value;

    private NamedValue(List<String> names, byte[] value) {
        this.names = names;
        this.value = value;
    }

    List<String> names() {
        return names;
    }

    /** Returns the value, not copied. */
    byte[] value() {
        return value;
    }

    /** Returns each name after its length in two bytes, then the value. */
    static byte[] encode(byte[] value, String... names) {
        List<byte[]> encodedNames = new ArrayList<>(names.length);
        int length = value.length;
        for (String name : names) {
            byte[] utf8 = name.getBytes(UTF_8);
            if (utf8.length > 0xFFFF) {
                throw new IllegalArgumentException(
                        "a name must have at most 65,535 bytes in UTF-8, has " + utf8.length);
            }
            encodedNames.add(utf8);
            length += Short.BYTES + utf8.length;
        }
        ByteBuffer encoded = ByteBuffer.allocate(length);
        encodedNames.forEach(name -> encoded.putShort((short) name.length).put(name));
        return encoded.put(value).array();
    }

    /**
     * Reads what {@link #encode} returned for this many names.
     *
     * @throws IllegalArgumentException if the bytes are something else
     */
    static NamedValue decode(byte[] encoded, int count) {
        try {
            ByteBuffer bytes = ByteBuffer.wrap(encoded);
            List<String> names = new ArrayList<>(count);
            for (int i = 0; i < count; i++) {
                byte[] name = new byte[Short.toUnsignedInt(bytes.getShort())];
                bytes.get(name);
                names.add(new String(name, UTF_8));
            }
            byte[] value = new byte[bytes.remaining()];
            bytes.get(value);
            return new NamedValue(names, value);
        } catch (BufferUnderflowException e) {
            throw new IllegalArgumentException("the names of a record are cut off", e);
        }
    }

    /** Returns no byte of the value. */
    @Override
    public String toString() {
        return "NamedValue";
    }
}
