package dev.keystore.jdbc;

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
 * Moves the logs of all open stores of the process into their files: that of a store that is idle, with a thread, and all
 * of them when the process exits, with a shutdown hook.
 *
 * <p>The thread, a daemon, and the hook are there while a store is open: nothing keeps the class from being unloaded after
 * the last one is closed. A store counts as idle if there was no commit between two looks at it, which come every 3 s.
 *
 * <p>At exit, first all stores begin to move each commit into the file before it is acknowledged; then what was committed
 * before is moved. So a thread that commits on while the hooks run is not stopped, and what it gets acknowledged is in
 * the file. The hook waits up to 5 s for that.
 *
 * <p>Concurrency: {@link #lock} guards everything here, and is not held while a log is moved.
 */
final class SqliteLogMover {

    private static final Duration PERIOD = Duration.ofSeconds(3);
    private static final Duration EXIT_TIMEOUT = Duration.ofSeconds(5);

    /** That of all stores that are opened by URL. */
    static final SqliteLogMover PROCESS = new SqliteLogMover(PERIOD, System::nanoTime);

    private final @Nullable Duration period;
    private final LongSupplier ticker;
    private final ReentrantLock lock = new ReentrantLock();
    private final Set<SqliteLog> open = new LinkedHashSet<>();
    private @Nullable ScheduledExecutorService thread;
    private @Nullable Thread hook;
    private boolean exiting;

    /** Makes one that looks at its stores at a fixed rate, or, without a period, when {@link #look} is called. */
    SqliteLogMover(@Nullable Duration period, LongSupplier ticker) {
        this.period = period;
        this.ticker = ticker;
    }

    /** Returns what tells the time in nanoseconds. */
    LongSupplier ticker() {
        return ticker;
    }

    void add(SqliteLog log) {
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

    void remove(SqliteLog log) {
        lock.lock();
        try {
            if (open.remove(log) && open.isEmpty()) {
                stop();
            }
        } finally {
            lock.unlock();
        }
    }

    /** Returns whether an open store has been opened at a path that no longer leads to its files. */
    boolean hasLost(Path path) {
        return open().stream().anyMatch(log -> log.isLost(path));
    }

    /** Looks whether a store is idle, and moves its log then. Called from one thread. */
    void look() {
        for (SqliteLog log : open()) {
            try {
                log.moveIfIdle();
            } catch (RuntimeException | Error e) {
                // The log stays as it is. Neither the next look nor another store depends on this one.
            }
        }
    }

    /** Returns whether a thread and a hook of this are there. */
    boolean isRunning() {
        lock.lock();
        try {
            return thread != null || hook != null;
        } finally {
            lock.unlock();
        }
    }

    private List<SqliteLog> open() {
        lock.lock();
        try {
            return List.copyOf(open);
        } finally {
            lock.unlock();
        }
    }

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

    private void stop() {
        if (thread != null) {
            thread.shutdown();
            thread = null;
        }
        if (hook != null) {
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException e) {
                // It runs, or has run.
            }
            hook = null;
        }
    }

    /** Moves all logs, on a thread that the exit does not wait for beyond 5 s. */
    void exit() {
        long deadlineNanos = System.nanoTime() + EXIT_TIMEOUT.toNanos();
        List<SqliteLog> all = openAtExit();
        all.forEach(SqliteLog::exit);
        Thread worker = daemon("keystore-sqlite-exit-log", () -> moveBefore(all, deadlineNanos));
        worker.start();
        try {
            worker.join(EXIT_TIMEOUT.toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private List<SqliteLog> openAtExit() {
        lock.lock();
        try {
            exiting = true;
            return List.copyOf(open);
        } finally {
            lock.unlock();
        }
    }

    private static void moveBefore(List<SqliteLog> logs, long deadlineNanos) {
        try {
            for (SqliteLog log : logs) {
                log.moveBefore(deadlineNanos);
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
