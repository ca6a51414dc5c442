package dev.keystore.jdbc;

import dev.keystore.spi.BackendException;
import dev.keystore.spi.support.TimedLock;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Checkpoints the logs of the open stores of the process: a daemon thread checkpoints that of each idle store, and a
 * shutdown hook checkpoints all of them when the process exits.
 *
 * <p>The thread and the hook exist while a store is open, so the class can be unloaded after the last one is closed.
 * The thread looks at each store every 3 s; a store is idle if there was no commit between two looks.
 *
 * <p>At exit, each store first begins to move every new commit into the file before it is acknowledged; then the
 * earlier commits are moved. So acknowledged commits of threads that continue while the shutdown hooks run are in the
 * file as well. The hook takes up to 5 s.
 *
 * <p>Concurrency: any thread reads {@link #open}. {@link #lock} guards its changes, the thread and the hook; it is held
 * only to open and to close a store, each of which waits for it up to 10 s.
 *
 * <p>Recovery: the thread also rolls back transactions that an error has left open ({@link WriterConnection}).
 */
final class SqliteCheckpointer {

    private static final Duration PERIOD = Duration.ofSeconds(3);
    private static final Duration EXIT_TIMEOUT = Duration.ofSeconds(5);
    private static final Duration LOCK_TIMEOUT = Duration.ofSeconds(10);

    /** Serves all stores that are opened by URL. */
    static final SqliteCheckpointer PROCESS = new SqliteCheckpointer(PERIOD, System::nanoTime);

    private final @Nullable Duration period;
    private final LongSupplier ticker;
    private final TimedLock lock;

    /** The logs of the open stores, and the connections that write to them. */
    private final Map<SqliteWal, Runnable> open = new ConcurrentHashMap<>();

    private @Nullable Visiting visiting;
    private @Nullable Thread hook;

    /**
     * Set before the exit reads {@link #open}: {@link SqliteWal#exit} of a log that it misses is called by the thread
     * that adds the log.
     */
    private volatile boolean exiting;

    /**
     * Creates a checkpointer.
     *
     * @param period the pause between two visits of the thread; if null, there is no thread, and tests call
     *     {@link #visitStores}
     * @param ticker the time in nanoseconds
     */
    SqliteCheckpointer(@Nullable Duration period, LongSupplier ticker) {
        this(period, ticker, LOCK_TIMEOUT);
    }

    /** For tests, with the maximum time that opening or closing a store waits for another store. */
    SqliteCheckpointer(@Nullable Duration period, LongSupplier ticker, Duration lockTimeout) {
        this.lock = new TimedLock("SQLite", "the opening or closing of another store", lockTimeout);
        this.period = period;
        this.ticker = ticker;
    }

    /** Returns the source of the time in nanoseconds. */
    LongSupplier ticker() {
        return ticker;
    }

    /**
     * Adds the log of a store that is being opened.
     *
     * @param rollBackUnfinished rolls back a transaction of the store that an error has left open
     * @throws BackendException (transient) if the lock was not free in time, or the thread was interrupted
     */
    void add(SqliteWal log, Runnable rollBackUnfinished) {
        lock.<Boolean, RuntimeException>hold("open " + log.path(), () -> {
            if (open.isEmpty()) {
                start();
            }
            open.put(log, rollBackUnfinished);
            if (exiting) {
                log.exit();
            }
            return exiting;
        });
    }

    /**
     * Removes a log; does nothing if it was not added.
     *
     * @throws BackendException (transient) if the lock was not free in time, or the thread was interrupted
     */
    void remove(SqliteWal log) {
        if (open.containsKey(log)) {
            lock.hold("close " + log.path(), new TimedLock.Work<Boolean, RuntimeException>() {
                @Override
                public Boolean run() {
                    return removeNow(log);
                }
            });
        }
    }

    private boolean removeNow(SqliteWal log) {
        boolean removed = open.remove(log) != null;
        if (removed && open.isEmpty()) {
            stop();
        }
        return removed;
    }

    /** Returns whether a store that was opened at a path is still open, and the path no longer leads to its files. */
    boolean hasLost(Path path) {
        return open.keySet().stream().anyMatch(log -> log.isLost(path));
    }

    /**
     * Checkpoints the logs of the stores that have been idle since the last visit, and rolls back transactions that
     * errors have left open. Called from one thread.
     */
    void visitStores() {
        for (Map.Entry<SqliteWal, Runnable> store : open.entrySet()) {
            try {
                store.getValue().run();
                store.getKey().checkpointIfIdle();
            } catch (RuntimeException | Error e) {
                // The log stays as it is; the other stores and the next visit continue.
            }
        }
    }

    /** Visits the stores periodically. Nothing that a visit throws ends it, not even a lack of memory. */
    private final class Visiting implements Runnable {

        private final long periodNanos;
        private volatile @Nullable Thread thread;
        private volatile boolean stopped;

        Visiting(long periodNanos) {
            this.periodNanos = periodNanos;
        }

        @Override
        public void run() {
            thread = Thread.currentThread();
            while (!stopped) {
                LockSupport.parkNanos(this, periodNanos);
                boolean interrupted = Thread.interrupted();
                try {
                    if (!stopped && !interrupted) {
                        visitStores();
                    }
                } catch (RuntimeException | Error e) {
                    // The next visit may succeed.
                }
            }
        }

        void stop() {
            stopped = true;
            LockSupport.unpark(thread);
        }
    }

    /** Returns whether the thread or the hook exists. */
    boolean isRunning() {
        return lock.<Boolean, RuntimeException>hold("check", () -> visiting != null || hook != null);
    }

    /** For tests: runs work while no store is opened or closed. */
    <T> T whileLocked(TimedLock.Work<T, RuntimeException> work) {
        return lock.hold("run a test's work", work);
    }

    private void start() {
        if (period != null) {
            Visiting started = new Visiting(period.toNanos());
            daemon("keystore-sqlite-log", started).start();
            visiting = started;
            Thread atExit = new Thread(null, this::exit, "keystore-sqlite-exit", 0, false);
            try {
                Runtime.getRuntime().addShutdownHook(atExit);
                hook = atExit;
            } catch (IllegalStateException e) {
                exiting = true;
            }
        }
    }

    private void stop() {
        if (visiting != null) {
            visiting.stop();
            visiting = null;
        }
        if (hook != null) {
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException e) {
                // The JVM is exiting.
            }
            hook = null;
        }
    }

    /** Checkpoints all logs, on a thread that the exit waits for up to 5 s. */
    void exit() {
        long deadlineNanos = System.nanoTime() + EXIT_TIMEOUT.toNanos();
        exiting = true;
        List<SqliteWal> all = List.copyOf(open.keySet());
        all.forEach(SqliteWal::exit);
        Thread worker = daemon("keystore-sqlite-exit-log", () -> checkpointBefore(all, deadlineNanos));
        worker.start();
        try {
            worker.join(EXIT_TIMEOUT.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void checkpointBefore(List<SqliteWal> logs, long deadlineNanos) {
        try {
            for (SqliteWal log : logs) {
                log.checkpointBefore(deadlineNanos);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static Thread daemon(String name, Runnable work) {
        Thread thread = new Thread(null, work, name, 0, false);
        thread.setContextClassLoader(null);
        thread.setDaemon(true);
        return thread;
    }
}
