package dev.keystore.bench.commit;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Brings those together who want something written at once.
 *
 * <p>A thread that finds nobody writing leads: it writes what waits, up to {@code limit} of them, and passes the lead to
 * the first that came in the meantime.
 *
 * @param <T> what one of them wants written
 */
final class Groups<T> {

    private enum Turn {
        TO_LEAD,
        DONE
    }

    private record Waiting<T>(T wanted, CompletableFuture<Turn> turn) {}

    /** Writes a group, durably. */
    interface Writer<T> {
        void write(List<T> group) throws Exception;
    }

    private final int limit;
    private final Writer<T> writer;
    private final ReentrantLock lock = new ReentrantLock();
    private final Deque<Waiting<T>> queue = new ArrayDeque<>();
    private boolean led;

    Groups(int limit, Writer<T> writer) {
        this.limit = limit;
        this.writer = writer;
    }

    /** Returns when it is written. */
    void write(T wanted) throws Exception {
        Waiting<T> own = new Waiting<>(wanted, new CompletableFuture<>());
        enqueue(own);
        try {
            if (own.turn.join() == Turn.TO_LEAD) {
                lead();
            }
        } catch (CompletionException e) {
            throw new IllegalStateException("the leader could not write", e.getCause());
        }
    }

    private void enqueue(Waiting<T> own) {
        lock.lock();
        try {
            queue.add(own);
            if (!led) {
                led = true;
                own.turn.complete(Turn.TO_LEAD);
            }
        } finally {
            lock.unlock();
        }
    }

    private void lead() throws Exception {
        List<Waiting<T>> group = List.of();
        try {
            group = take();
            writer.write(group.stream().map(Waiting::wanted).toList());
            group.forEach(one -> one.turn.complete(Turn.DONE));
        } catch (Exception | Error e) {
            group.forEach(one -> one.turn.completeExceptionally(e));
            throw e;
        } finally {
            passOn();
        }
    }

    private List<Waiting<T>> take() {
        lock.lock();
        try {
            List<Waiting<T>> group = new ArrayList<>();
            while (!queue.isEmpty() && group.size() < limit) {
                group.add(queue.remove());
            }
            return group;
        } finally {
            lock.unlock();
        }
    }

    private void passOn() {
        lock.lock();
        try {
            led = !queue.isEmpty();
            if (led) {
                queue.element().turn.complete(Turn.TO_LEAD);
            }
        } finally {
            lock.unlock();
        }
    }
}
