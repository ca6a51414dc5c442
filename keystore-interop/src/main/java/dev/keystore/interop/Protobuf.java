package dev.keystore.interop;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;

/** The fields of a message in the wire format of Protocol Buffers: numbers and bytes only. */
final class Protobuf {

    private static final int NUMBER = 0;
    private static final int FIXED_64 = 1;
    private static final int BYTES = 2;
    private static final int FIXED_32 = 5;
    private static final int KIND_BITS = 3;
    private static final int VARINT_BITS = 7;
    private static final int CONTINUES = 0x80;

    private final ByteBuffer message;
    private int field;
    private int kind;

    Protobuf(byte[] message) {
        this.message = ByteBuffer.wrap(message);
    }

    static void number(ByteArrayOutputStream message, int field, long value) {
        varint(message, (long) field << KIND_BITS | NUMBER);
        varint(message, value);
    }

    static void bytes(ByteArrayOutputStream message, int field, byte[] value) {
        varint(message, (long) field << KIND_BITS | BYTES);
        varint(message, value.length);
        message.writeBytes(value);
    }

    static void varint(ByteArrayOutputStream message, long value) {
        long rest = value;
        while ((rest & ~(CONTINUES - 1L)) != 0) {
            message.write((int) (rest & (CONTINUES - 1)) | CONTINUES);
            rest >>>= VARINT_BITS;
        }
        message.write((int) rest);
    }

    boolean hasRemaining() {
        return message.hasRemaining();
    }

    /** Goes to the next field, whose value must then be read; returns false at the end. */
    boolean next() throws DamagedException {
        if (!message.hasRemaining()) {
            return false;
        }
        long tag = varint();
        field = (int) (tag >>> KIND_BITS);
        kind = (int) (tag & (1 << KIND_BITS) - 1);
        return true;
    }

    int field() {
        return field;
    }

    boolean isNumber() {
        return kind == NUMBER;
    }

    long number() throws DamagedException {
        expect(NUMBER);
        return varint();
    }

    byte[] bytes() throws DamagedException {
        expect(BYTES);
        long length = varint();
        if (length < 0 || length > message.remaining()) {
            throw new DamagedException("a field of its message does not fit into it");
        }
        byte[] bytes = new byte[(int) length];
        message.get(bytes);
        return bytes;
    }

    /** Passes over the value of a field. */
    void skip() throws DamagedException {
        switch (kind) {
            case NUMBER -> varint();
            case BYTES -> bytes();
            case FIXED_64 -> skip(Long.BYTES);
            case FIXED_32 -> skip(Integer.BYTES);
            default -> throw new DamagedException("a field of its message has a type that is not known");
        }
    }

    private void skip(int length) throws DamagedException {
        if (length > message.remaining()) {
            throw new DamagedException("a field of its message does not fit into it");
        }
        message.position(message.position() + length);
    }

    DamagedException unknown() {
        return new DamagedException("its message has a field that is not known, number " + field);
    }

    private void expect(int expected) throws DamagedException {
        if (kind != expected) {
            throw new DamagedException("a field of its message has another type than expected");
        }
    }

    long varint() throws DamagedException {
        long value = 0;
        for (int shift = 0; shift < Long.SIZE; shift += VARINT_BITS) {
            if (!message.hasRemaining()) {
                break;
            }
            byte next = message.get();
            value |= (long) (next & CONTINUES - 1) << shift;
            if ((next & CONTINUES) == 0) {
                return value;
            }
        }
        throw new DamagedException("a number of its message is cut or too long");
    }
}
