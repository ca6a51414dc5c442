package dev.keystore.jdbc;

import dev.keystore.spi.Compaction;
import dev.keystore.spi.FsyncTiming;
import java.util.Objects;
import java.util.function.LongConsumer;
import org.jdbi.v3.core.Handle;
import org.jspecify.annotations.Nullable;

/**
 * The backend on SQLite, whose file can be compacted.
 *
 * <p>Concurrency: while the file is compacted, reads continue, and commits wait for the writer connection. Closing ends
 * a running compaction.
 */
final class SqliteBackend extends JdbcBackend implements Compaction, FsyncTiming {

    private final SqliteDialect dialect;

    /** {@code null} if the store can only be read. */
    private final @Nullable SqliteCompaction compaction;

    private SqliteBackend(SqliteDialect dialect, Handle writer) {
        super(dialect, writer);
        this.dialect = dialect;
        this.compaction = dialect.compaction();
    }

    /** Opens the store of a dialect, as {@link JdbcBackend#open(Dialect)} does. */
    static SqliteBackend open(SqliteDialect dialect) {
        return open(dialect, writer -> new SqliteBackend(dialect, writer));
    }

    @Override
    public void compact() {
        boolean unused = exclusively("compact", () -> {
            if (compaction != null) {
                compaction.run();
            }
            return true;
        });
    }

    @Override
    public void reportFsyncs(LongConsumer nanos) {
        dialect.reportFsyncs(Objects.requireNonNull(nanos, "nanos"));
    }

    /** For tests that shorten its waits. */
    @Nullable
    SqliteCompaction compaction() {
        return compaction;
    }

    @Override
    public void close() {
        if (compaction != null) {
            compaction.stop();
        }
        super.close();
    }
}
