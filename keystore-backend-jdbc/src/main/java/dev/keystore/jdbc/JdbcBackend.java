package dev.keystore.jdbc;

import dev.keystore.ContextPosition;
import dev.keystore.EntryId;
import dev.keystore.OperationInterruptedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendException.Kind;
import dev.keystore.spi.Batch;
import dev.keystore.spi.BulkLoad;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.ContextListing;
import dev.keystore.spi.ContextOwner;
import dev.keystore.spi.ContextOwnership;
import dev.keystore.spi.ContextPositions;
import dev.keystore.spi.ContextSnapshots;
import dev.keystore.spi.GroupCommit;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.PrefixScan;
import java.time.Duration;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.JdbiException;
import org.jspecify.annotations.Nullable;

/**
 * A backend that keeps the entries of all contexts in one table of a database.
 *
 * <p>Concurrency: one {@link WriterConnection}, and a {@link ReaderPool} of connections that read concurrently. Every
 * operation runs in the {@link Lifecycle}, so {@link #close} waits for it, and none begins after that. No reader waits
 * for the writer.
 *
 * <p>Interrupts: an interrupt that ends a wait causes {@link OperationInterruptedException}, and the interrupt flag
 * stays set. A commit is the exception: since its thread writes for other threads as well, it fails with a transient
 * failure, and the engine decides whether to retry it.
 *
 * <p>Damage: an SQLite file is checked once, when it is opened, in about 2 µs per entry. If its trees are damaged,
 * existing entries may not be found, and nothing is written, since a write could overwrite pages that are still sound.
 */
class JdbcBackend
        implements ContextAwareBackend,
                GroupCommit,
                BulkLoad,
                PrefixScan,
                ContextOwnership,
                ContextListing,
                ContextPositions,
                ContextSnapshots {

    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(30);

    private final Dialect dialect;
    private final SqlFailures failures;
    private final OwnerTable owners;
    private final WriterConnection writer;
    private final ReaderPool readers;
    private final EntryQueries queries;
    private final @Nullable String damage;
    private final Lifecycle lifecycle;
    private final DeferredTakeovers deferred = new DeferredTakeovers();
    private final Runnable release = this::release;

    /** Whether this backend may own a context. */
    private volatile boolean tookOver;

    /** Takes over the writer connection of a dialect. */
    JdbcBackend(Dialect dialect, Handle writer) {
        this.dialect = dialect;
        this.failures = dialect.failures();
        this.damage = dialect.findDamage(writer);
        this.writer = new WriterConnection(dialect, writer);
        this.readers = dialect.openReaders();
        this.lifecycle = new Lifecycle(dialect.place(), CLOSE_TIMEOUT);
        this.queries = new EntryQueries(dialect, readers, lifecycle, damage);
        this.owners = new OwnerTable(dialect);
    }

    /**
     * Opens the store of a dialect, and creates it if the dialect does so.
     *
     * @throws BackendException if it can't be opened
     * @throws OperationInterruptedException if an interrupt ended a wait
     */
    static JdbcBackend open(Dialect dialect) {
        return open(dialect, writer -> new JdbcBackend(dialect, writer));
    }

    /** Opens the store of a dialect, like {@link #open(Dialect)}, as a backend with more capabilities. */
    static <B extends JdbcBackend> B open(Dialect dialect, Function<Handle, B> constructor) {
        return dialect.failures().interruptible("open", () -> openNow(dialect, constructor));
    }

    private static <B extends JdbcBackend> B openNow(Dialect dialect, Function<Handle, B> constructor) {
        Handle writer = dialect.createAndOpenWriter();
        try {
            B backend = constructor.apply(writer);
            backend.start();
            return backend;
        } catch (RuntimeException | Error e) {
            Connections.close(writer, e);
            close(dialect, e);
            throw e;
        }
    }

    /** Starts what runs in the background, and registers the owner. Called once, by {@link #open}. */
    final void start() {
        if (damage == null) {
            dialect.startBackgroundTasks(writer::rollBackUnfinished);
        }
        owners.register();
    }

    private static void close(Dialect dialect, Throwable failure) {
        try {
            dialect.close();
        } catch (BackendException | JdbiException e) {
            failure.addSuppressed(e);
        }
    }

    @Override
    public Optional<byte[]> load(String context, String type, String id) {
        return queries.load(context, type, id);
    }

    @Override
    public Map<String, byte[]> loadAll(String context, String type, Collection<String> ids) {
        return queries.loadAll(context, type, ids);
    }

    @Override
    public Stream<EntryId> list(String context) {
        return queries.list(context);
    }

    @Override
    public Stream<String> scan(String context, String type, String idPrefix) {
        return queries.scan(context, type, idPrefix);
    }

    @Override
    public Stream<String> contexts() {
        return queries.contexts();
    }

    @Override
    public Optional<ContextPosition> position(String context) {
        return queries.read(
                "read the position of context \"" + context + "\"", handle -> owners.position(handle, context));
    }

    @Override
    public Optional<ContextPosition> highestForgotten() {
        return queries.read("read the highest position of deleted contexts", OwnerTable::highestForgotten);
    }

    @Override
    public void readSnapshot(String context, EntryConsumer consumer) {
        queries.readSnapshot(context, consumer);
    }

    @Override
    public void save(String context, String type, String id, byte[] value) {
        writeUnfenced(context, new Mutation.Put(type, id, value));
    }

    @Override
    public void delete(String context, String type, String id) {
        writeUnfenced(context, new Mutation.Delete(type, id));
    }

    /** Writes without regard to the owner of the context: only commits are fenced. */
    private void writeUnfenced(String context, Mutation mutation) {
        List<Batch> group = List.of(new Batch(context, 0, 0, List.of(mutation)));
        inTransactionInterruptibly("write to context \"" + context + "\"", handle -> {
            GroupStatements.write(dialect, handle, group);
            return group;
        });
    }

    @Override
    public void commit(List<Batch> group) {
        write(deferred.takeOverDeferred(group, this::takeOverIfUnchanged));
    }

    private void write(List<Batch> group) {
        Optional<Predicate<Handle>> statement = dialect.singleStatement(group);
        if (statement.isEmpty() || !commitAtOnce(statement.get())) {
            inTransaction("commit", handle -> {
                if (owners.recordIfNew(handle, group)) {
                    GroupStatements.write(dialect, handle, group);
                }
                return group;
            });
        }
    }

    private boolean commitAtOnce(Predicate<Handle> statement) {
        return onWriter("commit", connection -> connection.runAutoCommitted("commit", statement));
    }

    @Override
    public long takeOver(String context) {
        return takeOver(context, false);
    }

    @Override
    public long takeOverUnlessOwned(String context) {
        return takeOver(context, true);
    }

    private long takeOver(String context, boolean unlessOwned) {
        return takeOverEach(List.of(context), unlessOwned).getOrDefault(context, 0L);
    }

    /** In one transaction, in the order of the names, as all processes do it. */
    @Override
    public Map<String, Long> takeOverEach(Collection<String> contexts, boolean unlessOwned) {
        Set<String> ordered = new TreeSet<>(contexts);
        if (damage != null || dialect.readOnlyReason() != null) {
            return deferEach(ordered, context -> List.of());
        }
        String operation = "take over "
                + (contexts.size() == 1
                        ? "context \"" + ordered.iterator().next() + "\""
                        : contexts.size() + " contexts");
        try {
            return failures.interruptible(operation, () -> {
                dialect.acquireLiveness();
                return inTransaction(operation, handle -> takeOverEach(handle, ordered, unlessOwned));
            });
        } catch (BackendException e) {
            if (e.kind() != Kind.PERMANENT || !failures.leavesReading(e)) {
                throw e;
            }
            return deferEach(
                    ordered,
                    context -> queries.read(
                            "read the owner of context \"" + context + "\"", handle -> owners.row(handle, context)));
        }
    }

    private Map<String, Long> takeOverEach(Handle handle, Set<String> contexts, boolean unlessOwned) {
        if (unlessOwned) {
            contexts.forEach(context -> owners.requireNoLiveOwner(handle, context));
        }
        tookOver = true;
        return owners.takeOver(handle, contexts);
    }

    private Map<String, Long> deferEach(Set<String> contexts, Function<String, List<Long>> row) {
        Map<String, Long> epochs = new LinkedHashMap<>();
        contexts.forEach(context -> epochs.put(context, deferred.defer(context, row.apply(context))));
        return epochs;
    }

    @Override
    public void takeOverAllUnlessOwned() {
        String operation = "take over all contexts";
        failures.interruptible(operation, () -> {
            dialect.acquireLiveness();
            tookOver = true;
            return inTransaction(operation, owners::takeOverAllUnlessOwned);
        });
    }

    @Override
    public OptionalLong lastCommit(String context, long epoch) {
        // On the writer connection: another one may still lead to a server that has been replaced.
        return inTransaction(
                "read the last commit of context \"" + context + "\"",
                handle -> owners.lastCommit(handle, context, deferred.epoch(context, epoch)));
    }

    @Override
    public void raiseEpochs(long floor) {
        inTransactionInterruptibly("raise the epochs", handle -> owners.raiseEpochs(handle, floor));
    }

    /** Read on a reader connection, so that it waits for no writer. */
    @Override
    public Optional<ContextOwner> owner(String context) {
        return queries.read("read the owner of context \"" + context + "\"", handle -> owners.owner(handle, context));
    }

    private long takeOverIfUnchanged(String context, List<Long> seen) {
        return inTransaction("take over context \"" + context + "\"", handle -> {
            if (!owners.row(handle, context).equals(seen)) {
                throw new OwnershipLostException(context, DeferredTakeovers.EPOCH);
            }
            return takeOverEach(handle, Set.of(context), false).getOrDefault(context, 0L);
        });
    }

    private <T> T inTransactionInterruptibly(String operation, Function<Handle, T> work) {
        return failures.interruptible(operation, () -> inTransaction(operation, work));
    }

    private <T> T inTransaction(String operation, Function<Handle, T> work) {
        return onWriter(operation, connection -> connection.inTransaction(operation, work));
    }

    private <T> T onWriter(String operation, Function<WriterConnection, T> work) {
        return lifecycle.run(operation, () -> {
            requireWritable(operation);
            return work.apply(writer);
        });
    }

    /**
     * Runs an operation while no thread of this backend writes.
     *
     * @param operation for messages, for example "compact"
     * @return what the work returned
     * @throws BackendException (permanent) if the store can't be written; (transient) if another thread's transaction
     *     has not ended within 10 s
     * @throws OperationInterruptedException if an interrupt ended the wait
     */
    final <T> T exclusively(String operation, Supplier<T> work) {
        return failures.interruptible(
                operation,
                () -> lifecycle.run(operation, () -> {
                    requireWritable(operation);
                    return writer.whileUnused(operation, work);
                }));
    }

    private void requireWritable(String operation) {
        queries.requireUndamaged(operation);
        String reason = dialect.readOnlyReason();
        if (reason != null) {
            throw BackendException.permanent(
                    dialect.place() + ": could not " + operation + ": the store was opened for reading only: " + reason
                            + ", then open it again",
                    null);
        }
    }

    /**
     * Waits up to 30 s for running operations and for the connections to close; 7.5 s more if operations still run
     * then.
     *
     * <p>Of the contexts that this backend owns and that hold nothing, it deletes the rows (R55). If they can't be
     * deleted, they stay, until the contexts are opened and closed again.
     */
    @Override
    public void close() {
        lifecycle.close(release);
    }

    private void release() {
        try {
            owners.unregister();
            deleteEmptyContexts();
        } finally {
            closeReaders();
        }
    }

    private void closeReaders() {
        try {
            readers.close();
        } finally {
            releaseLiveness();
        }
    }

    private void releaseLiveness() {
        try {
            dialect.releaseLiveness();
        } finally {
            closeWriter();
        }
    }

    private void deleteEmptyContexts() {
        if (!tookOver || writer.handle() == null || !lifecycle.isIdle()) {
            return;
        }
        try {
            boolean found = writer.runAutoCommitted("find empty contexts", handle -> {
                dialect.limitWaits(handle);
                return owners.ownsEmptyContexts(handle);
            });
            if (found) {
                writer.inTransaction("delete the rows of empty contexts", owners::deleteEmptyContexts);
            }
        } catch (RuntimeException | Error e) {
            // Such rows do no harm, and what was committed is safe.
        }
    }

    private void closeWriter() {
        try {
            writer.close();
        } finally {
            dialect.close();
        }
    }

    /** For tests that break the writer connection. */
    WriterConnection writer() {
        return writer;
    }

    /** For tests that count statements. */
    EntryQueries queries() {
        return queries;
    }

    /** For tests of the owners' rows. */
    OwnerTable owners() {
        return owners;
    }

    /** For tests that occupy reader connections. */
    ReaderPool readers() {
        return readers;
    }
}
