package dev.keystore.async;

import dev.keystore.KeyOperations.VoidWork;
import dev.keystore.KeyType;
import dev.keystore.SignalKeyStore;
import dev.keystore.TransactionOptions;
import dev.keystore.TransactionWork;
import dev.keystore.Updates;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * A store whose calls run on other threads and return futures.
 *
 * <pre>{@code
 * AsyncKeyStore alice = AsyncKeyStore.of(database.forContext("alice"));
 * alice.transaction("session:bob.1", tx -> tx.take(KeyTypes.PRE_KEY, "17").orElseThrow())
 *         .thenAccept(preKey -> reply(preKey));
 * }</pre>
 *
 * <p>Each call does what the method of {@link SignalKeyStore} with the same name does, as a whole on one thread: a
 * virtual thread, or one of an executor. A transaction occupies its thread, and its handle belongs to that thread; its
 * work must not hand it on. A thread of an executor also waits for locks: transactions with one lock key can occupy all
 * threads of a bounded one, until {@code lockTimeout}.
 *
 * <p>A future completes with the result, when it is durable if anything was written (R11), or with the exception that
 * the method throws, also for invalid arguments. Only null may be refused by the method itself, with
 * {@link NullPointerException}. Its dependent stages run on the thread of the call, after that has released its locks;
 * a stage that blocks occupies that thread.
 *
 * <p>{@link CompletableFuture#cancel cancel} means what an interrupt does (R27). A call that has not begun never runs,
 * and its future is cancelled. One that is running is interrupted: its future completes with
 * {@link dev.keystore.OperationInterruptedException} if the interrupt ended a wait, and nothing was written; otherwise,
 * with what the call ends with, so that it always says what was written. A load that the call itself is waiting for
 * usually continues until the database answers. {@code cancel} returns whether the call will never run. To stop waiting
 * without that, use {@link CompletableFuture#orTimeout} or complete the future otherwise: the call continues, until it
 * is cancelled. Cancelling a dependent stage does not cancel the call.
 *
 * <p>Thread-safe. It holds no resources: closing the database closes the store.
 */
public final class AsyncKeyStore {

    private final SignalKeyStore store;
    private final Executor executor;

    private AsyncKeyStore(SignalKeyStore store, Executor executor) {
        this.store = store;
        this.executor = executor;
    }

    /**
     * Returns a store that runs each call on a new virtual thread.
     *
     * @param store the store
     * @return an asynchronous view of it
     * @throws UnsupportedOperationException if the JVM has no virtual threads: before JDK 21
     */
    public static AsyncKeyStore of(SignalKeyStore store) {
        return of(store, VirtualExecutor.create());
    }

    /**
     * Returns a store that runs its calls on an executor, which the caller shuts down.
     *
     * @param store the store
     * @param executor what runs the calls; each blocks its thread. If it rejects a call, that method throws
     *     {@link java.util.concurrent.RejectedExecutionException}. If it discards a call that it has accepted, the
     *     future never completes: cancel what {@link java.util.concurrent.ExecutorService#shutdownNow} returns, whose
     *     elements are the futures
     * @return an asynchronous view of it
     */
    public static AsyncKeyStore of(SignalKeyStore store, Executor executor) {
        return new AsyncKeyStore(Objects.requireNonNull(store, "store"), Objects.requireNonNull(executor, "executor"));
    }

    /**
     * Returns the store that the calls go to.
     *
     * @return the store
     */
    public SignalKeyStore store() {
        return store;
    }

    /**
     * Runs any calls of the store on one thread, for example {@code ids} with the code that reads its stream and closes
     * it. Each write outside a transaction is a separate commit: if a later one fails or is interrupted, the earlier
     * ones stay.
     *
     * @param <R> the type of the result
     * @param call what to run
     * @return the future of its result
     */
    public <R extends @Nullable Object> CompletableFuture<R> call(StoreCall<R> call) {
        CallFuture<R> future = new CallFuture<>(store, Objects.requireNonNull(call, "call"));
        executor.execute(future);
        return future;
    }

    /**
     * Returns an entry.
     *
     * @param <V> the type of the value
     * @param type the type of the entry
     * @param id the id of the entry
     * @return the future of the value; of empty if the entry does not exist
     */
    public <V> CompletableFuture<Optional<V>> find(KeyType<V> type, String id) {
        return call(called -> called.find(type, id));
    }

    /**
     * Returns the entries that exist, as of one point in time.
     *
     * @param <V> the type of the values
     * @param type the type of the entries
     * @param ids the ids to read; copied
     * @return the future of the values by id
     */
    public <V> CompletableFuture<Map<String, V>> get(KeyType<V> type, Collection<String> ids) {
        List<String> copied = List.copyOf(ids);
        return call(called -> called.get(type, copied));
    }

    /**
     * Writes and deletes entries as one commit.
     *
     * @param updates the changes, which must not be modified until the future has completed
     * @return a future that completes when the commit is durable
     */
    public CompletableFuture<@Nullable Void> set(Updates updates) {
        return run(called -> called.set(updates));
    }

    /**
     * Runs work while holding the lock of a key, then commits what it wrote.
     *
     * @param <R> the type of the result
     * @param lockKey the key to serialize on
     * @param work the work, which runs as a whole on one thread
     * @return the future of its result, which completes when the commit is durable
     */
    public <R> CompletableFuture<R> transaction(String lockKey, TransactionWork<R, ? extends Exception> work) {
        return transaction(Set.of(lockKey), TransactionOptions.DEFAULT, work);
    }

    /**
     * Runs work while holding the locks of several keys, with options, then commits what it wrote.
     *
     * @param <R> the type of the result
     * @param lockKeys the keys to serialize on; copied
     * @param options the options
     * @param work the work, which runs as a whole on one thread
     * @return the future of its result, which completes when the commit is durable
     */
    public <R> CompletableFuture<R> transaction(
            Set<String> lockKeys, TransactionOptions options, TransactionWork<R, ? extends Exception> work) {
        Set<String> copied = Set.copyOf(lockKeys);
        return call(called -> called.transaction(copied, options, work));
    }

    /**
     * Runs work that returns no result while holding the lock of a key, then commits what it wrote.
     *
     * @param lockKey the key to serialize on
     * @param work the work, which runs as a whole on one thread
     * @return a future that completes when the commit is durable
     */
    public CompletableFuture<@Nullable Void> useTransaction(String lockKey, VoidWork<? extends Exception> work) {
        Objects.requireNonNull(lockKey, "lockKey");
        Objects.requireNonNull(work, "work");
        return run(called -> called.useTransaction(lockKey, work));
    }

    /** A call that returns nothing. */
    private interface VoidCall {
        void run(SignalKeyStore store) throws Exception;
    }

    @SuppressWarnings("NullAway") // before JDK 22, it does not know that the result of a call may be null
    private CompletableFuture<@Nullable Void> run(VoidCall call) {
        return this.<@Nullable Void>call(called -> {
            call.run(called);
            return null;
        });
    }
}
