package dev.keystore.core;

import dev.keystore.CompactionFailedException;
import dev.keystore.ContextMovedException;
import dev.keystore.ContextOwnedException;
import dev.keystore.KeyStoreException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.StoreOpenException;
import dev.keystore.spi.Backend;
import dev.keystore.spi.FreshnessAnchor;
import dev.keystore.spi.PersistenceBackend;
import dev.keystore.spi.Sealing;
import dev.keystore.spi.StoreSealing;
import dev.keystore.spi.StoreSealing.Phase;
import java.time.InstantSource;
import java.util.Set;
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

    /** Compares the contexts with the freshness anchor; null if there is none. */
    private final @Nullable Freshness freshness;

    /** The keys of the store, or null if it is not encrypted. */
    private final @Nullable SealedStore encrypted;

    /**
     * The scope of the thread's transaction, which may have ended already; used to reject a second transaction (R26).
     */
    @SuppressWarnings(
            "ThreadLocalUsage") // one per engine: a transaction of another backend can't cause a deadlock here
    private final ThreadLocal<@Nullable TransactionScope> inTransaction = new ThreadLocal<>();

    /** What the store was when it was opened, or null if it was a live one. */
    private final @Nullable StoreState state;

    private volatile boolean closed;

    /** What a store has to be so that it is opened. */
    enum Opening {
        /** A live store, or a new one. */
        LIVE,
        /** A backup. Nothing is written. */
        READING_BACKUP,
        /** A live store, a new one, or the target of a restore that has not ended. */
        RESTORING,
        /** Any store. Nothing is written, and no context is taken over. */
        INSPECTING
    }

    /**
     * Creates an engine, and opens the keys of its store.
     *
     * @param sealing how the values are encrypted; null if they are not
     * @param accepted the phases in which an encrypted store is accepted; a plain store with entries is, to be
     *     encrypted, if {@code ENCRYPTING} is among them
     * @param opening what the store has to be
     * @param anchor what the contexts of a live store are compared with; null if nothing
     * @param acceptLostAnchor whether contexts are accepted whose records in the anchor are lost
     * @throws StoreOpenException as {@link SealedStore#open} does, or if it is another kind of store; also if the
     *     anchor cannot be read; the backend stays open
     */
    Engine(
            Backend backend,
            KeyStoreOptions options,
            Consumer<String> onOwnershipLost,
            @Nullable Sealing sealing,
            Set<Phase> accepted,
            Opening opening,
            @Nullable FreshnessAnchor anchor,
            boolean acceptLostAnchor) {
        this.options = options;
        this.storage = new Storage(backend, options);
        this.state = StoreState.load(storage, attempts(), sealing == null);
        if (opening == Opening.READING_BACKUP) {
            storage.refuseWrites(StoreState.requireBackup(state));
        } else if (opening == Opening.INSPECTING) {
            storage.refuseWrites("the store was opened only to be inspected; open it to write");
        } else if (state != null && !(opening == Opening.RESTORING && state.kind() == StoreState.Kind.RESTORING)) {
            throw state.refusal();
        }
        this.encrypted = opening == Opening.INSPECTING
                ? SealedStore.openToRead(storage, sealing, attempts())
                : SealedStore.open(storage, sealing, accepted, attempts());
        this.id = new StoreId(storage, encrypted);
        this.freshness = anchor == null ? null : freshness(anchor, acceptLostAnchor, storage, id, attempts());
        this.names = new TrueNames(storage, encrypted);
        this.cache = new EntryCache(storage, types, options);
        this.locks = new LockTable(options.lockTimeout());
        this.pipeline = new CommitPipeline(cache, storage, options, counters);
        this.onOwnershipLost = onOwnershipLost;
    }

    private static Freshness freshness(
            FreshnessAnchor anchor, boolean acceptLost, Storage storage, StoreId id, Attempts attempts) {
        String storeId = id.get()
                .orElseThrow(() -> new StoreOpenException(
                        "The store could not be opened with a freshness anchor, since it has no id yet and cannot be"
                                + " written: open it once where it can be, or without the anchor",
                        null));
        Freshness created = new Freshness(anchor, acceptLost, storeId, storage, InstantSource.system());
        created.requireReachable(attempts);
        id.markAnchored();
        return created;
    }

    /** Starts the standby, and the thread that raises the freshness anchor. */
    void start() {
        pipeline.start();
        if (freshness != null) {
            freshness.start();
        }
    }

    /** Returns attempts that end when {@code commitTimeout} has passed from now. */
    Attempts attempts() {
        return new Attempts(options);
    }

    /** Returns what the store was when it was opened, or null if it was a live one. */
    @Nullable
    StoreState state() {
        return state;
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

    /** Checks the name of a context; throws as {@link SignalKeyDatabase#forContext} does. */
    void checkContext(String name) {
        Names.check("context", name);
        if (name.equals(StoreSealing.MARK.type())) {
            throw new IllegalArgumentException(
                    "context must not be \"" + name + "\": it is reserved for the mark of an encrypted store");
        }
        if (!storage.servesManyContexts() && !name.equals(PersistenceBackend.DEFAULT_CONTEXT)) {
            throw new IllegalArgumentException("context must be \"" + PersistenceBackend.DEFAULT_CONTEXT + "\", was \""
                    + name + "\": this backend has no other context");
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
        requireNotMoved(context);
        return context.reportOwnershipLoss(onOwnershipLost);
    }

    /** Throws if the context was taken over in order to be moved, as far as the backend can tell. Asks it once. */
    private void requireNotMoved(Context context) {
        if (context.refusal() instanceof ContextMovedException refusal) {
            throw refusal;
        }
        MoveMark mark = null;
        if (!context.isLossReported()) {
            try {
                mark = MoveMark.load(storage, context.name());
            } catch (KeyStoreException e) {
                return;
            }
        }
        if (mark != null && mark.kind() == MoveMark.Kind.MOVED) {
            context.markMoved(mark.target());
            throw mark.refusal(context.name());
        }
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
     * @throws StoreOpenException if the backend failed, or another process has changed the encryption of the store in a
     *     way that this database cannot follow
     * @throws OperationInterruptedException if an interrupt ended an attempt or the pause between two
     * @throws dev.keystore.StaleStoreException if the context is older than its freshness anchor, or another copy; it
     *     was not taken over, unless another process wrote to it meanwhile
     */
    Context takeOver(String context, boolean unlessOwned, Attempts attempts) {
        long epoch = epochOfTakeOver(context, unlessOwned, attempts);
        requireHere(context, attempts); // after the takeover: nobody can move it any more
        Freshness compared = freshnessOf(context);
        ContextFreshness kept = compared == null ? null : compared.open(context, attempts);
        return new Context(
                context, epoch, encrypted == null ? new Envelope(context) : encrypted.context(context), kept);
    }

    /** Returns what the context is compared with; the context of the mark is not one of an account. */
    private @Nullable Freshness freshnessOf(String context) {
        return context.equals(StoreSealing.MARK.type()) || state != null ? null : freshness;
    }

    /** Checks that a context is not older than the freshness anchor, if there is one; throws as {@link #takeOver}. */
    void compare(String context, Attempts attempts) {
        Freshness compared = freshnessOf(context);
        if (compared != null) {
            compared.check(context, attempts);
        }
    }

    /**
     * Checks that a context was not moved to another store.
     *
     * @throws dev.keystore.ContextMovedException if it was, or has not completely arrived
     */
    private void requireHere(String context, Attempts attempts) {
        if (state != null) {
            return; // a backup is only read
        }
        MoveMark mark = MoveMark.load(storage, context, attempts);
        if (mark != null) {
            throw mark.refusal(context);
        }
    }

    /** Takes a context over like {@link #takeOver}, even if it was moved, and returns only the new epoch. */
    long epochOfTakeOver(String context, boolean unlessOwned, Attempts attempts) {
        StackHeadroom.require();
        followMark(attempts); // a process that can write nothing to the context fences nobody
        compare(context, attempts);
        long epoch = attempts.of(
                "the takeover of context \"" + context + "\"",
                "Context \"" + context + "\" could not be taken over",
                () -> storage.takeOver(context, unlessOwned));
        followMark(attempts);
        return epoch;
    }

    /**
     * Looks for another mark. It has to be done after each takeover: what this process writes to the context must have
     * the form that the store has then. {@link StoreEncryption} explains why no later change of the mark is missed.
     */
    private void followMark(Attempts attempts) {
        if (!storage.hasOwnership()) {
            return; // no other process has the store open, or it goes unnoticed
        }
        if (encrypted == null) {
            SealedStore.requireStillPlain(storage, attempts);
        } else {
            encrypted.follow(attempts);
        }
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
        return encrypted == null && !id.isAnchored() ? listed : listed.filter(storage::holdsEntries);
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
            if (freshness != null) {
                freshness.close(deadlineNanos);
            }
        } finally {
            closeStorage(deadlineNanos);
        }
    }

    private void closeStorage(long deadlineNanos) {
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
