package dev.keystore.jdbc;

import com.zaxxer.hikari.HikariDataSource;
import dev.keystore.EntryId;
import dev.keystore.spi.Batch;
import dev.keystore.spi.BulkLoad;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.GroupCommit;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.PrefixScan;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.JdbiException;
import org.jdbi.v3.core.statement.Query;
import org.jspecify.annotations.Nullable;

/**
 * The entries of all contexts in one table of a database.
 *
 * <p>Concurrency: one {@link Writer}, and a pool of connections that read beside it. Every operation holds the lifecycle
 * lock shared, {@link #close} holds it alone: it waits for what runs, and nothing begins after it. Lock order: lifecycle,
 * then writer.
 *
 * <p>Damage: the file is checked once, when it is opened, in about 2 µs for each entry. If its trees are damaged, an entry
 * that is there may not be found. Then a load that finds nothing fails, and so does every listing; and nothing is written,
 * since a write could overwrite pages that are still sound. What is found is read as ever.
 *
 * <p>Listings are read page by page, each page a statement of its own, so that a stream that nobody closes holds no
 * connection, and a thread that loads while it lists needs no second one.
 */
final class JdbcBackend implements ContextAwareBackend, GroupCommit, BulkLoad, PrefixScan {

    private static final int PAGE_SIZE = 256;
    private static final int IDS_PER_STATEMENT = 500;

    private final SqliteDialect dialect;
    private final Writer writer;
    private final HikariDataSource pool;
    private final Jdbi readers;
    private final @Nullable String damage;
    private final ReadWriteLock lifecycle = new ReentrantReadWriteLock();
    private boolean closed;

    private JdbcBackend(SqliteDialect dialect, Handle writer) {
        this.dialect = dialect;
        this.damage = dialect.damage(writer);
        this.writer = new Writer(dialect, writer);
        this.pool = dialect.openReaders();
        this.readers = SqliteDialect.configured(Jdbi.create(pool));
    }

    static JdbcBackend open(SqliteDialect dialect) {
        Handle writer = dialect.createAndOpenWriter();
        try {
            return new JdbcBackend(dialect, writer);
        } catch (RuntimeException | Error e) {
            SqliteDialect.close(writer, e);
            throw e;
        }
    }

    @Override
    public Optional<byte[]> load(String context, String type, String id) {
        String doing = "load " + type + "/" + id;
        Optional<byte[]> found = read(
                doing,
                handle -> handle.createQuery("""
                        SELECT value FROM entry WHERE context = ? AND type = ? AND id = ?
                        """)
                        .bind(0, context)
                        .bind(1, type)
                        .bind(2, id)
                        .map((row, columns) -> bytes(row, 1))
                        .findOne());
        if (found.isEmpty()) {
            requireUndamaged(doing);
        }
        return found;
    }

    @Override
    public Map<String, byte[]> loadAll(String context, String type, Collection<String> ids) {
        List<String> all = List.copyOf(ids);
        String doing = "load " + all.size() + " entries of " + type;
        Map<String, byte[]> values = all.size() <= IDS_PER_STATEMENT
                ? read(doing, handle -> values(handle, context, type, all))
                : read(
                        doing,
                        handle -> handle.inTransaction(snapshot -> {
                            Map<String, byte[]> found = new HashMap<>();
                            for (int from = 0; from < all.size(); from += IDS_PER_STATEMENT) {
                                int to = Math.min(from + IDS_PER_STATEMENT, all.size());
                                found.putAll(values(snapshot, context, type, all.subList(from, to)));
                            }
                            return found;
                        }));
        if (!values.keySet().containsAll(all)) {
            requireUndamaged(doing);
        }
        return values;
    }

    private static Map<String, byte[]> values(Handle handle, String context, String type, List<String> ids) {
        Map<String, byte[]> found = new HashMap<>();
        handle.createQuery("""
                        SELECT id, value FROM entry WHERE context = :context AND type = :type AND id IN (<ids>)
                        """)
                .bind("context", context)
                .bind("type", type)
                .bindList("ids", ids)
                .map((row, columns) -> found.put(row.getString(1), bytes(row, 2)))
                .list();
        return found;
    }

    /** Returns a value, which only damage turns into NULL: then no bytes, which nobody takes for no entry. */
    private static byte[] bytes(ResultSet row, int column) throws SQLException {
        byte[] value = row.getBytes(column);
        return value == null ? new byte[0] : value;
    }

    @Override
    public Stream<EntryId> list(String context) {
        requireUndamaged("list the entries of context " + context);
        return pages(
                new EntryId("", ""),
                last -> new EntryId(last.type(), Prefix.after(last.id())),
                from -> read(
                        "list the entries of context " + context,
                        handle -> handle.createQuery("""
                                SELECT type, id FROM entry WHERE context = ? AND (type, id) >= (?, ?)
                                ORDER BY type, id LIMIT ?
                                """)
                                .bind(0, context)
                                .bind(1, from.type())
                                .bind(2, from.id())
                                .bind(3, PAGE_SIZE)
                                .map((row, columns) -> new EntryId(row.getString(1), row.getString(2)))
                                .list()));
    }

    @Override
    public Stream<String> scan(String context, String type, String idPrefix) {
        requireUndamaged("scan " + type + " in context " + context);
        String end = Prefix.end(idPrefix);
        return pages(
                idPrefix,
                Prefix::after,
                from -> read(
                        "scan " + type + " in context " + context, handle -> page(handle, context, type, from, end)));
    }

    private static List<String> page(Handle handle, String context, String type, String from, @Nullable String end) {
        Query query = handle.createQuery("""
                        SELECT id FROM entry WHERE context = :context AND type = :type AND id >= :from <end>
                        ORDER BY id LIMIT :limit
                        """)
                .define("end", end == null ? "" : "AND id < :end")
                .bind("context", context)
                .bind("type", type)
                .bind("from", from)
                .bind("limit", PAGE_SIZE);
        return (end == null ? query : query.bind("end", end))
                .mapTo(String.class)
                .list();
    }

    private static <T> Stream<T> pages(T first, Function<T, T> after, Function<T, List<T>> page) {
        return Stream.iterate(
                        page.apply(first),
                        rows -> !rows.isEmpty(),
                        rows -> rows.size() < PAGE_SIZE
                                ? List.of()
                                : page.apply(after.apply(rows.get(rows.size() - 1))))
                .flatMap(List::stream);
    }

    @Override
    public void save(String context, String type, String id, byte[] value) {
        commit(new Batch(context, 0, 1, List.of(new Mutation.Put(type, id, value))));
    }

    @Override
    public void delete(String context, String type, String id) {
        commit(new Batch(context, 0, 1, List.of(new Mutation.Delete(type, id))));
    }

    @Override
    public void commit(List<Batch> group) {
        Lock shared = lifecycle.readLock();
        shared.lock();
        try {
            requireOpen();
            requireUndamaged("commit");
            writer.commit(handle -> GroupWrite.write(handle, group));
        } finally {
            shared.unlock();
        }
    }

    @Override
    public void close() {
        Lock alone = lifecycle.writeLock();
        alone.lock();
        try {
            if (closed) {
                return;
            }
            closed = true;
            try {
                pool.close();
            } finally {
                writer.close();
            }
        } finally {
            alone.unlock();
        }
    }

    /** For tests of what becomes of a connection that breaks. */
    Writer writer() {
        return writer;
    }

    private <T> T read(String doing, Function<Handle, T> query) {
        Lock shared = lifecycle.readLock();
        shared.lock();
        try {
            requireOpen();
            return readers.withHandle(query::apply);
        } catch (JdbiException e) {
            throw dialect.failure(doing, e);
        } finally {
            shared.unlock();
        }
    }

    private void requireUndamaged(String doing) {
        if (damage != null) {
            throw dialect.damaged(doing, damage);
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the backend is closed");
        }
    }
}
