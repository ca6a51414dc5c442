package dev.keystore.mapdb;

import dev.keystore.ContextPosition;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * The positions of the contexts (R81). That of a context is the number of the last record with a commit of it. It is a
 * separate entry in that record, under the empty name, which no context has. So journals, checkpoints and recovery
 * carry it like any entry, and it is neither listed nor cleared with its context.
 *
 * @param contexts the contexts whose positions a group changes
 * @param deleted whether their positions are deleted, since they hold nothing after the group
 */
record Positions(Set<String> contexts, boolean deleted) {

    /** Above the keys of all positions, and below those of every context. It is never a key itself. */
    static final byte[] END = Objects.requireNonNull(StoredKey.end(StoredKey.ofContext("")));

    private static final String TYPE = "position";

    /** Returns the positions that a group changes, or deletes. */
    static Positions of(List<Batch> group, boolean deleted) {
        Set<String> contexts = new LinkedHashSet<>();
        for (Batch batch : group) {
            contexts.add(batch.context());
        }
        return new Positions(contexts, deleted);
    }

    /** Returns the key of the position of a context. */
    static byte[] key(String context) {
        return StoredKey.of("", TYPE, context);
    }

    /** Returns the position that is stored under a key. */
    static ContextPosition decode(byte[] value) {
        return new ContextPosition(0, ByteBuffer.wrap(value).getLong());
    }

    /**
     * Returns what no position of a context that holds nothing is above, if there is one: the number of the last
     * record.
     */
    static Optional<ContextPosition> highestForgotten(long last) {
        return last < 1 ? Optional.empty() : Optional.of(new ContextPosition(0, last));
    }

    /** Returns the changes of a group, and of its positions, in the record with a number. */
    List<Change> appendedTo(List<Change> changes, long number) {
        byte[] value = ByteBuffer.allocate(Long.BYTES).putLong(number).array();
        List<Change> all = new ArrayList<>(changes);
        for (String context : contexts) {
            all.add(deleted ? new Change.Delete(key(context)) : new Change.Put(key(context), value));
        }
        return all;
    }

    /** Returns whether a batch only clears its context, so that the context may hold nothing afterwards. */
    static boolean onlyClears(Batch batch) {
        boolean clears = false;
        for (Mutation mutation : batch.mutations()) {
            if (mutation instanceof Mutation.Put) {
                return false;
            }
            clears |= mutation instanceof Mutation.Clear;
        }
        return clears;
    }

    /** Returns whether a batch that only clears its context keeps the entries of a type. */
    static boolean keeps(Batch batch, String type) {
        for (Mutation mutation : batch.mutations()) {
            if (mutation instanceof Mutation.Clear clear && !clear.keptTypes().contains(type)) {
                return false;
            }
        }
        return true;
    }
}
