package dev.keystore.libsignal;

import dev.keystore.Codec;
import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import dev.keystore.Transaction;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;

/**
 * When sessions began, by the id of the session: a separate entry, which is written once for each session.
 *
 * <p>Another entry changes with each session that is stored for a device that had none, and with each new sender key. A
 * transaction that lists sessions or sender keys and must not miss one reads it before, and then conflicts with each
 * that is new meanwhile: a list alone does not conflict (R24).
 */
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

    private static final KeyType<byte[]> LATEST = KeyType.ofBytes("libsignal-latest-session");
    private static final String LATEST_ID = "start";

    private SessionStarts() {}

    static Optional<Instant> find(KeyReader keys, String id) {
        return keys.find(TYPE, id);
    }

    /** Records the start of a session. It conflicts with no other start, because it reads nothing. */
    static void add(Transaction tx, String id, Instant start) {
        tx.put(TYPE, id, start);
        noteStart(tx);
    }

    /** Records that there is a session or a sender key under an id that had none. */
    static void noteStart(Transaction tx) {
        byte[] other = ByteBuffer.allocate(Long.BYTES)
                .putLong(ThreadLocalRandom.current().nextLong())
                .array();
        tx.put(LATEST, LATEST_ID, other);
    }

    /** Makes a transaction conflict with each session or sender key that is new from now on until its commit. */
    static void conflictWithStarts(Transaction tx) {
        tx.find(LATEST, LATEST_ID);
    }
}
