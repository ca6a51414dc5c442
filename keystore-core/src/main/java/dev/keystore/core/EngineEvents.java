package dev.keystore.core;

import dev.keystore.UnreadableEntryException;
import dev.keystore.spi.KeyStoreListener;
import dev.keystore.spi.KeyStoreListener.GroupResult;
import dev.keystore.spi.KeyStoreListener.WaitResult;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import jdk.jfr.Event;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reports what the engine does to the listeners of a database and to the flight recorder (R100).
 *
 * <p>Each {@code begin} method returns null, and allocates and measures nothing, if nobody listens. Reports come after
 * the fact. They throw nothing, unless the stack has no room for the call.
 *
 * <p>Concurrency: immutable, except for the marks of threads that are inside a listener.
 */
final class EngineEvents {

    private static final Logger LOG = LoggerFactory.getLogger(EngineEvents.class);

    // Asked whether the flight recorder records their kind; never committed.
    private static final Event LOAD = new FlightEvents.Load();
    private static final Event LOCK_WAIT = new FlightEvents.LockWait();
    private static final Event COMMIT = new FlightEvents.Commit();
    private static final Event GROUP_WRITE = new FlightEvents.GroupWrite();
    private static final Event TRANSACTION = new FlightEvents.Transaction(Set.of());

    /** What a thread that writes a group measures it with, if anybody listens. */
    private static final ThreadLocal<FlightEvents.@Nullable GroupWrite> WRITING = new ThreadLocal<>();

    private static final Consumer<KeyStoreListener> ON_CONFLICT = KeyStoreListener::onConflict;
    private static final Consumer<KeyStoreListener> ON_OWNERSHIP_LOST = KeyStoreListener::onOwnershipLost;
    private static final Consumer<KeyStoreListener> ON_CONTEXT_OPENED = KeyStoreListener::onContextOpened;

    private final KeyStoreListener[] listeners;
    private final boolean listening;

    /** Counts cached reads; null if nobody listens. */
    private final @Nullable LongAdder cachedReads;

    /** Whether a thread is inside a listener: one element, since setting it needs no call and allocates nothing. */
    private final ThreadLocal<boolean[]> reporting = ThreadLocal.withInitial(() -> new boolean[1]);

    private final AtomicBoolean failureLogged = new AtomicBoolean();

    EngineEvents(List<KeyStoreListener> listeners) {
        this.listeners = listeners.toArray(KeyStoreListener[]::new);
        this.listening = !listeners.isEmpty();
        this.cachedReads = listening ? new LongAdder() : null;
    }

    /** The database was opened. */
    void opened() {
        LongAdder counted = cachedReads;
        if (counted != null) {
            report(null, listener -> listener.onOpened(counted::sum));
        }
    }

    /** Returns what the cache counts its hits with, or null if nobody listens. */
    @Nullable
    LongAdder cachedReads() {
        return cachedReads;
    }

    /** Throws if this thread is inside a listener, which must not write: it may hold the lead of the pipeline. */
    void refuseWritesOfListeners() {
        if (listening && reporting.get()[0]) {
            throw new IllegalStateException("A listener of the database must not write to it: do so on another thread");
        }
    }

    FlightEvents.@Nullable Load beginLoad() {
        return listening || LOAD.isEnabled() ? new FlightEvents.Load() : null;
    }

    void end(FlightEvents.@Nullable Load load, int entries, WaitResult result) {
        if (load != null) {
            load.entries = entries;
            end(load, result);
        }
    }

    /** Reports an operation with its result. */
    <R extends Enum<R>> void end(FlightEvents.@Nullable MeasuredWithResult<R> operation, R result) {
        if (operation != null) {
            operation.setResult(result);
            report(operation);
        }
    }

    /** Returns the result of a load that threw {@code failure}. Reports an entry that the backend found damaged. */
    WaitResult failedLoad(RuntimeException failure) {
        if (failure instanceof UnreadableEntryException) {
            unreadable(1);
        }
        return BackendFailures.isInterruption(failure) ? WaitResult.INTERRUPTED : WaitResult.FAILURE;
    }

    FlightEvents.@Nullable LockWait beginLockWait() {
        return listening || LOCK_WAIT.isEnabled() ? new FlightEvents.LockWait() : null;
    }

    FlightEvents.@Nullable Commit beginCommit() {
        return listening || COMMIT.isEnabled() ? new FlightEvents.Commit() : null;
    }

    FlightEvents.@Nullable GroupWrite beginGroupWrite() {
        return measuresGroupWrites() ? new FlightEvents.GroupWrite() : null;
    }

    private boolean measuresGroupWrites() {
        return listening || GROUP_WRITE.isEnabled();
    }

    void end(FlightEvents.@Nullable GroupWrite write, int commits, WriteOutcome outcome) {
        if (write != null) {
            write.commits = commits;
            end(write, result(write, outcome));
        }
    }

    /** The backend has waited for the disk on this thread. */
    void fsync(long nanos) {
        FlightEvents.GroupWrite write = measuresGroupWrites() ? WRITING.get() : null;
        if (write != null) {
            write.addFsync(nanos);
        }
    }

    /** The fsyncs of this thread are part of the write of a group from now on, if that is measured. */
    void beginFsyncs(FlightEvents.@Nullable GroupWrite measured) {
        if (measured != null) {
            WRITING.set(measured);
        }
    }

    void endFsyncs(FlightEvents.@Nullable GroupWrite measured) {
        if (measured != null) {
            WRITING.remove();
        }
    }

    private static GroupResult result(FlightEvents.GroupWrite write, WriteOutcome outcome) {
        if (outcome instanceof WriteOutcome.Written) {
            return GroupResult.WRITTEN;
        }
        if (outcome instanceof WriteOutcome.Retry) {
            return write.retried ? GroupResult.RETRIED : GroupResult.GIVEN_UP;
        }
        return outcome instanceof WriteOutcome.Refused ? GroupResult.REFUSED : GroupResult.UNKNOWN;
    }

    FlightEvents.@Nullable Transaction beginTransaction(Set<String> lockKeys) {
        return listening || TRANSACTION.isEnabled() ? new FlightEvents.Transaction(lockKeys) : null;
    }

    void end(FlightEvents.@Nullable Transaction transaction, boolean succeeded) {
        if (transaction != null) {
            transaction.endPhase();
            transaction.succeeded = succeeded;
            report(transaction);
        }
    }

    void conflict() {
        report(new FlightEvents.Conflict(), ON_CONFLICT);
    }

    void ownershipLost() {
        report(new FlightEvents.OwnershipLost(), ON_OWNERSHIP_LOST);
    }

    void contextOpened() {
        report(null, ON_CONTEXT_OPENED);
    }

    void unreadable(int entries) {
        if (entries > 0) {
            report(null, new Consumer<>() {
                @Override
                public void accept(KeyStoreListener listener) {
                    listener.onUnreadable(entries);
                }
            });
        }
    }

    private void report(FlightEvents.Measured event) {
        report(event, event);
    }

    /** Reports, unless this thread is inside a listener: what that does is not reported. */
    private void report(@Nullable Event event, Consumer<KeyStoreListener> call) {
        try {
            if (event != null) {
                event.commit();
            }
            if (listening) {
                callListeners(call);
            }
        } catch (RuntimeException | Error e) {
            // Out of stack or memory. The report is lost; the reported operation is not affected.
        }
    }

    private void callListeners(Consumer<KeyStoreListener> call) {
        boolean[] inside = reporting.get();
        if (inside[0]) {
            return;
        }
        try {
            inside[0] = true;
            for (KeyStoreListener listener : listeners) {
                try {
                    call.accept(listener);
                } catch (Throwable e) {
                    logFirst(e);
                }
            }
        } finally {
            inside[0] = false; // not a call, which might fail if no stack is left (R31)
        }
    }

    private void logFirst(Throwable failure) {
        if (failureLogged.compareAndSet(false, true)) {
            LOG.warn("A listener of the database failed; further failures are not logged", failure);
        }
    }
}
