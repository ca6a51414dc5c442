package dev.keystore.core;

import dev.keystore.CommitFailedException;
import dev.keystore.EntryId;
import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import dev.keystore.SignalKeyStore;
import dev.keystore.Transaction;
import dev.keystore.TransactionConflictException;
import dev.keystore.TransactionOptions;
import dev.keystore.TransactionWork;
import dev.keystore.Updates;
import dev.keystore.core.FlightEvents.Phase;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The store of one context.
 *
 * <p>Reads go to the cache. Each write outside of a transaction is a transaction without locks. It is retried on
 * conflict, which is safe because it does not run any work of the caller.
 */
final class ContextStore implements SignalKeyStore {

    private final Engine engine;
    private final Context context;

    ContextStore(Engine engine, Context context) {
        this.engine = engine;
        this.context = context;
    }

    /** Returns the state of the context. */
    Context state() {
        return context;
    }

    @Override
    public String context() {
        return context.name();
    }

    @Override
    public boolean inTransaction() {
        return false;
    }

    @Override
    public <V> Optional<V> find(KeyType<V> type, String id) {
        engine.checkOpen();
        Objects.requireNonNull(type, "type");
        EntryKey key = new EntryKey(
                context, type, Objects.requireNonNull(id, "id")); // the id is checked when it is not cached
        return Optional.ofNullable(engine.cache.read(key).value(type));
    }

    @Override
    public <V> Map<String, V> get(KeyType<V> type, Collection<String> ids) {
        engine.checkOpen();
        Objects.requireNonNull(type, "type");
        Objects.requireNonNull(ids, "ids");
        Map<String, V> cached = getCached(type, ids);
        return cached == null ? getLoaded(type, ids) : cached;
    }

    /**
     * Returns the values if all ids are cached and no commit of the context was published meanwhile, else null. Unlike
     * {@link #getLoaded}, it creates no lists of keys and entries.
     */
    private <V> @Nullable Map<String, V> getCached(KeyType<V> type, Collection<String> ids) {
        Map<String, V> values = new LinkedHashMap<>(2 * ids.size());
        int seen = context.awaitPublications();
        for (String id : ids) {
            Entry entry = engine.cache.cached(key(type, id));
            if (entry == null) {
                return null;
            }
            V value = entry.value(type);
            if (value != null) {
                values.put(id, value);
            }
        }
        if (!context.unchangedSince(seen)) {
            return null;
        }
        engine.cache.countCached(ids.size());
        return values;
    }

    private <V> Map<String, V> getLoaded(KeyType<V> type, Collection<String> ids) {
        List<EntryKey> keys = new ArrayList<>(ids.size());
        for (String id : ids) {
            keys.add(key(type, id));
        }
        List<Entry> entries = engine.cache.readAll(context, keys);
        Map<String, V> values = new LinkedHashMap<>();
        for (int i = 0; i < keys.size(); i++) {
            V value = entries.get(i).value(type);
            if (value != null) {
                values.put(keys.get(i).id, value);
            }
        }
        return values;
    }

    private EntryKey key(KeyType<?> type, String id) {
        return new EntryKey(context, type, Objects.requireNonNull(id, "ids must not contain null"));
    }

    @Override
    public Stream<String> ids(KeyType<?> type, String idPrefix) {
        return uncached().ids(type, idPrefix);
    }

    @Override
    public Optional<byte[]> credentials() {
        engine.checkOpen();
        Entry entry = engine.cache.read(KeyTypeRegistry.credentialsKey(context));
        return Optional.ofNullable(entry.value(KeyTypeRegistry.CREDENTIALS));
    }

    @Override
    public <V> void put(KeyType<V> type, String id, V value) {
        useSingle(tx -> tx.put(type, id, value));
    }

    @Override
    public void delete(KeyType<?> type, String id) {
        useSingle(tx -> tx.delete(type, id));
    }

    @Override
    public void set(Updates updates) {
        useSingle(tx -> tx.set(updates));
    }

    @Override
    public <V> void insert(KeyType<V> type, String id, V value) {
        useSingle(tx -> tx.insert(type, id, value));
    }

    @Override
    public <V> Optional<V> take(KeyType<V> type, String id) {
        return single(tx -> tx.take(type, id));
    }

    @Override
    public boolean move(KeyType<?> type, String from, String to, OnExisting onExisting) {
        return single(tx -> tx.move(type, from, to, onExisting));
    }

    @Override
    public void clear() {
        useSingle(Transaction::clear);
    }

    @Override
    public void erase() {
        useSingle(Transaction::erase);
    }

    @Override
    public void saveCredentials(byte[] credentials) {
        useSingle(tx -> tx.saveCredentials(credentials));
    }

    private void useSingle(VoidWork<RuntimeException> operation) {
        single(tx -> {
            operation.run(tx);
            return tx;
        });
    }

    private <R> R single(TransactionWork<R, RuntimeException> operation) {
        engine.checkOpen();
        long deadlineNanos = System.nanoTime() + engine.options.commitTimeout().toNanos();
        TransactionScope scope = new TransactionScope(null);
        while (true) {
            try {
                return attempt(scope, operation);
            } catch (TransactionConflictException e) {
                if (System.nanoTime() - deadlineNanos >= 0) {
                    throw new CommitFailedException(
                            context.name(),
                            "other threads kept changing the same entries for "
                                    + engine.options.commitTimeout().toMillis() + " ms (commitTimeout)",
                            e);
                }
            }
        }
    }

    @Override
    public <R, X extends Exception> R transaction(
            Set<String> lockKeys, TransactionOptions options, TransactionWork<R, X> work) throws X {
        engine.checkOpen();
        Set<String> locked = Names.checkLockKeys(lockKeys);
        Objects.requireNonNull(options, "options");
        Objects.requireNonNull(work, "work");
        if (engine.transactionOfThread() != null) {
            throw new IllegalStateException("Transaction on context \"" + context.name()
                    + "\" refused: this thread is already in a transaction, and a second one could deadlock with it;"
                    + " call transaction on the handle of the first");
        }
        TransactionScope scope = new TransactionScope(engine.events.beginTransaction(locked));
        boolean returned = false;
        try {
            engine.enterTransaction(scope);
            engine.acquireLocks(context, locked, scope);
            for (int attempt = 1; ; attempt++) {
                try {
                    R result = attempt(scope, work);
                    returned = true;
                    return result;
                } catch (TransactionConflictException e) {
                    if (attempt == options.maxAttempts()) {
                        throw e;
                    }
                    scope.begin(Phase.COMMIT);
                    LockSupport.parkNanos(this, Backoff.afterConflictNanos(attempt));
                }
            }
        } finally {
            scope.locks.released = true; // before any call, which may fail if no stack is left (R31)
            engine.locks.release(scope.locks);
            engine.leaveTransaction();
            engine.events.end(scope.measured, returned);
        }
    }

    /** Runs work once, then commits what it wrote. */
    private <R, X extends Exception> R attempt(TransactionScope scope, TransactionWork<R, X> work) throws X {
        scope.beginAttempt();
        StoreTransaction tx = StoreTransaction.begin(engine, context, scope);
        R result;
        try {
            result = work.run(tx);
        } finally {
            tx.end();
        }
        scope.begin(Phase.COMMIT);
        CommitRequest commit = tx.toCommit();
        if (commit != null) {
            EntryId changed = engine.commit(commit);
            if (changed != null) {
                throw tx.conflict(changed);
            }
            TransactionScope enclosing = engine.transactionOfThread();
            if (enclosing != null && enclosing != scope) {
                enclosing.addWritten(commit.contents);
            }
        }
        return result;
    }

    @Override
    public KeyReader readOnly() {
        return new ReadOnlyReader(this);
    }

    @Override
    public KeyReader uncached() {
        return new UncachedReader(engine, context);
    }

    @Override
    public List<EntryId> verify() {
        engine.checkOpen();
        return Verification.of(engine, context);
    }
}
