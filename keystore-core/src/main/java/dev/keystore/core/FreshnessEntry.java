package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.spi.Mutation;
import java.nio.ByteBuffer;
import java.util.UUID;

/**
 * What a context keeps of its freshness anchor: the token that the anchor held when this was written, and the one that
 * it is raised to once this is durable. So the anchor holds one of the two at any time, whenever the process ends.
 *
 * <p>It is not encrypted in an encrypted store: it consists of random tokens and a count, an erase must keep it
 * although it deletes the keys, and who can copy records could copy an encrypted one as well.
 *
 * @param current the token that the anchor held; {@link #NONE} if it held none
 * @param next the token that the anchor is raised to
 * @param commits how many commits the context had by then, since it has an anchor
 */
record FreshnessEntry(UUID current, UUID next, long commits) {

    /** Where it is stored, in each context. No {@link dev.keystore.KeyType} can have this name. */
    static final EntryId ID = new EntryId("_fresh", "anchor");

    /** Stands for no token. */
    static final UUID NONE = new UUID(0, 0);

    /** One of so many commits of a context carries an entry. So the anchor costs one write for them, and few others. */
    static final int COMMITS_PER_RAISE = 2_000;

    private static final byte VERSION = 1;
    private static final int BYTES = 1 + 2 * 2 * Long.BYTES + Long.BYTES;

    /** Returns whether an anchor that holds a token belongs to this entry. */
    boolean accepts(UUID token) {
        return token.equals(current) || token.equals(next);
    }

    /** Returns the mutation that stores it in a context. */
    Mutation.Put put(String context) {
        ByteBuffer bytes = ByteBuffer.allocate(BYTES).put(VERSION);
        put(bytes, current);
        put(bytes, next);
        byte[] value = bytes.putLong(commits).array();
        return new Mutation.Put(ID.type(), ID.id(), Envelope.seal(context, ID.type(), ID.id(), value));
    }

    private static void put(ByteBuffer bytes, UUID token) {
        bytes.putLong(token.getMostSignificantBits()).putLong(token.getLeastSignificantBits());
    }

    /**
     * Reads an entry.
     *
     * @throws IllegalArgumentException if it is damaged; the message is the reason
     */
    static FreshnessEntry of(String context, byte[] record) {
        ByteBuffer bytes = ByteBuffer.wrap(Envelope.open(context, ID.type(), ID.id(), record));
        if (bytes.remaining() != BYTES || bytes.get() != VERSION) {
            throw new IllegalArgumentException("its format is not known; a newer version may have written it");
        }
        return new FreshnessEntry(token(bytes), token(bytes), bytes.getLong());
    }

    private static UUID token(ByteBuffer bytes) {
        return new UUID(bytes.getLong(), bytes.getLong());
    }
}
