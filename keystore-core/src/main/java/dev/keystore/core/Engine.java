package dev.keystore.core;

import dev.keystore.ContextOwnedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.StoreOpenException;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** What all contexts of one opened backend share. */
final class Engine {

    final KeyStoreOptions options;
    final Storage storage;
    final KeyTypeRegistry types = new KeyTypeRegistry();
    final EntryCache cache;
    final LockTable locks;
    final CommitPipeline pipeline;

    /** Attempts of transactions and single writes that ended in a conflict. */
    final LongAdder conflicts = new LongAdder();

    /** The scope of the transaction that the thread is in, to refuse a second one beside it (R26); it may have ended. */
    @SuppressWarnings("ThreadLocalUsage") // one for each engine: a transaction of another backend is no deadlock
    final ThreadLocal<@Nullable TransactionScope> inTransaction = new ThreadLocal<>();

    private volatile boolean closed;

    Engine(Backend backend, KeyStoreOptions options, Consumer<String> onOwnershipLost) {
        this.options = options;
        this.storage = new Storage(backend, options);
        this.cache = new EntryCache(storage, types, options);
        this.locks = new LockTable(options.lockTimeout());
        this.pipeline = new CommitPipeline(cache, storage, options, onOwnershipLost);
    }

    /** Starts the thread that the engine has. */
    void start() {
        pipeline.start();
    }

    void checkOpen() {
        if (closed) {
            throw new ClosedException();
        }
    }

    /**
     * Takes a context over and returns its epoch. Like a commit, this is tried again where it fails transiently (R40), until
     * the deadline; an interrupt ends the pause between two tries.
     *
     * @throws ContextOwnedException if the context was to be taken over unless it is owned, and it is
     * @throws StoreOpenException if the backend failed
     * @throws OperationInterruptedException if an interrupt ended a try or a pause
     */
    long takeOver(String context, boolean unlessOwned, long deadlineNanos) {
        for (int attempt = 1; ; attempt++) {
            try {
                return storage.takeOver(context, unlessOwned);
            } catch (ContextOwnedException | StoreOpenException | ClosedException e) {
                throw e;
            } catch (RuntimeException e) {
                RuntimeException interruption = Interrupts.translate("context \"" + context + "\" to be taken over", e);
                if (interruption != null) {
                    throw interruption;
                }
                long pauseNanos = Backoff.nanos(options.retryDelay().toNanos(), attempt);
                boolean last = attempt == options.commitAttempts() || deadlineNanos - System.nanoTime() < pauseNanos;
                if (!isTransient(e) || last) {
                    throw new StoreOpenException(
                            "Context \"" + context + "\" could not be taken over: " + e.getMessage(), e);
                }
                pause(context, pauseNanos);
            }
        }
    }

    private static boolean isTransient(RuntimeException failure) {
        return failure instanceof BackendException known && known.kind() == BackendException.Kind.TRANSIENT;
    }

    private static void pause(String context, long nanos) {
        try {
            TimeUnit.NANOSECONDS.sleep(nanos);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new OperationInterruptedException("another try to take context \"" + context + "\" over");
        }
    }

    KeyStoreStats stats() {
        return pipeline.stats(conflicts.sum(), cache);
    }

    /** Lets running commits finish, then closes the backend. */
    void close() {
        closed = true;
        long deadlineNanos = System.nanoTime() + options.commitTimeout().toNanos();
        pipeline.close(deadlineNanos);
        storage.close(deadlineNanos);
    }
}
