package dev.keystore.demo;

import dev.keystore.Codec;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.signal.libsignal.protocol.message.CiphertextMessage;

/**
 * A letter from one correspondent to the other: a sealed message, preceded by the sealed sender key of the group if the
 * receiver does not have it yet.
 *
 * @param parts one or two parts
 */
record Letter(List<Part> parts) {

    /** Stores each part as its type, its length and its bytes. */
    static final Codec<Letter> CODEC = new Codec<>() {
        @Override
        public byte[] encode(Letter letter) {
            int size = letter.parts.stream()
                    .mapToInt(part -> 5 + part.sealed.length)
                    .sum();
            ByteBuffer bytes = ByteBuffer.allocate(size);
            letter.parts.forEach(part ->
                    bytes.put((byte) part.type).putInt(part.sealed.length).put(part.sealed));
            return bytes.array();
        }

        @Override
        public Letter decode(byte[] bytes) {
            ByteBuffer rest = ByteBuffer.wrap(bytes);
            List<Part> parts = new ArrayList<>();
            try {
                while (rest.hasRemaining()) {
                    int type = rest.get();
                    byte[] sealed = new byte[Math.min(Math.max(rest.getInt(), 0), rest.remaining() + 1)];
                    parts.add(new Part(type, sealed));
                    rest.get(sealed);
                }
            } catch (BufferUnderflowException e) {
                throw new IllegalArgumentException("a part does not fit its letter", e);
            }
            return new Letter(parts);
        }
    };

    Letter {
        parts = List.copyOf(parts);
    }

    static Letter of(CiphertextMessage... messages) {
        List<Part> parts = new ArrayList<>();
        for (CiphertextMessage message : messages) {
            parts.add(new Part(message.getType(), message.serialize()));
        }
        return new Letter(parts);
    }

    Part message() {
        return parts.get(parts.size() - 1);
    }

    /** Returns how the message is sealed, for people to read. */
    String seal() {
        return switch (message().type()) {
            case CiphertextMessage.PREKEY_TYPE -> "pre-key message";
            case CiphertextMessage.WHISPER_TYPE -> "ratchet";
            case CiphertextMessage.SENDERKEY_TYPE -> parts.size() == 1 ? "sender key" : "sender key, new";
            default -> "unknown";
        };
    }

    /**
     * One ciphertext.
     *
     * @param type one of the types of {@link CiphertextMessage}
     * @param sealed its bytes, not copied and never changed
     */
    record Part(int type, byte[] sealed) {

        @Override
        public String toString() {
            return "Part[type " + type + ", " + sealed.length + " bytes]";
        }
    }
}
