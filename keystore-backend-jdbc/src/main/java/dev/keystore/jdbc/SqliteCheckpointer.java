package dev.keystore.jdbc;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Checkpoints the logs of the open stores of the process: a daemon thread that of each idle store, and a shutdown hook all
 * of them when the process exits.
 *
 * <p>The thread and the hook exist while a store is open, so the class can be unloaded after the last one is closed. The
 * thread looks at each store every 3 s; a store is idle if there was no commit between two looks.
 *
 * <p>At exit, all stores first begin to move each commit into the file before it is acknowledged; then the earlier commits
 * are moved. So threads may commit while the shutdown hooks run, and their acknowledged commits are in the file. The hook
 * takes up to 5 s.
 *
 * <p>Concurrency: {@link #lock} guards the stores and the thread, and is not held during a checkpoint.
 */
final class SqliteCheckpointer {

    private static final Duration PERIOD = Duration.ofSeconds(3);
    private static final Duration EXIT_TIMEOUT = Duration.ofSeconds(5);

    /** Serves all stores that are opened by URL. */
    static final SqliteCheckpointer PROCESS = new SqliteCheckpointer(PERIOD, System::nanoTime);

    private final @Nullable Duration period;
    private final LongSupplier ticker;
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final Set<SqliteWal> open = new LinkedHashSet<>();

    @GuardedBy("lock")
    private @Nullable ScheduledExecutorService thread;

    @GuardedBy("lock")
    private @Nullable Thread hook;

    @GuardedBy("lock")
    private boolean exiting;

    /**
     * Creates a checkpointer.
     *
     * @param period the pause between two looks of the thread; if null, there is no thread, and tests call {@link #look}
     * @param ticker the time in nanoseconds
     */
    SqliteCheckpointer(@Nullable Duration period, LongSupplier ticker) {
        this.period = period;
        this.ticker = ticker;
    }

    /** Returns the source of the time in nanoseconds. */
    LongSupplier ticker() {
        return ticker;
    }

    void add(SqliteWal log) {
        lock.lock();
        try {
            if (open.isEmpty()) {
                start();
            }
            open.add(log);
            if (exiting) {
                log.exit();
            }
        } finally {
            lock.unlock();
        }
    }

    void remove(SqliteWal log) {
        lock.lock();
        try {
            if (open.remove(log) && open.isEmpty()) {
                stop();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Returns whether a store that was opened at a path is still open, and the path no longer leads to its files. */
    boolean hasLost(Path path) {
        return open().stream().anyMatch(log -> log.isLost(path));
    }

    /** Checkpoints the logs of the stores that have been idle since the last look. Called from one thread. */
    void look() {
        for (SqliteWal log : open()) {
            try {
                log.checkpointIfIdle();
            } catch (RuntimeException | Error e) {
                // The log stays as it is; the other stores and the next look go on.
            }
        }
    }

    /** Returns whether the thread or the hook exists. */
    boolean isRunning() {
        lock.lock();
        try {
            return thread != null || hook != null;
        } finally {
            lock.unlock();
        }
    }

    private List<SqliteWal> open() {
        lock.lock();
        try {
            return List.copyOf(open);
        } finally {
            lock.unlock();
        }
    }

    @GuardedBy("lock")
    private void start() {
        if (period != null) {
            ScheduledExecutorService looking =
                    Executors.newSingleThreadScheduledExecutor(work -> daemon("keystore-sqlite-log", work));
            Future<?> unused = looking.scheduleWithFixedDelay(
                    this::look, period.toNanos(), period.toNanos(), TimeUnit.NANOSECONDS);
            thread = looking;
            Thread atExit = new Thread(null, this::exit, "keystore-sqlite-exit", 0, false);
            try {
                Runtime.getRuntime().addShutdownHook(atExit);
                hook = atExit;
            } catch (IllegalStateException e) {
                exiting = true;
            }
        }
    }

    @GuardedBy("lock")
    private void stop() {
        if (thread != null) {
            thread.shutdown();
            thread = null;
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
        List<SqliteWal> all = openAtExit();
        all.forEach(SqliteWal::exit);
        Thread worker = daemon("keystore-sqlite-exit-log", () -> checkpointBefore(all, deadlineNanos));
        worker.start();
        try {
            worker.join(EXIT_TIMEOUT.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private List<SqliteWal> openAtExit() {
        lock.lock();
        try {
            exiting = true;
            return List.copyOf(open);
        } finally {
            lock.unlock();
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
