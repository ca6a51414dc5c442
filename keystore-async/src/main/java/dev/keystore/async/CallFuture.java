package dev.keystore.async;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.keystore.SignalKeyStore;
import java.util.concurrent.CompletableFuture;

/**
 * The future of one call, which runs it. Its lock makes sure that an interrupt reaches only this call, and not what the
 * thread does afterwards.
 */
final class CallFuture<R> extends CompletableFuture<R> implements Runnable {

    private enum State {
        WAITING,
        WITHDRAWN,
        RUNNING,
        INTERRUPTED,
        ENDED
    }

    private final SignalKeyStore store;
    private final StoreCall<R> call;
    private final Object lock = new Object();

    @GuardedBy("lock")
    private State state = State.WAITING;

    @GuardedBy("lock")
    private Thread runner = Thread.currentThread();

    CallFuture(SignalKeyStore store, StoreCall<R> call) {
        this.store = store;
        this.call = call;
    }

    @Override
    public void run() {
        if (!begin()) {
            return;
        }
        R result;
        try {
            result = call.run(store);
        } catch (Throwable e) {
            end();
            completeExceptionally(e);
            return;
        }
        end();
        complete(result);
    }

    private boolean begin() {
        synchronized (lock) {
            if (state != State.WAITING) {
                return false;
            }
            state = State.RUNNING;
            runner = Thread.currentThread();
            return true;
        }
    }

    /** From now on, the thread is not interrupted; if it was for this call, its flag is cleared. */
    private void end() {
        synchronized (lock) {
            if (state == State.INTERRUPTED) {
                Thread.interrupted();
            }
            state = State.ENDED;
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
                runner.interrupt();
            }
            if (state == State.WAITING) {
                state = State.WITHDRAWN;
            }
            if (state != State.WITHDRAWN) {
                return false;
            }
        }
        super.cancel(mayInterruptIfRunning); // no effect on a future that a timeout has completed
        return true;
    }
}
