package dev.keystore.mapdb;

import dev.keystore.spi.BackendException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What is committed, for those who read.
 *
 * <p>Concurrency: readers share a lock, and a group takes it alone while it is applied, after it has been made durable. So
 * who has seen one entry of a group sees the others, and nobody sees one that may yet be lost. Nobody holds it while
 * waiting for an fsync.
 *
 * <p>Recovery: if MapDB fails, be it in a change or in a read, its file is not used any more: reads fail until
 * {@link #replace} brings another. No committed change depends on it.
 */
final class Entries {

    private final ReadWriteLock lock = new ReentrantReadWriteLock();
    private @Nullable WorkingMap map;
    private volatile @Nullable Throwable failure;

    Entries(WorkingMap map) {
        this.map = map;
    }

    /** Returns the values of keys, {@code null} for those without one. */
    List<byte @Nullable []> get(String doing, List<byte[]> keys) {
        return read(doing, current -> {
            List<byte @Nullable []> values = new ArrayList<>(keys.size());
            keys.forEach(key -> values.add(current.get(key)));
            return values;
        });
    }

    /** Returns the next keys that begin with a prefix; see {@link WorkingMap#page}. */
    List<byte[]> page(String doing, byte[] prefix, byte @Nullable [] after) {
        return read(doing, current -> current.page(prefix, after));
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
        WorkingMap current = usable("commit");
        try {
            current.reserve(changes);
        } catch (RuntimeException e) {
            fail(e);
            throw unusable("commit", e);
        }
    }

    /** Applies a group, which is durable. If that fails, the failure shows when the entries are used next. */
    void apply(List<Change> changes) {
        Lock alone = lock.writeLock();
        alone.lock();
        try {
            usable("commit").apply(changes);
        } catch (RuntimeException | Error e) {
            fail(e);
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

    /** Puts another map in the place of one that failed and was discarded. */
    void replace(WorkingMap replacement) {
        Lock alone = lock.writeLock();
        alone.lock();
        try {
            map = replacement;
            failure = null;
        } finally {
            alone.unlock();
        }
    }

    /** Ends the use of the map, and returns it. */
    WorkingMap release() {
        Lock alone = lock.writeLock();
        alone.lock();
        try {
            WorkingMap released = usable("close");
            map = null;
            return released;
        } finally {
            alone.unlock();
        }
    }

    /** Ends the use of the map, and deletes it. */
    void discard() {
        Lock alone = lock.writeLock();
        alone.lock();
        try {
            if (map != null) {
                map.discard();
                map = null;
            }
        } finally {
            alone.unlock();
        }
    }

    private void fail(Throwable e) {
        if (failure == null) {
            failure = e;
        }
    }

    private WorkingMap usable(String doing) {
        Throwable e = failure;
        if (e != null || map == null) {
            throw unusable(doing, e);
        }
        return map;
    }

    private static BackendException unusable(String doing, @Nullable Throwable e) {
        return BackendException.transientFailure(
                "could not " + doing + ": MapDB failed, and its file is made again from the journal: " + e, e);
    }
}
