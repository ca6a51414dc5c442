package dev.keystore.libsignal;

import dev.keystore.Codec;
import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import dev.keystore.Transaction;
import java.nio.ByteBuffer;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Issues ids for new pre-keys within a transaction, so that the keys and the last issued id are one commit.
 *
 * <p>Ids run from 1 to {@link Ids#MAX_KEY_ID} and then continue at 1. An id whose key still exists is skipped.
 *
 * <p>For each type of pre-key, one entry holds the last issued id; only transactions that generate pre-keys access it.
 * {@code clear()} and {@code erase()} remove it together with the pre-keys, although a server may still hold their
 * public keys. If no last id is known, ids therefore begin at a random number, so that a new id equals the id of a key
 * on the server with a probability of about 1 in 16,777,214 for each such key. The alternative, a counter in the
 * credentials, would survive {@code clear()} but conflict with every save of application data.
 */
final class PreKeyIds {

    /** The last issued id, by the name of the pre-keys' type. */
    static final KeyType<Integer> LAST = KeyType.of("libsignal-last-key-id", new Codec<>() {
        @Override
        public byte[] encode(Integer id) {
            return ByteBuffer.allocate(Integer.BYTES).putInt(id).array();
        }

        @Override
        public Integer decode(byte[] bytes) {
            int id = bytes.length == Integer.BYTES ? ByteBuffer.wrap(bytes).getInt() : 0;
            if (id < 1 || id > Ids.MAX_KEY_ID) {
                throw new IllegalArgumentException("expected 4 bytes with an id from 1 to " + Ids.MAX_KEY_ID);
            }
            return id;
        }
    });

    private static final SecureRandom RANDOM = new SecureRandom();

    private final Transaction tx;
    private final KeyReader committed;

    /**
     * Creates an issuer.
     *
     * @param committed reads committed entries, outside the transaction
     */
    PreKeyIds(Transaction tx, KeyReader committed) {
        this.tx = tx;
        this.committed = committed;
    }

    /** Returns the last issued id, or empty if none was issued since the account was created or cleared. */
    Optional<Integer> last(KeyType<?> type) {
        return tx.find(LAST, type.name());
    }

    /** Returns the last issued id. If none was issued, the ids will continue after the random number returned. */
    int start(KeyType<?> type) {
        return last(type).orElseGet(() -> {
            int start = 1 + RANDOM.nextInt(Ids.MAX_KEY_ID);
            tx.put(LAST, type.name(), start);
            return start;
        });
    }

    /**
     * Issues ids that continue after the last one.
     *
     * @throws IllegalStateException if fewer than {@code count} are free
     */
    List<Integer> issue(KeyType<?> type, int count) {
        int first = after(start(type));
        List<Integer> issued = new ArrayList<>();
        int next = first;
        for (int seen = 0; issued.size() < count; ) {
            int size = Math.min(count - issued.size(), Ids.MAX_KEY_ID - seen);
            if (size == 0) {
                throw new IllegalStateException("Too few ids of type \"" + type.name() + "\" are free"
                        + Ids.inContext(tx) + "; remove" + " pre-keys that are no longer needed");
            }
            List<Integer> candidates = IntStream.iterate(next, PreKeyIds::after)
                    .limit(size)
                    .boxed()
                    .toList();
            issued.addAll(free(type, candidates));
            next = after(candidates.get(size - 1));
            seen += size;
        }
        tx.put(LAST, type.name(), issued.get(count - 1));
        return issued;
    }

    /**
     * Returns the candidates that are free. The transaction reads only those that are absent, so that it does not
     * conflict with a message that uses up the key of another candidate.
     */
    private List<Integer> free(KeyType<?> type, List<Integer> candidates) {
        return absent(tx, type, absent(committed, type, candidates));
    }

    private static List<Integer> absent(KeyReader keys, KeyType<?> type, List<Integer> candidates) {
        Map<String, ?> present = keys.get(type, candidates.stream().map(Ids::of).toList());
        return candidates.stream()
                .filter(id -> !present.containsKey(Ids.of(id)))
                .toList();
    }

    private static int after(int id) {
        return id == Ids.MAX_KEY_ID ? 1 : id + 1;
    }

    /** Returns the id that follows another one at a distance. */
    static int advanced(int id, int distance) {
        return (id - 1 + distance % Ids.MAX_KEY_ID) % Ids.MAX_KEY_ID + 1;
    }

    static int before(int id) {
        return id == 1 ? Ids.MAX_KEY_ID : id - 1;
    }
}
