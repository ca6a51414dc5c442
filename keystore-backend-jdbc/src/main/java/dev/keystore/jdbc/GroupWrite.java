package dev.keystore.jdbc;

import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.PreparedBatch;
import org.jdbi.v3.core.statement.Update;

/**
 * Writes a group of batches with few statements: what counts of each entry is its last mutation, so that a group without
 * a clear is upserts and then deletes, 64 rows a statement.
 */
final class GroupWrite {

    /**
     * A prepared statement of the driver keeps room for the largest batch it ever had, and clears all of it after each
     * later one; the writer's statements live as long as its connection.
     */
    private static final int ROWS_PER_BATCH = 64;

    private final Handle handle;
    private final Map<Key, byte[]> puts = new LinkedHashMap<>();
    private final Set<Key> deletes = new LinkedHashSet<>();

    private GroupWrite(Handle handle) {
        this.handle = handle;
    }

    /** Writes the mutations of a group in their order, in the transaction that is open. */
    static void write(Handle handle, List<Batch> group) {
        GroupWrite write = new GroupWrite(handle);
        for (Batch batch : group) {
            for (Mutation mutation : batch.mutations()) {
                write.add(batch.context(), mutation);
            }
        }
        write.flush();
    }

    private void add(String context, Mutation mutation) {
        if (mutation instanceof Mutation.Put put) {
            Key key = new Key(context, put.type(), put.id());
            deletes.remove(key);
            puts.put(key, put.value());
        } else if (mutation instanceof Mutation.Delete delete) {
            Key key = new Key(context, delete.type(), delete.id());
            puts.remove(key);
            deletes.add(key);
        } else if (mutation instanceof Mutation.Clear clear) {
            flush();
            clear(context, clear.keptTypes());
        }
    }

    private void flush() {
        inBatches(puts.entrySet(), this::upsert);
        puts.clear();
        inBatches(deletes, this::delete);
        deletes.clear();
    }

    private static <T> void inBatches(Collection<T> rows, Consumer<List<T>> write) {
        List<T> all = List.copyOf(rows);
        for (int from = 0; from < all.size(); from += ROWS_PER_BATCH) {
            write.accept(all.subList(from, Math.min(from + ROWS_PER_BATCH, all.size())));
        }
    }

    private void upsert(List<Map.Entry<Key, byte[]>> rows) {
        try (PreparedBatch batch = handle.prepareBatch("""
                INSERT INTO entry (context, type, id, value) VALUES (?, ?, ?, ?)
                ON CONFLICT (context, type, id) DO UPDATE SET value = excluded.value
                """)) {
            rows.forEach(row -> row.getKey().bind(batch).bind(3, row.getValue()).add());
            batch.execute();
        }
    }

    private void delete(List<Key> rows) {
        try (PreparedBatch batch = handle.prepareBatch("""
                DELETE FROM entry WHERE context = ? AND type = ? AND id = ?
                """)) {
            rows.forEach(row -> row.bind(batch).add());
            batch.execute();
        }
    }

    private void clear(String context, Set<String> keptTypes) {
        String all = """
                DELETE FROM entry WHERE context = :context
                """;
        try (Update update = handle.createUpdate(keptTypes.isEmpty() ? all : all + "AND type NOT IN (<kept>)")) {
            update.bind("context", context);
            if (!keptTypes.isEmpty()) {
                update.bindList("kept", List.copyOf(keptTypes));
            }
            update.execute();
        }
    }

    private record Key(String context, String type, String id) {

        PreparedBatch bind(PreparedBatch batch) {
            return batch.bind(0, context).bind(1, type).bind(2, id);
        }
    }
}
