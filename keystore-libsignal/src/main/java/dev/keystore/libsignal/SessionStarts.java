package dev.keystore.libsignal;

import dev.keystore.Codec;
import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Optional;

/** When sessions began, by the id of the session: a separate entry, which is written once for each session. */
final class SessionStarts {

    static final KeyType<Instant> TYPE = KeyType.of("libsignal-session-start", new Codec<>() {
        @Override
        public byte[] encode(Instant start) {
            return ByteBuffer.allocate(Long.BYTES).putLong(start.toEpochMilli()).array();
        }

        @Override
        public Instant decode(byte[] bytes) {
            if (bytes.length != Long.BYTES) {
                throw new IllegalArgumentException("expected 8 bytes, found " + bytes.length);
            }
            return Instant.ofEpochMilli(ByteBuffer.wrap(bytes).getLong());
        }
    });

    private SessionStarts() {}

    static Optional<Instant> find(KeyReader keys, String id) {
        return keys.find(TYPE, id);
    }
}
