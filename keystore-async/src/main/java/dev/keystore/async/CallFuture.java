package dev.keystore.async;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.keystore.SignalKeyStore;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The future of one call, which runs it. Its lock makes sure that an interrupt reaches only this call, and not what the
 * thread does afterwards.
 */
final class CallFuture<R extends @Nullable Object> extends CompletableFuture<R> implements Runnable {

    private enum State {
        WAITING,
        WITHDRAWN,
        RUNNING,
        INTERRUPTED,
        ENDED
    }

    private final SignalKeyStore store;
    private final Object lock = new Object();

    @GuardedBy("lock")
    private State state = State.WAITING;

    /** Null once it was begun or withdrawn, so that a future that is kept does not hold what the call refers to. */
    @GuardedBy("lock")
    private @Nullable StoreCall<R> call;

    /** The thread that runs the call; null before and afterwards. */
    @GuardedBy("lock")
    private @Nullable Thread runner;

    CallFuture(SignalKeyStore store, StoreCall<R> call) {
        this.store = store;
        this.call = call;
    }

    @Override
    public void run() {
        StoreCall<R> begun = begin();
        if (begun == null) {
            return;
        }
        R result;
        try {
            result = begun.run(store);
        } catch (Throwable e) {
            end();
            completeExceptionally(e);
            return;
        }
        end();
        complete(result);
    }

    /** Returns the call, or null if it was withdrawn or has begun before. */
    private @Nullable StoreCall<R> begin() {
        synchronized (lock) {
            if (state != State.WAITING) {
                return null;
            }
            state = State.RUNNING;
            runner = Thread.currentThread();
            StoreCall<R> begun = call;
            call = null;
            return begun;
        }
    }

    /** From now on, the thread is not interrupted; if it was for this call, its flag is cleared. */
    private void end() {
        synchronized (lock) {
            if (state == State.INTERRUPTED) {
                Thread.interrupted();
            }
            state = State.ENDED;
            runner = null;
        }
    }

    /**
     * Withdraws a call that has not begun, and interrupts one that is running; the future then completes with what that
     * ends with.
     *
     * @return whether the call will never run, also if the future was completed otherwise before
     */
    @Override
    public boolean cancel(boolean mayInterruptIfRunning) {
        synchronized (lock) {
            if (state == State.RUNNING) {
                state = State.INTERRUPTED;
                Objects.requireNonNull(runner).interrupt();
            }
            if (state == State.WAITING) {
                state = State.WITHDRAWN;
                call = null;
            }
            if (state != State.WITHDRAWN) {
                return false;
            }
        }
        super.cancel(mayInterruptIfRunning); // no effect on a future that a timeout has completed
        return true;
    }
}
