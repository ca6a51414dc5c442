package dev.keystore.jdbc;

import com.zaxxer.hikari.HikariDataSource;
import dev.keystore.EntryId;
import dev.keystore.OperationInterruptedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendException.Kind;
import dev.keystore.spi.Batch;
import dev.keystore.spi.BulkLoad;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.ContextOwnership;
import dev.keystore.spi.GroupCommit;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.PrefixScan;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.JdbiException;
import org.jdbi.v3.core.statement.Query;
import org.jspecify.annotations.Nullable;

/**
 * The entries of all contexts in one table of a database.
 *
 * <p>Concurrency: one {@link Writer}, and a pool of connections that read concurrently. Every operation runs in the
 * {@link Lifecycle}, so that {@link #close} waits for it, and none begins after that. No reader waits for the writer.
 *
 * <p>Interrupts: where one ends a wait, {@link OperationInterruptedException} is thrown, and the flag is kept. A commit is
 * the exception: its thread writes for others as well, so the engine gets a transient failure, and decides.
 *
 * <p>Damage: an SQLite file is checked once, when it is opened, in about 2 µs for each entry. If its trees are damaged, an
 * entry that is there may not be found. Then a load that finds nothing fails, and so does every scan; a listing yields
 * what it can find, and then fails; and nothing is written, since a write could overwrite pages that are still sound. What
 * is found is read as ever.
 *
 * <p>Listings are read page by page, each page a statement of its own, so that a stream that nobody closes holds no
 * connection, and a thread that loads while it lists needs no second one.
 */
final class JdbcBackend implements ContextAwareBackend, GroupCommit, BulkLoad, PrefixScan, ContextOwnership {

    private static final int PAGE_SIZE = 256;
    private static final int IDS_PER_STATEMENT = 500;
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(30);

    /** What the takeovers of this process's opened backends are marked with. */
    private static final Set<Long> HOLDERS = ConcurrentHashMap.newKeySet();

    private final Dialect dialect;
    private final Ownership ownership;
    private final Writer writer;
    private final HikariDataSource pool;
    private final Jdbi readers;
    private final @Nullable String damage;
    private final Lifecycle lifecycle;
    private final UnownedContexts unowned = new UnownedContexts();

    private JdbcBackend(Dialect dialect, Handle writer) {
        this.dialect = dialect;
        this.ownership = new Ownership(dialect);
        this.damage = dialect.damage(writer);
        this.writer = new Writer(dialect, writer);
        this.pool = dialect.openReaders();
        this.readers = Dialect.configured(Jdbi.create(pool));
        this.lifecycle = new Lifecycle(dialect.place(), CLOSE_TIMEOUT);
        HOLDERS.add(dialect.holder);
    }

    /**
     * Opens the store of a dialect, and creates it where the dialect does so.
     *
     * @throws BackendException if it can't be opened
     * @throws OperationInterruptedException if an interrupt ended a wait
     */
    static JdbcBackend open(Dialect dialect) {
        return interruptible(dialect, "open", () -> openNow(dialect));
    }

    private static JdbcBackend openNow(Dialect dialect) {
        Handle writer = dialect.createAndOpenWriter();
        try {
            JdbcBackend backend = new JdbcBackend(dialect, writer);
            if (backend.damage == null) {
                dialect.opened();
            }
            return backend;
        } catch (RuntimeException | Error e) {
            Dialect.close(writer, e);
            closed(dialect, e);
            throw e;
        }
    }

    private static void closed(Dialect dialect, Throwable failure) {
        try {
            dialect.closed();
        } catch (BackendException | JdbiException e) {
            failure.addSuppressed(e);
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
                        .bind(0, dialect.stored(context))
                        .bind(1, type)
                        .bind(2, dialect.stored(id))
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

    private Map<String, byte[]> values(Handle handle, String context, String type, List<String> ids) {
        Map<String, byte[]> found = new HashMap<>();
        handle.createQuery("""
                        SELECT <id>, value FROM entry WHERE context = :context AND type = :type AND id IN (<ids>)
                        """)
                .define("id", dialect.idColumn())
                .bind("context", dialect.stored(context))
                .bind("type", type)
                .bindList("ids", ids.stream().map(dialect::stored).toList())
                .map((row, columns) -> found.put(dialect.id(row.getString(1)), bytes(row, 2)))
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
        String doing = "list the entries of context " + context;
        if (damage != null) {
            Set<EntryId> found = read(doing, handle -> SqliteDamagedListing.find(handle, context));
            Stream<Supplier<EntryId>> end = Stream.of(() -> {
                throw uncertain(doing);
            });
            return Stream.concat(found.stream(), end.map(Supplier::get));
        }
        return pages(
                new EntryId("", ""),
                last -> new EntryId(last.type(), dialect.stored(last.id())),
                from -> read(doing, handle -> page(handle, context, from)));
    }

    private List<EntryId> page(Handle handle, String context, EntryId from) {
        return handle.createQuery("""
                        SELECT type, <id> FROM entry WHERE context = :context AND (type, id) > (:type, :from)
                        ORDER BY entry.type, entry.id LIMIT :limit
                        """)
                .define("id", dialect.idColumn())
                .bind("context", dialect.stored(context))
                .bind("type", from.type())
                .bind("from", from.id())
                .bind("limit", PAGE_SIZE)
                .map((row, columns) -> new EntryId(row.getString(1), dialect.id(row.getString(2))))
                .list();
    }

    @Override
    public Stream<String> scan(String context, String type, String idPrefix) {
        String doing = "scan " + type + " in context " + context;
        requireUndamaged(doing);
        String first = dialect.storedPrefix(idPrefix);
        String end = Prefix.end(first);
        return pages(
                        first,
                        dialect::stored,
                        from -> read(
                                doing,
                                handle -> page(handle, context, type, from.equals(first) ? ">=" : ">", from, end)))
                .filter(id -> id.startsWith(idPrefix));
    }

    private List<String> page(
            Handle handle, String context, String type, String above, String from, @Nullable String end) {
        Query query = handle.createQuery("""
                        SELECT <id> FROM entry WHERE context = :context AND type = :type AND id <above> :from <end>
                        ORDER BY entry.id LIMIT :limit
                        """)
                .define("id", dialect.idColumn())
                .define("above", above)
                .define("end", end == null ? "" : "AND id < :end")
                .bind("context", dialect.stored(context))
                .bind("type", type)
                .bind("from", from)
                .bind("limit", PAGE_SIZE);
        return (end == null ? query : query.bind("end", end))
                .map((row, columns) -> dialect.id(row.getString(1)))
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
        write(context, new Mutation.Put(type, id, value));
    }

    @Override
    public void delete(String context, String type, String id) {
        write(context, new Mutation.Delete(type, id));
    }

    /** Whoever owns the context: only commits are fenced. */
    private void write(String context, Mutation mutation) {
        List<Batch> group = List.of(new Batch(context, 0, 0, List.of(mutation)));
        interruptible(
                dialect,
                "write to context " + context,
                () -> inTransaction(handle -> {
                    GroupWrite.write(dialect, handle, group);
                    return group;
                }));
    }

    @Override
    public void commit(List<Batch> group) {
        write(unowned.owned(group, this::takeOverIfUnchanged));
    }

    private void write(List<Batch> group) {
        Optional<Predicate<Handle>> statement = dialect.atOnce(group);
        if (statement.isEmpty() || !toWriter(open -> open.commitAtOnce(statement.get()))) {
            inTransaction(handle -> {
                if (ownership.admit(handle, group)) {
                    GroupWrite.write(dialect, handle, group);
                }
                return group;
            });
        }
    }

    @Override
    public long takeOver(String context) {
        return takeOver(context, handle -> {});
    }

    @Override
    public long takeOverUnlessOwned(String context) {
        return takeOver(context, handle -> ownership.requireNoOtherLives(handle, context));
    }

    @Override
    public OptionalLong lastCommit(String context, long epoch) {
        // By the connection that writes: another one may still be to a server that has been replaced.
        return inTransaction(handle -> ownership.lastCommit(handle, context, unowned.epoch(context, epoch)));
    }

    private long takeOver(String context, Consumer<Handle> check) {
        if (damage != null || dialect.unwritable() != null) {
            return unowned.open(context, List.of());
        }
        String taking = "take context " + context + " over";
        dialect.beginLife();
        try {
            return interruptible(
                    dialect,
                    taking,
                    () -> inTransaction(handle -> {
                        check.accept(handle);
                        return ownership.takeOver(handle, context);
                    }));
        } catch (BackendException e) {
            if (e.kind() != Kind.PERMANENT || !dialect.leavesReading(e)) {
                throw e;
            }
            String doing = "read the owner of context " + context;
            return unowned.open(context, read(doing, handle -> ownership.row(handle, context)));
        }
    }

    private long takeOverIfUnchanged(String context, List<Long> seen) {
        return inTransaction(handle -> {
            if (!ownership.row(handle, context).equals(seen)) {
                throw new OwnershipLostException(context, UnownedContexts.EPOCH);
            }
            return ownership.takeOver(handle, context);
        });
    }

    private <T> T inTransaction(Function<Handle, T> work) {
        return toWriter(open -> open.commit(work));
    }

    private <T> T toWriter(Function<Writer, T> work) {
        return lifecycle.run(() -> {
            requireWritable();
            return work.apply(writer);
        });
    }

    /** Waits up to 30 s for running operations, and for the connections to close. */
    @Override
    public void close() {
        lifecycle.close(this::release);
    }

    private void release() {
        HOLDERS.remove(dialect.holder);
        try {
            pool.close();
            dialect.endLife();
        } finally {
            closeWriter();
        }
    }

    /** Returns whether a holder is an opened backend of this process. */
    static boolean isOpenHere(long holder) {
        return HOLDERS.contains(holder);
    }

    private void closeWriter() {
        try {
            writer.close();
        } finally {
            dialect.closed();
        }
    }

    /** For tests of what becomes of a connection that breaks. */
    Writer writer() {
        return writer;
    }

    /** For tests of waits for its connections. */
    HikariDataSource pool() {
        return pool;
    }

    private <T> T read(String doing, Function<Handle, T> query) {
        return lifecycle.run(() -> interruptible(dialect, doing, () -> {
            try {
                T found = readers.withHandle(query::apply);
                dialect.requireUnchanged();
                return found;
            } catch (JdbiException e) {
                throw dialect.failure(doing, e);
            }
        }));
    }

    /** Does what may wait; a wait that an interrupt has ended fails as one that another try may end well. */
    private static <T> T interruptible(Dialect dialect, String doing, Supplier<T> operation) {
        try {
            return operation.get();
        } catch (BackendException e) {
            if (e.kind() == Kind.TRANSIENT && Thread.currentThread().isInterrupted()) {
                OperationInterruptedException interrupted =
                        new OperationInterruptedException(dialect.place() + " to " + doing);
                interrupted.addSuppressed(e);
                throw interrupted;
            }
            throw e;
        }
    }

    private void requireWritable() {
        requireUndamaged("commit");
        String unwritable = dialect.unwritable();
        if (unwritable != null) {
            throw BackendException.permanent(
                    dialect.place() + " was opened for reading only: " + unwritable + ", then open it again", null);
        }
    }

    private BackendException uncertain(String doing) {
        return BackendException.permanent("could not " + doing + " with certainty: " + damage, null);
    }

    private void requireUndamaged(String doing) {
        if (damage != null) {
            throw uncertain(doing);
        }
    }
}
