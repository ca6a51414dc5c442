package dev.keystore.jdbc;

import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import java.util.List;
import java.util.Set;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.Update;

/**
 * Writes a group of batches with few statements. Only the last mutation of each entry counts. So a group without a
 * clear becomes its upserts, then its deletes, each in as many statements as the dialect needs.
 */
final class GroupStatements {

    private final Dialect dialect;
    private final Handle handle;
    private final RowChanges rows = new RowChanges();

    private GroupStatements(Dialect dialect, Handle handle) {
        this.dialect = dialect;
        this.handle = handle;
    }

    /** Writes the mutations of a group in order, in the current transaction. */
    static void write(Dialect dialect, Handle handle, List<Batch> group) {
        GroupStatements statements = new GroupStatements(dialect, handle);
        for (Batch batch : group) {
            for (Mutation mutation : batch.mutations()) {
                statements.add(batch.context(), mutation);
            }
        }
        statements.flush();
    }

    private void add(String context, Mutation mutation) {
        if (!rows.add(context, mutation) && mutation instanceof Mutation.Clear clear) {
            flush();
            clear(context, clear.keptTypes());
        }
    }

    private void flush() {
        if (!rows.puts().isEmpty()) {
            dialect.upsert(handle, rows.puts());
        }
        if (!rows.deletes().isEmpty()) {
            dialect.delete(handle, rows.deletes());
        }
        rows.clear();
    }

    private void clear(String context, Set<String> keptTypes) {
        String all = """
                DELETE FROM entry WHERE context = :context
                """;
        try (Update update = handle.createUpdate(keptTypes.isEmpty() ? all : all + "AND type NOT IN (<kept>)")) {
            update.bind("context", dialect.stored(context));
            if (!keptTypes.isEmpty()) {
                update.bindList("kept", List.copyOf(keptTypes));
            }
            update.execute();
        }
    }
}
