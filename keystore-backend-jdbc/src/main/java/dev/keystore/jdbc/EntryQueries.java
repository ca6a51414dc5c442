package dev.keystore.jdbc;

import dev.keystore.EntryId;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.ContextSnapshots.EntryConsumer;
import java.sql.ResultSet;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.statement.Query;
import org.jspecify.annotations.Nullable;

/**
 * Reads entries, on the connections of the reader pool.
 *
 * <p>Listings are read page by page, each page by a separate statement. So a stream that is never closed holds no
 * connection, and a thread that loads while it lists needs only one at a time.
 *
 * <p>Damage: in a file whose structure is damaged, a query may miss existing rows. So a load that finds nothing fails,
 * and so does every scan; a listing yields what it can find, and then fails. What a load finds is returned as usual.
 */
final class EntryQueries {

    private static final int PAGE_SIZE = 256;

    /** The size of the first page of a listing of entries, which suffices to find out whether there are any. */
    private static final int FIRST_PAGE_SIZE = 16;

    /** How many rows of a snapshot PostgreSQL's driver holds; SQLite's has one at a time. */
    private static final int SNAPSHOT_FETCH_SIZE = 32;

    private final Dialect dialect;
    private final SqlFailures failures;
    private final ReaderPool readers;
    private final Lifecycle lifecycle;
    private final @Nullable String damage;

    /**
     * Creates the queries of a store.
     *
     * @param damage what is wrong with the tables as a whole, or null
     */
    EntryQueries(Dialect dialect, ReaderPool readers, Lifecycle lifecycle, @Nullable String damage) {
        this.dialect = dialect;
        this.failures = dialect.failures();
        this.readers = readers;
        this.lifecycle = lifecycle;
        this.damage = damage;
    }

    /**
     * Runs a query on a reader connection.
     *
     * <p>From the innermost wrapper to the outermost: a driver's exception becomes one of the backend, then an
     * interruption if an interrupt caused it, and closing the backend waits for all of it.
     *
     * @param operation completes the message "could not ..."
     */
    <T> T read(String operation, Function<Handle, T> query) {
        return lifecycle.run(
                operation,
                () -> failures.interruptible(
                        operation,
                        () -> failures.translate(operation, () -> {
                            T found = readers.withHandle(query);
                            dialect.requireReadOnlyFileUnchanged();
                            return found;
                        })));
    }

    Optional<byte[]> load(String context, String type, String id) {
        String operation = "load " + type + "/" + id + " of context \"" + context + "\"";
        Optional<byte[]> found = read(operation, handle -> dialect.find(handle, context, type, id));
        if (found.isEmpty()) {
            requireUndamaged(operation);
        }
        return found;
    }

    Map<String, byte[]> loadAll(String context, String type, Collection<String> ids) {
        List<String> all = List.copyOf(ids);
        String operation = "load " + all.size() + " entries of type " + type + " of context \"" + context + "\"";
        Map<String, byte[]> values = read(operation, handle -> dialect.findAll(handle, context, type, all));
        if (!values.keySet().containsAll(all)) {
            requireUndamaged(operation);
        }
        return values;
    }

    Stream<EntryId> list(String context) {
        String operation = "list the entries of context \"" + context + "\"";
        if (damage != null) {
            return foundIn(operation, handle -> SqliteDamagedListing.find(handle, context));
        }
        return pages(
                FIRST_PAGE_SIZE,
                new EntryId("", ""),
                last -> new EntryId(last.type(), dialect.stored(last.id())),
                (from, limit) -> read(operation, handle -> page(handle, context, from, limit)));
    }

    /** Returns what can be found of a damaged file, and then fails. */
    private <T> Stream<T> foundIn(String operation, Function<Handle, Set<T>> listing) {
        Stream<Supplier<T>> end = Stream.of(() -> {
            throw uncertain(operation);
        });
        return Stream.concat(read(operation, listing).stream(), end.map(Supplier::get));
    }

    private List<EntryId> page(Handle handle, String context, EntryId from, int limit) {
        return StatementCache.read(handle, "SELECT type, " + dialect.idColumn() + """
                 FROM entry WHERE context = ? AND (type, id) > (?, ?) ORDER BY entry.type, entry.id LIMIT ?
                """, statement -> {
            statement.setString(1, dialect.stored(context));
            statement.setString(2, from.type());
            statement.setString(3, from.id());
            statement.setInt(4, limit);
            List<EntryId> found = new ArrayList<>();
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    found.add(new EntryId(rows.getString(1), dialect.id(rows.getString(2))));
                }
            }
            return found;
        });
    }

    /**
     * Reads the entries of a context as of one point in time, in the order of the primary key. Holds a connection until
     * the consumer has got all of them; on SQLite, the log cannot be emptied meanwhile.
     */
    void readSnapshot(String context, EntryConsumer consumer) {
        String operation = "read a snapshot of context \"" + context + "\"";
        requireUndamaged(operation);
        read(operation, handle -> {
            dialect.beginSnapshot(handle);
            StatementCache.use(handle, "SELECT type, " + dialect.idColumn() + """
                     , value FROM entry WHERE context = ? ORDER BY entry.type, entry.id
                    """, statement -> {
                statement.setFetchSize(SNAPSHOT_FETCH_SIZE);
                statement.setString(1, dialect.stored(context));
                try (ResultSet rows = statement.executeQuery()) {
                    while (rows.next()) {
                        EntryId entry = new EntryId(rows.getString(1), dialect.id(rows.getString(2)));
                        consumer.accept(entry, Dialect.value(rows, 3));
                    }
                }
            });
            dialect.endSnapshot(handle);
            return context;
        });
    }

    Stream<String> scan(String context, String type, String idPrefix) {
        String operation = "scan the entries of type " + type + " of context \"" + context + "\"";
        requireUndamaged(operation);
        String first = dialect.storedPrefix(idPrefix);
        String end = Prefix.end(first);
        return pages(
                        PAGE_SIZE,
                        first,
                        dialect::stored,
                        (from, limit) -> read(
                                operation,
                                handle ->
                                        page(handle, context, type, from.equals(first) ? ">=" : ">", from, end, limit)))
                .filter(id -> id.startsWith(idPrefix));
    }

    private List<String> page(
            Handle handle, String context, String type, String above, String from, @Nullable String end, int limit) {
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
                .bind("limit", limit);
        return (end == null ? query : query.bind("end", end))
                .map((row, columns) -> dialect.id(row.getString(1)))
                .list();
    }

    /**
     * Lists the contexts with entries, in the order of their stored forms.
     *
     * <p>Each context is found by a search in the primary key for the first row that follows the rows of the previous
     * context, so the time depends on the number of contexts and not on the number of entries. Ten thousand contexts
     * with a hundred entries each take 50 ms on SQLite and 200 ms on PostgreSQL. {@code SELECT DISTINCT} takes as long
     * with so few entries, but reads all of them.
     */
    Stream<String> contexts() {
        String operation = "list the contexts";
        if (damage != null) {
            return foundIn(operation, SqliteDamagedListing::findContexts);
        }
        return pages(
                        PAGE_SIZE,
                        new StoredContext("", Optional.empty()),
                        last -> last,
                        (after, limit) -> read(operation, handle -> contextsAfter(handle, after.stored, limit)))
                .flatMap(found -> found.context.stream());
    }

    private record StoredContext(String stored, Optional<String> context) {}

    private List<StoredContext> contextsAfter(Handle handle, String stored, int limit) {
        List<String> found = handle.createQuery("""
                        WITH RECURSIVE found (context) AS (
                            SELECT min(context) FROM entry WHERE context > :after
                            UNION ALL
                            SELECT (SELECT min(entry.context) FROM entry WHERE entry.context > found.context)
                            FROM found WHERE found.context IS NOT NULL)
                        SELECT context FROM found WHERE context IS NOT NULL LIMIT :limit
                        """)
                .bind("after", stored)
                .bind("limit", limit)
                .mapTo(String.class)
                .list();
        return found.stream()
                .map(each -> new StoredContext(each, dialect.context(handle, each)))
                .toList();
    }

    /** Some rows of a listing; it is the last page if it has fewer than {@code limit}. */
    private record Page<T>(List<T> rows, int limit) {}

    private static <T> Stream<T> pages(
            int firstSize, T first, Function<T, T> after, BiFunction<T, Integer, List<T>> query) {
        return Stream.iterate(
                        new Page<>(query.apply(first, firstSize), firstSize),
                        page -> !page.rows.isEmpty(),
                        page -> new Page<>(
                                page.rows.size() < page.limit
                                        ? List.of()
                                        : query.apply(after.apply(page.rows.get(page.rows.size() - 1)), PAGE_SIZE),
                                PAGE_SIZE))
                .flatMap(page -> page.rows.stream());
    }

    /** Fails if the tables are damaged, so that {@code operation} can't be done with certainty. */
    void requireUndamaged(String operation) {
        if (damage != null) {
            throw uncertain(operation);
        }
    }

    private BackendException uncertain(String operation) {
        return BackendException.permanent(
                dialect.place() + ": could not " + operation + " with certainty: " + damage, null);
    }
}
