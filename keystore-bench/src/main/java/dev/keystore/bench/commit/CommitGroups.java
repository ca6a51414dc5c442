package dev.keystore.bench.commit;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Combines the concurrent writes of several threads into groups.
 *
 * <p>A thread that arrives while no other one leads becomes the leader: it writes the queue as one group, up to
 * {@code limit} items, and then hands the lead off to the first thread that has arrived in the meantime.
 *
 * @param <T> the item that one thread writes
 */
final class CommitGroups<T> {

    private enum Wakeup {
        LEAD,
        DONE
    }

    private record Waiting<T>(T item, CompletableFuture<Wakeup> wakeup) {}

    /** Writes a group, durably. */
    interface GroupAction<T> {
        void write(List<T> group) throws Exception;
    }

    private final int limit;
    private final GroupAction<T> action;
    private final ReentrantLock lock = new ReentrantLock();

    @GuardedBy("lock")
    private final Deque<Waiting<T>> queue = new ArrayDeque<>();

    @GuardedBy("lock")
    private boolean hasLeader;

    CommitGroups(int limit, GroupAction<T> action) {
        this.limit = limit;
        this.action = action;
    }

    /** Writes an item, and returns when it is durable. */
    void write(T item) throws Exception {
        Waiting<T> own = new Waiting<>(item, new CompletableFuture<>());
        enqueue(own);
        try {
            if (own.wakeup.join() == Wakeup.LEAD) {
                lead();
            }
        } catch (CompletionException e) {
            throw new IllegalStateException("the leader failed to write the group", e.getCause());
        }
    }

    private void enqueue(Waiting<T> own) {
        lock.lock();
        try {
            queue.add(own);
            if (!hasLeader) {
                hasLeader = true;
                own.wakeup.complete(Wakeup.LEAD);
            }
        } finally {
            lock.unlock();
        }
    }

    private void lead() throws Exception {
        List<Waiting<T>> group = List.of();
        try {
            group = take();
            action.write(group.stream().map(Waiting::item).toList());
            group.forEach(one -> one.wakeup.complete(Wakeup.DONE));
        } catch (Exception | Error e) {
            group.forEach(one -> one.wakeup.completeExceptionally(e));
            throw e;
        } finally {
            handOff();
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

    private void handOff() {
        lock.lock();
        try {
            hasLeader = !queue.isEmpty();
            if (hasLeader) {
                queue.element().wakeup.complete(Wakeup.LEAD);
            }
        } finally {
            lock.unlock();
        }
    }
}
