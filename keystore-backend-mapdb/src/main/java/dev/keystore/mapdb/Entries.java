package dev.keystore.mapdb;

import dev.keystore.spi.BackendException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What is committed, for those who read: a map, and the groups that are durable and not in the map yet.
 *
 * <p>Concurrency: a thread of its own applies the groups to the map, in their order, so that those who commit together
 * don't wait for that. Who commits does it instead where that takes less, or where too many groups wait; and who lists,
 * before that. Readers share {@code lock}, which each single change takes alone. Of each key they see the newest change of
 * any group that waits, and a group comes to those as a whole: so who has seen one entry of a group sees the others, and
 * nobody sees one that may yet be lost. Nobody holds a lock while waiting for an fsync. Lock order: {@code applying},
 * {@code lock}, the monitor of this.
 *
 * <p>Recovery: if MapDB fails, be it in a change or in a read, its file is not used any more: reads fail until
 * {@link #replace} brings another. No committed change depends on it.
 */
final class Entries {

    /** How much may wait before who commits applies it: it is in memory, and searched by each load. */
    private static final long LARGEST_BACKLOG_BYTES = 4 << 20;

    private static final int LARGEST_BACKLOG_GROUPS = 16;

    /** What takes less time to apply than to wake a thread for it. */
    private static final int FEW_CHANGES = 4;

    private final ReentrantLock applying = new ReentrantLock();
    private final ReadWriteLock lock = new ReentrantReadWriteLock();
    private final Thread applier = new Thread(this::applyEach, "keystore-mapdb-apply");
    private @Nullable WorkingMap map;
    private volatile @Nullable Throwable failure;
    private volatile boolean released;

    /** The groups that are not all in the map yet, the oldest first; replaced as a whole, under the monitor of this. */
    private volatile List<Group> waiting = List.of();

    Entries(WorkingMap map) {
        this.map = map;
        applier.setDaemon(true);
        applier.start();
    }

    /** A group that is durable. */
    private record Group(List<Change> changes, long bytes, LastChanges last) {

        /** Copies the values: they are the caller's again once its commit has returned. */
        static Group of(List<Change> changes) {
            List<Change> copies = changes.stream().map(Change::copy).toList();
            LastChanges last = new LastChanges();
            last.addAll(copies);
            return new Group(copies, Change.bytes(copies), last);
        }
    }

    /** Returns the values of keys, {@code null} for those without one. */
    List<byte @Nullable []> get(String doing, List<byte[]> keys) {
        return read(doing, current -> {
            List<Group> newer = waiting;
            List<byte @Nullable []> values = new ArrayList<>(keys.size());
            keys.forEach(key -> values.add(get(key, newer, current)));
            return values;
        });
    }

    private static byte @Nullable [] get(byte[] key, List<Group> newer, WorkingMap current) {
        for (int i = newer.size() - 1; i >= 0; i--) {
            StoredEntry changed = newer.get(i).last.find(key);
            if (changed != null) {
                byte[] value = changed.value();
                return value == null ? null : value.clone();
            }
        }
        return current.get(key);
    }

    /** Returns the next keys that begin with a prefix; see {@link WorkingMap#page}. */
    List<byte[]> page(String doing, byte[] prefix, byte @Nullable [] after) {
        applying.lock();
        try {
            applyWaiting();
            return read(doing, current -> current.page(prefix, after));
        } finally {
            applying.unlock();
        }
    }

    private <T> T read(String doing, Function<WorkingMap, T> reading) {
        Lock shared = lock.readLock();
        shared.lock();
        try {
            return reading.apply(usable(doing));
        } catch (BackendException e) {
            throw e;
        } catch (RuntimeException | AssertionError | InternalError e) {
            fail(e);
            throw unusable(doing, e);
        } finally {
            shared.unlock();
        }
    }

    /**
     * Makes room for a group before it is made durable.
     *
     * @throws IOException if the disk is full
     */
    void reserve(List<Change> changes) throws IOException {
        if (waiting() >= LARGEST_BACKLOG_GROUPS || waitingBytes() > LARGEST_BACKLOG_BYTES) {
            applyWaiting();
        }
        usable("commit").reserve(waitingBytes() + Change.bytes(changes));
    }

    private long waitingBytes() {
        long bytes = 0;
        for (Group group : waiting) {
            bytes += group.bytes;
        }
        return bytes;
    }

    /**
     * Adds a group, which is durable, and applies it if that takes little. If that fails, now or later, it shows when the
     * entries are used next.
     */
    void add(List<Change> changes) {
        try {
            addNewest(Group.of(changes));
            if (changes.size() <= FEW_CHANGES && waiting() == 1 && applying.tryLock()) {
                try {
                    applyWaiting();
                } finally {
                    applying.unlock();
                }
                return;
            }
        } catch (RuntimeException | Error e) {
            fail(e);
        }
        LockSupport.unpark(applier);
    }

    /** Returns how many groups wait. */
    int waiting() {
        return waiting.size();
    }

    private synchronized void addNewest(Group group) {
        List<Group> longer = new ArrayList<>(waiting);
        longer.add(group);
        waiting = longer;
    }

    private synchronized void removeOldest() {
        waiting = List.copyOf(waiting.subList(1, waiting.size()));
    }

    private void applyEach() {
        while (!released) {
            applyWaiting();
            if (waiting.isEmpty() || isFailed()) {
                LockSupport.park(this);
            }
        }
    }

    /** Applies what waits, if MapDB has not failed. */
    private void applyWaiting() {
        applying.lock();
        try {
            while (!waiting.isEmpty() && !isFailed()) {
                waiting.get(0).changes.forEach(this::apply);
                removeOldest();
            }
        } catch (RuntimeException | Error e) {
            fail(e);
        } finally {
            applying.unlock();
        }
    }

    private void apply(Change change) {
        Lock alone = lock.writeLock();
        alone.lock();
        try {
            usable("commit").apply(change);
        } finally {
            alone.unlock();
        }
    }

    /** Returns the map that is in use. */
    @Nullable
    WorkingMap map() {
        return map;
    }

    /** Tells whether MapDB has failed, and its file must be replaced. */
    boolean isFailed() {
        return failure != null;
    }

    /** Puts another map, which holds all that is committed, in the place of one that failed; what waits is forgotten. */
    void replace(WorkingMap replacement) {
        alone(() -> {
            waiting = List.of();
            map = replacement;
            failure = null;
            return replacement;
        });
    }

    /** Ends the use of the map, and returns it, with all that is committed; or if it failed discards it, and returns null. */
    @Nullable
    WorkingMap release() {
        applyWaiting();
        released = true;
        LockSupport.unpark(applier);
        if (isFailed()) {
            discard();
            return null;
        }
        return alone(this::removeMap);
    }

    /** Ends the use of the map, and deletes it. */
    void discard() {
        alone(() -> {
            WorkingMap removed = removeMap();
            if (removed != null) {
                removed.discard();
            }
            return removed;
        });
    }

    private @Nullable WorkingMap removeMap() {
        WorkingMap removed = map;
        map = null;
        return removed;
    }

    /** Does work while nothing is applied, and nobody else reads; the work itself may. */
    <T extends @Nullable Object> T alone(Supplier<T> work) {
        applying.lock();
        lock.writeLock().lock();
        try {
            return work.get();
        } finally {
            lock.writeLock().unlock();
            applying.unlock();
        }
    }

    private void fail(Throwable e) {
        if (failure == null) {
            failure = e;
        }
    }

    private WorkingMap usable(String doing) {
        Throwable e = failure;
        WorkingMap usable = map;
        if (e != null || usable == null) {
            throw unusable(doing, e);
        }
        return usable;
    }

    private static BackendException unusable(String doing, @Nullable Throwable e) {
        return BackendException.transientFailure(
                "could not " + doing + ": MapDB failed, and its file is made again from the journal: " + e, e);
    }
}
