package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigInteger;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;

/**
 * Decodes a term that {@code :erlang.term_to_binary} has written, as a tree of JSON: the same tree as that of the JSON
 * form of a value.
 *
 * <p>Atoms become texts, except {@code nil}, {@code true} and {@code false}; binaries become binary nodes. A key of a
 * map becomes its text: a number in decimal digits, bytes that are not a text in base64. The name of a struct,
 * {@code __struct__}, is left out. What the library never stores, such as processes, functions and compressed terms, is
 * refused.
 *
 * <p>Each length is compared with the bytes that are left before anything is allocated. The nesting and the number of
 * parts are limited.
 */
final class ErlangTerm {

    private static final int VERSION = 131;
    private static final int MAXIMUM_DEPTH = 64;
    private static final int MAXIMUM_TERMS = 1_000_000;

    private static final int SMALL_INTEGER = 97;
    private static final int INTEGER = 98;
    private static final int ATOM = 100;
    private static final int SMALL_TUPLE = 104;
    private static final int NIL = 106;
    private static final int STRING = 107;
    private static final int LIST = 108;
    private static final int BINARY = 109;
    private static final int SMALL_BIG = 110;
    private static final int SMALL_ATOM = 115;
    private static final int MAP = 116;
    private static final int ATOM_UTF8 = 118;
    private static final int SMALL_ATOM_UTF8 = 119;
    private static final int NEW_FLOAT = 70;

    private final ByteBuffer bytes;
    private int terms;

    private ErlangTerm(byte[] bytes) {
        this.bytes = ByteBuffer.wrap(bytes);
    }

    /** Decodes a file that holds one term. */
    static JsonNode decode(byte[] file) throws DamagedException {
        if (file.length == 0) {
            throw new DamagedException("it is empty");
        }
        ErlangTerm term = new ErlangTerm(file);
        try {
            if (term.unsigned8() != VERSION) {
                throw new DamagedException("it is not a term of Erlang");
            }
            JsonNode node = term.read(0);
            if (term.bytes.hasRemaining()) {
                throw new DamagedException("it has " + term.bytes.remaining() + " bytes after its term");
            }
            return node;
        } catch (BufferUnderflowException e) {
            throw new DamagedException("it is cut: its term ends too early");
        }
    }

    /** Decodes a record of baileys_ex in either of its forms: a term, or else JSON. */
    static JsonNode decodeThisOrJson(byte[] record) throws DamagedException {
        return isTerm(record) ? decode(record) : StrictJson.read(record);
    }

    /** Returns whether bytes begin as a term does, which neither JSON nor protobuf of libsignal does. */
    static boolean isTerm(byte[] bytes) {
        return bytes.length > 0 && Byte.toUnsignedInt(bytes[0]) == VERSION;
    }

    private int unsigned8() {
        return Byte.toUnsignedInt(bytes.get());
    }

    private int unsigned16() {
        return Short.toUnsignedInt(bytes.getShort());
    }

    private JsonNode read(int depth) throws DamagedException {
        if (depth > MAXIMUM_DEPTH) {
            throw new DamagedException("it is nested more than " + MAXIMUM_DEPTH + " levels deep");
        }
        if (++terms > MAXIMUM_TERMS) {
            throw new DamagedException("it has more than " + MAXIMUM_TERMS + " parts");
        }
        int tag = unsigned8();
        return switch (tag) {
            case SMALL_INTEGER -> StrictJson.NODES.numberNode(unsigned8());
            case INTEGER -> StrictJson.NODES.numberNode(bytes.getInt());
            case SMALL_BIG -> big();
            case NEW_FLOAT -> StrictJson.NODES.numberNode(bytes.getDouble());
            case ATOM, SMALL_ATOM, ATOM_UTF8, SMALL_ATOM_UTF8 -> ofAtom(atom(tag));
            case BINARY -> StrictJson.NODES.binaryNode(binary());
            case NIL -> StrictJson.NODES.arrayNode();
            case STRING -> string();
            case LIST -> list(depth);
            case MAP -> map(depth);
            case SMALL_TUPLE -> tuple(depth);
            default -> throw new DamagedException("it holds a kind of term that is not known, number " + tag);
        };
    }

    /** Reads the number of elements, each of which takes a byte at least. */
    private int count(int bytesOfEach) throws DamagedException {
        long count = Integer.toUnsignedLong(bytes.getInt());
        if (count * bytesOfEach > bytes.remaining()) {
            throw new DamagedException("it is cut: a part of it does not fit into it");
        }
        return (int) count;
    }

    private byte[] take(int length) {
        if (length > bytes.remaining()) {
            throw new BufferUnderflowException();
        }
        byte[] taken = new byte[length];
        bytes.get(taken);
        return taken;
    }

    private byte[] binary() throws DamagedException {
        return take(count(1));
    }

    private JsonNode big() {
        int length = unsigned8();
        boolean isNegative = unsigned8() != 0;
        byte[] littleEndian = take(length);
        byte[] magnitude = new byte[length];
        for (int i = 0; i < length; i++) {
            magnitude[i] = littleEndian[length - 1 - i];
        }
        return StrictJson.NODES.numberNode(new BigInteger(isNegative ? -1 : 1, magnitude));
    }

    private String atom(int tag) throws DamagedException {
        boolean isSmall = tag == SMALL_ATOM || tag == SMALL_ATOM_UTF8;
        byte[] name = take(isSmall ? unsigned8() : unsigned16());
        boolean isUtf8 = tag == ATOM_UTF8 || tag == SMALL_ATOM_UTF8;
        return isUtf8 ? text(name) : new String(name, ISO_8859_1);
    }

    private static JsonNode ofAtom(String atom) {
        return switch (atom) {
            case "nil" -> StrictJson.NODES.nullNode();
            case "true" -> StrictJson.NODES.booleanNode(true);
            case "false" -> StrictJson.NODES.booleanNode(false);
            default -> StrictJson.NODES.textNode(atom);
        };
    }

    /** Reads a list of small numbers, which Erlang writes as bytes. */
    private JsonNode string() {
        ArrayNode list = StrictJson.NODES.arrayNode();
        for (byte number : take(unsigned16())) {
            list.add(Byte.toUnsignedInt(number));
        }
        return list;
    }

    private JsonNode list(int depth) throws DamagedException {
        int count = count(1);
        ArrayNode list = StrictJson.NODES.arrayNode();
        for (int i = 0; i < count; i++) {
            list.add(read(depth + 1));
        }
        if (unsigned8() != NIL) {
            throw new DamagedException("a list in it does not end as a list");
        }
        return list;
    }

    /** Returns a tuple in the form that the library's JSON has for one. */
    private JsonNode tuple(int depth) throws DamagedException {
        ObjectNode tuple = StrictJson.object().put("__type__", "tuple");
        ArrayNode items = tuple.putArray("items");
        for (int i = unsigned8(); i > 0; i--) {
            items.add(read(depth + 1));
        }
        return tuple;
    }

    private JsonNode map(int depth) throws DamagedException {
        int count = count(2);
        ObjectNode map = StrictJson.object();
        for (int i = 0; i < count; i++) {
            String key = key();
            JsonNode value = read(depth + 1);
            if (!key.equals("__struct__") && map.putIfAbsent(key, value) != null) {
                throw new DamagedException("a map in it has the same key twice");
            }
        }
        return map;
    }

    private String key() throws DamagedException {
        int tag = unsigned8();
        return switch (tag) {
            case SMALL_INTEGER -> Integer.toString(unsigned8());
            case INTEGER -> Integer.toString(bytes.getInt());
            case ATOM, SMALL_ATOM, ATOM_UTF8, SMALL_ATOM_UTF8 -> atom(tag);
            case BINARY -> {
                byte[] key = binary();
                yield isText(key) ? text(key) : Buffers.base64(key);
            }
            default -> throw new DamagedException("a key of a map in it is of a kind that is not known, number " + tag);
        };
    }

    private static boolean isText(byte[] bytes) {
        try {
            text(bytes);
            return true;
        } catch (DamagedException e) {
            return false;
        }
    }

    static String text(byte[] bytes) throws DamagedException {
        CharsetDecoder decoder = UTF_8.newDecoder();
        try {
            CharBuffer text = decoder.decode(ByteBuffer.wrap(bytes));
            return text.toString();
        } catch (CharacterCodingException e) {
            throw new DamagedException("a text in it is not text in UTF-8");
        }
    }
}
