package dev.keystore.mapdb;

import dev.keystore.OperationInterruptedException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.support.Await;
import dev.keystore.spi.support.TimedLock;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.NavigableSet;
import java.util.TreeSet;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The committed entries, for readers: MapDB's map, and on top of it the groups that are durable but not yet applied to
 * it.
 *
 * <p>Concurrency: one platform thread, the maintenance thread, changes the map, reserves space in its file, rebuilds
 * it, and ends its use, by calling {@link #maintain} and {@link #release}. Committing threads add groups to the
 * {@link UnappliedGroups}. Readers see the newest change of each key there, and a group appears there as a whole: a
 * reader that has seen one entry of a group sees the others, and no reader sees an entry that may still be lost. A
 * reader waits only while a few changes are being applied, and never for a commit. Every wait has a deadline.
 *
 * <p>The maintenance thread is woken once several groups, or a large one, wait to be applied; a small group may wait
 * for up to a second. If too many are waiting, so does the next commit.
 *
 * <p>Recovery: if MapDB fails, in a change or in a read, its file is no longer used. The maintenance thread builds a
 * new one, and reads and commits wait for that. No committed change depends on the file. None of this evaluates a
 * lambda expression for the first time: if that ran out of memory, each later evaluation would fail, too (R31).
 */
final class Entries {

    /**
     * The maximum number of bytes that wait to be applied before commits wait. They are held in memory, and each load
     * searches them.
     */
    private static final long LARGEST_BACKLOG_BYTES = 4 << 20;

    private static final int LARGEST_BACKLOG_GROUPS = 16;

    /** From this size on, the maintenance thread is woken, which takes longer than applying a small group. */
    private static final long BYTES_TO_WAKE = 1 << 16;

    private static final int GROUPS_TO_WAKE = 4;

    private static final long PAUSE_NANOS = 1_000_000_000;

    private static final Supplier<String> COMMIT = () -> "commit";
    private static final Supplier<String> COMPACT = () -> "compact";

    private final String place;
    private final UnappliedGroups unapplied;
    private final Rebuilding rebuilding;
    private final Thread maintenance;
    private final Duration timeout;
    private final ReaderGate readers;
    private final GroupApplier applier;
    private final TimedLock.Work<Boolean, RuntimeException> pendingMaintenance = this::doPendingMaintenance;

    /** Held by the maintenance thread while it works, and by tests that stop it. */
    private final TimedLock maintenanceLock;

    private volatile @Nullable WorkingMap map;
    private volatile @Nullable Throwable failure;
    private volatile boolean rebuildWanted;
    private volatile @Nullable Throwable rebuildFailure;
    private volatile long wantedBytes;
    private volatile @Nullable Throwable reserveFailure;
    private volatile @Nullable Renewal renewal;

    /**
     * Creates an instance that serves the entries of a map.
     *
     * @param place the folder of the store, for messages
     * @param last the number of the last record whose changes are in the map
     * @param maintenance the thread that calls {@link #maintain}
     * @param timeout the maximum time of each wait
     */
    Entries(String place, WorkingMap map, long last, Rebuilding rebuilding, Thread maintenance, Duration timeout) {
        this.place = place;
        this.map = map;
        this.unapplied = new UnappliedGroups(last);
        this.rebuilding = rebuilding;
        this.maintenance = maintenance;
        this.timeout = timeout;
        this.readers = new ReaderGate(place, timeout);
        this.applier = new GroupApplier(readers);
        this.maintenanceLock = new TimedLock(place, "a test", timeout);
    }

    /** Builds a map from the checkpoint and the journals, with all records up to a given one. */
    interface Rebuilding {
        WorkingMap upTo(long last) throws IOException;
    }

    /**
     * A page of keys, in ascending order.
     *
     * @param last the key after which the next page begins, or {@code null} if there is no next page
     */
    record Page(List<byte[]> keys, byte @Nullable [] last) {}

    /** A requested replacement of MapDB's file by a new one, which has the current values only. */
    static final class Renewal {
        private volatile boolean ended;
        private volatile @Nullable Throwable failure;

        /** Returns whether the file was replaced, or that failed. */
        boolean hasEnded() {
            return ended;
        }

        /** Returns why the file was not replaced; {@code null} if it was. */
        @Nullable
        Throwable failure() {
            return failure;
        }

        private void end(@Nullable Throwable why) {
            failure = why;
            ended = true;
        }
    }

    /**
     * Returns the values of keys, with {@code null} for absent ones.
     *
     * @param operation returns what the reader does, for messages
     */
    List<byte @Nullable []> get(Supplier<String> operation, List<byte[]> keys) {
        return read(operation, current -> {
            List<NetChanges> newer = unapplied.netChanges();
            List<byte @Nullable []> values = new ArrayList<>(keys.size());
            for (byte[] key : keys) {
                values.add(get(key, newer, current));
            }
            return values;
        });
    }

    private static byte @Nullable [] get(byte[] key, List<NetChanges> newer, WorkingMap current) {
        for (int i = newer.size() - 1; i >= 0; i--) {
            FileEntry changed = newer.get(i).find(key);
            if (changed != null) {
                byte[] value = changed.value();
                return value == null ? null : value.clone();
            }
        }
        return current.get(key);
    }

    /**
     * Returns the next keys that begin with a prefix, as of one moment. A page may be empty although another one
     * follows.
     *
     * @param after the key that precedes the page, or {@code null} for the first page
     * @param size the maximum number of keys in MapDB's part of the page
     */
    Page page(Supplier<String> operation, byte[] prefix, byte @Nullable [] after, int size) {
        return read(operation, current -> {
            List<byte[]> keys = current.page(prefix, after, size);
            byte[] last = keys.size() < size ? null : keys.get(keys.size() - 1);
            List<NetChanges> newer = unapplied.netChanges();
            if (newer.isEmpty()) {
                return new Page(keys, last);
            }
            NavigableSet<byte[]> changed = new TreeSet<>(StoredKey.ORDER);
            changed.addAll(keys);
            for (NetChanges changes : newer) {
                changes.changeKeys(changed, prefix, after, last, StoredKey.end(prefix));
            }
            return new Page(List.copyOf(changed), last);
        });
    }

    private <T> T read(Supplier<String> operation, Function<WorkingMap, T> reading) {
        if (failure != null) {
            awaitRebuilt(operation);
        }
        return readers.read(operation, () -> {
            WorkingMap current = usable(operation);
            try {
                return reading.apply(current);
            } catch (RuntimeException | AssertionError | InternalError e) {
                fail(e);
                throw unusable(operation, e);
            }
        });
    }

    /**
     * Waits until there is capacity for a group in MapDB's file and in memory.
     *
     * @throws IOException if the disk is full
     * @throws BackendException if MapDB's file can't be rebuilt after a failure, or the wait took too long
     */
    void awaitCapacity(long bytes) throws IOException {
        if (failure != null) {
            awaitRebuilt(COMMIT);
        }
        if (hasCapacity(bytes)) {
            return;
        }
        reserveFailure = null;
        await(COMMIT, "the commits before it to be applied to MapDB", new BooleanSupplier() {
            @Override
            public boolean getAsBoolean() {
                if (hasCapacity(bytes) || reserveFailure != null) {
                    return true;
                }
                usable(COMMIT);
                if (wantedBytes < bytes) {
                    wantedBytes = bytes;
                }
                LockSupport.unpark(maintenance);
                return false;
            }
        });
        Throwable e = reserveFailure;
        if (e != null) {
            throw e instanceof IOException known ? known : new IOException(e);
        }
    }

    /** Returns whether a group can be added now. */
    boolean hasCapacity(long bytes) {
        WorkingMap current = map;
        return current != null && failure == null && !isBacklogFull() && current.hasReserved(unapplied.bytes() + bytes);
    }

    private boolean isBacklogFull() {
        return unapplied.groups() >= LARGEST_BACKLOG_GROUPS || unapplied.bytes() > LARGEST_BACKLOG_BYTES;
    }

    /**
     * Prepares the next group, which is about to be made durable. Only the thread that holds the writer's lock calls
     * this.
     */
    UnappliedGroups.Group prepare(List<Change> changes) {
        return unapplied.prepare(changes);
    }

    /** Adds the group that was prepared last, once it is durable: from then on, readers see it. */
    void add(UnappliedGroups.Group group) {
        unapplied.add(group);
        if (unapplied.groups() >= GROUPS_TO_WAKE || unapplied.bytes() >= BYTES_TO_WAKE) {
            LockSupport.unpark(maintenance);
        }
    }

    /** Returns the number of the last committed record. */
    long last() {
        return unapplied.newest();
    }

    /** Returns how many groups are not yet applied to the map. */
    int waiting() {
        return unapplied.groups();
    }

    /** Does the pending maintenance, then pauses until there is more, for up to a second. */
    void maintain() {
        maintenanceLock.hold("apply commits to MapDB", pendingMaintenance);
        LockSupport.parkNanos(this, PAUSE_NANOS);
    }

    private boolean doPendingMaintenance() {
        if (failure == null) {
            if (isBacklogFull()) {
                applyAll();
            }
            reserve();
            applyAll();
            renew();
        } else if (rebuildWanted || renewal != null) {
            rebuildWanted = false;
            rebuild();
            endRenewal(failure == null ? null : rebuildFailure);
        }
        return true;
    }

    /** Requests that MapDB's file is replaced, while reads continue; one request at a time. */
    Renewal requestRenewal() {
        Renewal requested = new Renewal();
        renewal = requested;
        LockSupport.unpark(maintenance);
        return requested;
    }

    private void renew() {
        if (renewal == null) {
            return;
        }
        Throwable failed = null;
        try {
            long last = unapplied.newest();
            WorkingMap former = usable(COMPACT);
            replace(former, rebuilding.upTo(last), last);
            former.discard();
            // The groups that were added meanwhile had space in the former file.
            usable(COMPACT).reserve(unapplied.bytes());
        } catch (IOException | RuntimeException | Error e) {
            failed = e;
        }
        endRenewal(failed);
    }

    private void replace(WorkingMap former, WorkingMap renewed, long last) {
        boolean replaced = false;
        try {
            replace(renewed, last);
            replaced = true;
        } finally {
            if (!replaced && map == former) {
                renewed.discard();
            }
        }
    }

    private void endRenewal(@Nullable Throwable why) {
        Renewal ending = renewal;
        renewal = null;
        if (ending != null) {
            ending.end(why);
        }
    }

    private void reserve() {
        long wanted = wantedBytes;
        WorkingMap current = map;
        if (wanted > 0 && current != null) {
            wantedBytes = 0;
            try {
                reserve(current, wanted);
            } catch (IOException | RuntimeException | Error e) {
                reserveFailure = e;
            }
        }
    }

    private void reserve(WorkingMap current, long wanted) throws IOException {
        try {
            current.reserve(unapplied.bytes() + wanted);
        } catch (IOException e) {
            // Applied groups need no more space, so there may be enough for the rest.
            applyAll();
            if (!current.hasReserved(unapplied.bytes() + wanted)) {
                current.reserve(unapplied.bytes() + wanted);
            }
        }
    }

    private void applyAll() {
        try {
            for (UnappliedGroups.Group next = unapplied.oldest(); next != null; next = unapplied.oldest()) {
                WorkingMap current = usable(COMMIT);
                applier.apply(current, next.changes());
                replace(current, next.number());
            }
        } catch (BackendException e) {
            throw e;
        } catch (Throwable e) {
            fail(e);
            throw e;
        }
    }

    private void rebuild() {
        try {
            long last = unapplied.newest();
            discard();
            WorkingMap rebuilt = rebuilding.upTo(last);
            replace(rebuilt, last);
            failure = null;
        } catch (IOException | RuntimeException | Error e) {
            rebuildFailure = e;
        }
    }

    private void awaitRebuilt(Supplier<String> operation) {
        rebuildFailure = null;
        await(operation, "MapDB's file to be rebuilt from the journal after a failure", new BooleanSupplier() {
            @Override
            public boolean getAsBoolean() {
                if (failure == null || rebuildFailure != null) {
                    return true;
                }
                rebuildWanted = true;
                LockSupport.unpark(maintenance);
                return false;
            }
        });
        Throwable e = rebuildFailure;
        if (failure != null && e != null) {
            String message = place + ": could not " + operation.get()
                    + ": MapDB failed, and its file could not be rebuilt: " + e;
            throw e instanceof BackendException known && known.kind() == BackendException.Kind.TRANSIENT
                    ? BackendException.transientFailure(message, e)
                    : BackendException.permanent(message, e);
        }
    }

    private void await(Supplier<String> operation, String what, BooleanSupplier condition) {
        Await.Outcome outcome = Await.until(condition, timeout);
        if (outcome == Await.Outcome.TIMED_OUT) {
            throw BackendException.transientFailure(
                    place + ": could not " + operation.get() + ": waited " + timeout.toMillis() + " ms for " + what,
                    null);
        }
        if (outcome == Await.Outcome.INTERRUPTED) {
            throw new OperationInterruptedException(place + " to " + operation.get() + ", which waits for " + what);
        }
    }

    /** Returns the map that is in use. */
    @Nullable
    WorkingMap map() {
        return map;
    }

    /**
     * Ends the use of the map. Only the maintenance thread calls this, after the last commit.
     *
     * @return the map with all committed entries, or {@code null} if MapDB has failed and its file was deleted
     */
    @Nullable
    WorkingMap release() {
        if (failure == null) {
            applyAll();
            return remove();
        }
        discard();
        return null;
    }

    private void discard() {
        WorkingMap removed = remove();
        if (removed != null) {
            removed.discard();
        }
    }

    private @Nullable WorkingMap remove() {
        WorkingMap removed = map;
        replace(null, 0);
        return removed;
    }

    /** Replaces the map by one that has all changes up to a record. */
    private void replace(@Nullable WorkingMap replacement, long last) {
        readers.exclude(new Runnable() {
            @Override
            public void run() {
                unapplied.removeUpTo(last);
                map = replacement;
            }
        });
    }

    /** For tests: runs work while the maintenance thread changes nothing. */
    <T extends @Nullable Object> T whileNothingIsApplied(Supplier<T> work) {
        return maintenanceLock.hold("keep commits from being applied", work::get);
    }

    private void fail(Throwable e) {
        if (failure == null) {
            failure = e;
            rebuildWanted = true;
        }
    }

    private WorkingMap usable(Supplier<String> operation) {
        Throwable e = failure;
        WorkingMap usable = map;
        if (e != null) {
            throw unusable(operation, e);
        }
        if (usable == null) {
            throw new IllegalStateException(place + ": could not " + operation.get() + ": the backend is closed");
        }
        return usable;
    }

    private BackendException unusable(Supplier<String> operation, Throwable e) {
        return BackendException.transientFailure(
                place + ": could not " + operation.get()
                        + ": MapDB failed, and its file is being rebuilt from the journal: " + e,
                e);
    }
}
