package dev.keystore.core;

import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.CompactionFailedException;
import dev.keystore.EntryId;
import dev.keystore.KeyStoreException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.RollbackFailedException;
import dev.keystore.StaleStoreException;
import dev.keystore.StoreOpenException;
import dev.keystore.core.CommitState.Conflict;
import dev.keystore.core.CommitState.Done;
import dev.keystore.core.CommitState.Ended;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.KeyStoreListener.CommitResult;
import dev.keystore.spi.KeyStoreListener.WaitResult;
import dev.keystore.spi.PersistenceBackend;
import dev.keystore.spi.StoreSealing;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
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
    final EngineEvents events;
    final StoreId id;
    final Takeovers takeovers;

    private final CommitCounters counters = new CommitCounters();
    private final CommitPipeline pipeline;
    private final LostContexts lost;

    /** What the store was when it was opened, or null if it was a live one. */
    private final @Nullable StoreState state;

    /** The keys of the store, or null if it is not encrypted. */
    private final @Nullable SealedStore encrypted;

    /** Compares the contexts with the freshness anchor; null if there is none. */
    private final @Nullable Freshness freshness;

    /**
     * The scope of the thread's transaction, which may have ended already; used to reject a second transaction (R26).
     */
    @SuppressWarnings(
            "ThreadLocalUsage") // one per engine: a transaction of another backend can't cause a deadlock here
    private final ThreadLocal<@Nullable TransactionScope> inTransaction = new ThreadLocal<>();

    private volatile boolean closed;

    /**
     * Creates an engine.
     *
     * @param freshness compares the contexts with a freshness anchor; null if there is none
     * @param events what reports to the listeners
     * @param onOwnershipLost called with the name of a context that another owner has taken over
     */
    Engine(
            OpenedStore store,
            KeyStoreOptions options,
            @Nullable Freshness freshness,
            EngineEvents events,
            Consumer<String> onOwnershipLost) {
        this.options = options;
        this.storage = store.storage();
        this.state = store.state();
        this.encrypted = store.encrypted();
        this.id = store.id();
        this.freshness = freshness;
        this.takeovers = new Takeovers(store, freshness);
        this.events = events;
        storage.reportFsyncs(events::fsync);
        this.names = new TrueNames(storage, encrypted, events);
        this.cache = new EntryCache(storage, types, options, events);
        this.locks = new LockTable(options.lockTimeout());
        this.pipeline = new CommitPipeline(cache, storage, options, counters, events);
        this.lost = new LostContexts(storage, name -> {
            events.ownershipLost();
            onOwnershipLost.accept(name);
        });
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

    /**
     * Commits, and returns when the commit has ended; throws what {@link dev.keystore.KeyOperations} lists, except for
     * conflicts.
     *
     * @return null if all of it is durable; an entry that it read and that has changed since, if nothing was written
     *     for that reason (R24)
     */
    @Nullable
    EntryId commit(CommitRequest request) {
        events.refuseWritesOfListeners();
        FlightEvents.Commit commit = events.beginCommit();
        CommitResult result = CommitResult.NOT_WRITTEN;
        try {
            Done end = pipeline.commit(request);
            KeyStoreException failure = failureOf(request, end);
            result = resultOf(end, failure);
            if (failure != null) {
                throw failure;
            }
            return end instanceof Conflict conflict ? conflict.changed() : null;
        } finally {
            events.end(commit, result);
        }
    }

    /**
     * Commits several writes of records, each to another context, as one group if the backend writes groups. They read
     * nothing, so they have no conflicts.
     *
     * @return the failures of those that have one, as {@link #commit} throws them; all of each other commit is durable
     */
    Map<CommitRequest, KeyStoreException> commitEach(List<CommitRequest> requests) {
        events.refuseWritesOfListeners();
        FlightEvents.@Nullable Commit[] measured = new FlightEvents.Commit[requests.size()];
        Arrays.setAll(measured, i -> events.beginCommit());
        CommitResult[] results = new CommitResult[requests.size()];
        Arrays.fill(results, CommitResult.NOT_WRITTEN);
        try {
            List<Done> ends = pipeline.commitEach(requests);
            Map<CommitRequest, KeyStoreException> failures = new HashMap<>();
            for (int i = 0; i < results.length; i++) {
                KeyStoreException failure = failureOf(requests.get(i), ends.get(i));
                results[i] = resultOf(ends.get(i), failure);
                if (failure != null) {
                    failures.put(requests.get(i), failure);
                }
            }
            return failures;
        } finally {
            for (int i = 0; i < results.length; i++) {
                events.end(measured[i], results[i]);
            }
        }
    }

    /** Returns the exception for the caller of a commit, or null if it was written or has a conflict. */
    private @Nullable KeyStoreException failureOf(CommitRequest request, Done end) {
        KeyStoreException failure = end instanceof Ended ended ? ended.failure() : null;
        return failure instanceof OwnershipLostException ? reportOwnershipLost(request.context()) : failure;
    }

    private static CommitResult resultOf(Done end, @Nullable KeyStoreException failure) {
        if (end instanceof Conflict) {
            return CommitResult.CONFLICT;
        }
        if (failure == null) {
            return CommitResult.WRITTEN;
        }
        if (failure instanceof OwnershipLostException) {
            return CommitResult.OWNERSHIP_LOST;
        }
        if (failure instanceof StaleStoreException) {
            return CommitResult.STALE;
        }
        if (failure instanceof OperationInterruptedException) {
            return CommitResult.INTERRUPTED;
        }
        return failure instanceof CommitOutcomeUnknownException || failure instanceof RollbackFailedException
                ? CommitResult.UNKNOWN
                : CommitResult.NOT_WRITTEN;
    }

    /** Acquires the locks of a transaction; throws as {@link LockTable#acquire} does. */
    void acquireLocks(Context context, Set<String> lockKeys, TransactionScope scope) {
        FlightEvents.LockWait wait = events.beginLockWait();
        WaitResult result = WaitResult.FAILURE;
        try {
            locks.acquire(context.name(), lockKeys, scope.locks);
            result = WaitResult.SUCCESS;
        } catch (OperationInterruptedException e) {
            result = WaitResult.INTERRUPTED;
            throw e;
        } finally {
            events.end(wait, result);
        }
    }

    /** Returns the exception for a caller that would write to a lost context, as {@link LostContexts#report} does. */
    KeyStoreException reportOwnershipLost(Context context) {
        return lost.report(context);
    }

    /** Counts and reports an attempt of a transaction or of a single write that ended in a conflict. */
    void countConflict() {
        counters.conflicted();
        events.conflict();
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

    /** Returns how the records of a context are read that no store was opened for. The caller closes it. */
    ContextSealer unopenedSealer(String context) {
        return encrypted == null ? new Envelope(context) : encrypted.unopenedContext(context);
    }

    /**
     * Lists the contexts that hold entries that the engine does not store for itself, or the mark of a move; throws as
     * {@link TrueNames#contexts} does. In a plain store without an anchor, a context can hold nothing else.
     */
    Stream<String> contexts() {
        Stream<String> listed = names.contexts();
        return encrypted == null && !id.isAnchored() ? listed : listed.filter(storage::holdsEntriesOrMark);
    }

    /** A look at all entries of a context, used once. */
    interface Look<T> {

        /** Returns what it finds. */
        T run();

        /** Returns how many unreadable entries it has found, also if it failed. */
        int unreadable();
    }

    /**
     * Runs looks until one finds no damage, or the keys of the store did not change meanwhile; returns what the last
     * one found. If another process or a job replaced the keys, what could not be read may be intact: to listeners,
     * only what the last look could not read is reported, also if that look failed.
     *
     * @throws StoreOpenException if it finds damage, and another process has changed the encryption of the store in a
     *     way that this database cannot follow
     */
    <T> T lookWhileKeysChange(Supplier<? extends Look<T>> looks, Predicate<T> isIntact) {
        while (true) {
            StoreSealing before = sealing();
            Look<T> look = looks.get();
            T found;
            try {
                found = look.run();
            } catch (RuntimeException | Error e) {
                events.unreadable(look.unreadable());
                throw e;
            }
            if (isIntact.test(found) || !followMark() || Objects.equals(before, sealing())) {
                events.unreadable(look.unreadable());
                return found;
            }
        }
    }

    private @Nullable StoreSealing sealing() {
        return encrypted == null ? null : encrypted.sealing();
    }

    /** Reads the mark of the store and switches to its keys; returns false if the backend could not read it. */
    private boolean followMark() {
        try {
            takeovers.followMark(attempts());
            return true;
        } catch (StoreOpenException e) {
            if (e.getCause() instanceof BackendException) {
                return false;
            }
            throw e;
        }
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
            cache.dropAll();
            if (encrypted != null) {
                encrypted.close();
            }
        }
    }
}
