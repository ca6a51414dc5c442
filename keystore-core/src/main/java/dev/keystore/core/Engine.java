package dev.keystore.core;

import dev.keystore.OperationInterruptedException;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** What all contexts of one opened backend share. */
final class Engine {

    final KeyStoreOptions options;
    final Storage storage;
    final KeyTypeRegistry types = new KeyTypeRegistry();
    final EntryCache cache;
    final LockTable locks;
    final CommitPipeline pipeline;

    /** What a thread is doing, to refuse a second transaction alongside the first (R26). */
    @SuppressWarnings("ThreadLocalUsage") // one for each engine: a transaction of another backend is no deadlock
    final ThreadLocal<Running> running = ThreadLocal.withInitial(Running::new);

    /** Whether a thread is in a transaction. */
    static final class Running {

        /** A field and not a method, since a thread that has no stack left can still write it. */
        boolean inTransaction;
    }

    private volatile boolean closed;

    Engine(Backend backend, KeyStoreOptions options, Consumer<String> onOwnershipLost) {
        this.options = options;
        this.storage = new Storage(backend, options);
        this.cache = new EntryCache(storage, types, options);
        this.locks = new LockTable(options.lockStripes(), options.lockTimeout());
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
     */
    long takeOver(String context, boolean unlessOwned, long deadlineNanos) {
        for (int attempt = 1; ; attempt++) {
            try {
                return storage.takeOver(context, unlessOwned);
            } catch (BackendException e) {
                long pauseNanos = Backoff.nanos(options.retryDelay().toNanos(), attempt);
                boolean last = attempt == options.commitAttempts() || deadlineNanos - System.nanoTime() < pauseNanos;
                if (e.kind() != BackendException.Kind.TRANSIENT || last) {
                    throw e;
                }
                pause(context, pauseNanos);
            }
        }
    }

    private static void pause(String context, long nanos) {
        try {
            TimeUnit.NANOSECONDS.sleep(nanos);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new OperationInterruptedException("another try to take context \"" + context + "\" over");
        }
    }

    /** Lets running commits finish, then closes the backend. */
    void close() {
        closed = true;
        long deadlineNanos = System.nanoTime() + options.commitTimeout().toNanos();
        pipeline.close(deadlineNanos);
        storage.close(deadlineNanos);
    }
}
