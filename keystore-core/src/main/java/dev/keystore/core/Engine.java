package dev.keystore.core;

import dev.keystore.CompactionFailedException;
import dev.keystore.ContextOwnedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.StoreOpenException;
import dev.keystore.spi.Backend;
import dev.keystore.spi.Sealing;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The parts that all contexts of an opened database share. */
final class Engine {

    final KeyStoreOptions options;
    final Storage storage;
    final KeyTypeRegistry types = new KeyTypeRegistry();
    final TrueNames names;
    final EntryCache cache;
    final LockTable locks;

    final StoreId id;

    private final CommitCounters counters = new CommitCounters();
    private final CommitPipeline pipeline;
    private final Consumer<String> onOwnershipLost;

    /** The keys of the store, or null if it is not encrypted. */
    private final @Nullable SealedStore encrypted;

    /**
     * The scope of the thread's transaction, which may have ended already; used to reject a second transaction (R26).
     */
    @SuppressWarnings(
            "ThreadLocalUsage") // one per engine: a transaction of another backend can't cause a deadlock here
    private final ThreadLocal<@Nullable TransactionScope> inTransaction = new ThreadLocal<>();

    private volatile boolean closed;

    /**
     * Creates an engine, and opens the keys of its store.
     *
     * @param sealing how the values are encrypted; null if they are not
     * @param encryptExisting whether a plain store is accepted, to be encrypted
     * @throws StoreOpenException as {@link SealedStore#open} does; the backend stays open
     */
    Engine(
            Backend backend,
            KeyStoreOptions options,
            Consumer<String> onOwnershipLost,
            @Nullable Sealing sealing,
            boolean encryptExisting) {
        this.options = options;
        this.storage = new Storage(backend, options);
        this.encrypted = SealedStore.open(storage, sealing, encryptExisting, attempts());
        this.id = new StoreId(storage, encrypted);
        this.names = new TrueNames(storage, encrypted);
        this.cache = new EntryCache(storage, types, options);
        this.locks = new LockTable(options.lockTimeout());
        this.pipeline = new CommitPipeline(cache, storage, options, counters);
        this.onOwnershipLost = onOwnershipLost;
    }

    /** Starts the standby. */
    void start() {
        pipeline.start();
    }

    /** Returns attempts that end when {@code commitTimeout} has passed from now. */
    Attempts attempts() {
        return new Attempts(options);
    }

    /** Returns the keys of the store, or null if it is not encrypted. */
    @Nullable
    SealedStore encrypted() {
        return encrypted;
    }

    void checkOpen() {
        if (closed) {
            throw new ClosedException();
        }
    }

    /** Commits, and returns when all of it is durable; throws what {@link dev.keystore.KeyOperations} lists. */
    void commit(CommitRequest request) {
        try {
            pipeline.commit(request);
        } catch (OwnershipLostException e) {
            throw reportOwnershipLoss(request.context);
        }
    }

    /**
     * Returns the exception for a caller that would write to a lost context; the first call calls the listener as well.
     */
    OwnershipLostException reportOwnershipLoss(Context context) {
        return context.reportOwnershipLoss(onOwnershipLost);
    }

    /** Counts an attempt of a transaction or of a single write that ended in a conflict. */
    void countConflict() {
        counters.conflicted();
    }

    /** Returns the scope of the transaction that this thread is in, or null. */
    @Nullable
    TransactionScope transactionOfThread() {
        TransactionScope scope = inTransaction.get();
        return scope == null || scope.locks.released ? null : scope;
    }

    void enterTransaction(TransactionScope scope) {
        inTransaction.set(scope);
    }

    void leaveTransaction() {
        inTransaction.remove();
    }

    /**
     * Takes a context over. Transient failures are retried like those of a commit (R40).
     *
     * @param unlessOwned whether to fail if the current owner is alive
     * @throws ContextOwnedException if {@code unlessOwned} and the current owner is alive
     * @throws StoreOpenException if the backend failed
     * @throws OperationInterruptedException if an interrupt ended an attempt or the pause between two
     */
    Context takeOver(String context, boolean unlessOwned, Attempts attempts) {
        long epoch = epochOfTakeOver(context, unlessOwned, attempts);
        return new Context(context, epoch, encrypted == null ? new Envelope(context) : encrypted.context(context));
    }

    /** Takes a context over like {@link #takeOver}, and returns only the new epoch. */
    long epochOfTakeOver(String context, boolean unlessOwned, Attempts attempts) {
        StackHeadroom.require();
        return attempts.of(
                "the takeover of context \"" + context + "\"",
                "Context \"" + context + "\" could not be taken over",
                () -> storage.takeOver(context, unlessOwned));
    }

    /** Returns how the records of a context are read that no store was opened for. The caller closes it. */
    ContextSealer unopenedSealer(String context) {
        return encrypted == null ? new Envelope(context) : encrypted.unopenedContext(context);
    }

    /**
     * Lists the contexts that hold entries, except those that only the engine stores; throws as
     * {@link TrueNames#contexts} does.
     */
    Stream<String> contexts() {
        Stream<String> listed = names.contexts();
        return encrypted == null ? listed : listed.filter(storage::holdsEntries);
    }

    /**
     * Compacts the backend's files; throws what {@link SignalKeyDatabase#compact} lists.
     *
     * @return whether the backend can do that; if not, nothing was done
     */
    boolean compact() {
        try {
            return storage.compact();
        } catch (ClosedException e) {
            throw e;
        } catch (RuntimeException e) {
            RuntimeException interruption = BackendFailures.asInterruption("the database to be compacted", e);
            throw interruption != null
                    ? interruption
                    : new CompactionFailedException(String.valueOf(e.getMessage()), e);
        }
    }

    KeyStoreStats stats() {
        return counters.stats(cache);
    }

    /** Lets running commits finish, then closes the backend, overwrites the keys and empties the cache. */
    void close() {
        closed = true;
        long deadlineNanos = System.nanoTime() + options.commitTimeout().toNanos();
        pipeline.close(deadlineNanos);
        try {
            storage.close(deadlineNanos);
        } finally {
            cache.clear();
            if (encrypted != null) {
                encrypted.close();
            }
        }
    }
}
