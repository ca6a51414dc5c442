package dev.keystore.mapdb;

import dev.keystore.OperationInterruptedException;
import dev.keystore.mapdb.Change.Clear;
import dev.keystore.mapdb.Change.Delete;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.support.Await;
import dev.keystore.spi.support.TimedLock;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NavigableSet;
import java.util.TreeSet;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What is committed, for readers: MapDB's map, and over it the groups that are durable and not in the map yet.
 *
 * <p>Concurrency: one platform thread, the keeper, changes the map, makes room in its file, rebuilds it, and ends its use,
 * by calling {@link #keep} and {@link #release}. Committing threads add groups to the {@link Overlay}. Readers see of each
 * key the newest change in the overlay, and a group comes to that as a whole: so who has seen one entry of a group sees the
 * others, and nobody sees one that may yet be lost. A reader waits for nothing but the few changes that the keeper is
 * making just then, and never for a commit. Every wait has a deadline.
 *
 * <p>The keeper is woken when some groups wait; one of them may wait for a second. Many make the next commit wait.
 *
 * <p>Recovery: if MapDB fails, be it in a change or in a read, its file is not used any more: the keeper rebuilds it, and
 * reads and commits wait for that. No committed change depends on it.
 */
final class Entries {

    /** How much may wait before commits do: it is in memory, and searched by each load. */
    private static final long LARGEST_BACKLOG_BYTES = 4 << 20;

    private static final int LARGEST_BACKLOG_GROUPS = 16;

    /** How much is worth waking the keeper, which takes longer than to apply a small group. */
    private static final long BYTES_TO_WAKE = 1 << 16;

    private static final int GROUPS_TO_WAKE = 4;

    /** How much a reader waits for. */
    private static final int CHANGES_AT_ONCE = 16;

    private static final long BYTES_AT_ONCE = 1 << 14;

    private static final long PAUSE_NANOS = 1_000_000_000;

    private final Overlay overlay;
    private final Rebuilding rebuilding;
    private final Thread keeper;
    private final Duration timeout;
    private final Readers readers;
    private final TimedLock keeping;
    private volatile @Nullable WorkingMap map;
    private volatile @Nullable Throwable failure;
    private volatile boolean rebuildWanted;
    private volatile @Nullable Throwable rebuildFailure;
    private volatile long wantedBytes;
    private volatile @Nullable Throwable roomFailure;

    /**
     * Creates the entries of a map.
     *
     * @param last the number of the last record, whose changes are in the map, as those of all before it
     * @param keeper the thread that calls {@link #keep}
     * @param timeout how long a wait may take
     */
    Entries(WorkingMap map, long last, Rebuilding rebuilding, Thread keeper, Duration timeout) {
        this.map = map;
        this.overlay = new Overlay(last);
        this.rebuilding = rebuilding;
        this.keeper = keeper;
        this.timeout = timeout;
        this.readers = new Readers(timeout);
        this.keeping = new TimedLock("a test", timeout);
    }

    /** What makes a map from checkpoint and journals, of all records up to one. */
    interface Rebuilding {
        WorkingMap upTo(long last) throws IOException;
    }

    /**
     * Some keys, in their order.
     *
     * @param last the key after which the next page begins, or {@code null} if there is no next page
     */
    record Page(List<byte[]> keys, byte @Nullable [] last) {}

    /** Returns the values of keys, {@code null} for those without one. */
    List<byte @Nullable []> get(String doing, List<byte[]> keys) {
        return read(doing, current -> {
            List<LastChanges> newer = overlay.changes();
            List<byte @Nullable []> values = new ArrayList<>(keys.size());
            keys.forEach(key -> values.add(get(key, newer, current)));
            return values;
        });
    }

    private static byte @Nullable [] get(byte[] key, List<LastChanges> newer, WorkingMap current) {
        for (int i = newer.size() - 1; i >= 0; i--) {
            StoredEntry changed = newer.get(i).find(key);
            if (changed != null) {
                byte[] value = changed.value();
                return value == null ? null : value.clone();
            }
        }
        return current.get(key);
    }

    /**
     * Returns the next keys that begin with a prefix, as they are at one moment; there may be none although a page follows.
     *
     * @param after the key that they follow, or {@code null} for the first
     */
    Page page(String doing, byte[] prefix, byte @Nullable [] after) {
        return read(doing, current -> {
            List<byte[]> keys = current.page(prefix, after);
            byte[] last = keys.size() < WorkingMap.PAGE_SIZE ? null : keys.get(keys.size() - 1);
            List<LastChanges> newer = overlay.changes();
            if (newer.isEmpty()) {
                return new Page(keys, last);
            }
            NavigableSet<byte[]> changed = new TreeSet<>(Arrays::compareUnsigned);
            changed.addAll(keys);
            newer.forEach(changes -> changes.changeKeys(changed, prefix, after, last, EntryKey.end(prefix)));
            return new Page(List.copyOf(changed), last);
        });
    }

    private <T> T read(String doing, Function<WorkingMap, T> reading) {
        if (failure != null) {
            awaitRebuilt(doing);
        }
        return readers.read(doing, () -> {
            WorkingMap current = usable(doing);
            try {
                return reading.apply(current);
            } catch (RuntimeException | AssertionError | InternalError e) {
                fail(e);
                throw unusable(doing, e);
            }
        });
    }

    /**
     * Waits until there is room for a group in MapDB's file and in memory.
     *
     * @throws IOException if the disk is full
     * @throws BackendException if MapDB has failed and can't be rebuilt, or it took too long
     */
    void awaitRoom(long bytes) throws IOException {
        if (failure != null) {
            awaitRebuilt("commit");
        }
        if (hasRoom(bytes)) {
            return;
        }
        roomFailure = null;
        await("commit", "the commits before it to be applied to MapDB", () -> {
            if (hasRoom(bytes) || roomFailure != null) {
                return true;
            }
            usable("commit");
            if (wantedBytes < bytes) {
                wantedBytes = bytes;
            }
            LockSupport.unpark(keeper);
            return false;
        });
        Throwable e = roomFailure;
        if (e != null) {
            throw e instanceof IOException known ? known : new IOException(e);
        }
    }

    /** Tells whether a group can be added now. */
    boolean hasRoom(long bytes) {
        WorkingMap current = map;
        return current != null && failure == null && !isBacklogFull() && current.hasRoom(overlay.bytes() + bytes);
    }

    private boolean isBacklogFull() {
        return overlay.groups() >= LARGEST_BACKLOG_GROUPS || overlay.bytes() > LARGEST_BACKLOG_BYTES;
    }

    /** Prepares the next group, which is about to be made durable. Only the thread whose turn it is to commit does so. */
    Overlay.Group prepare(List<Change> changes) {
        return overlay.prepare(changes);
    }

    /** Adds the group that was prepared last, once it is durable: from now on it is read. */
    void add(Overlay.Group group) {
        overlay.add(group);
        if (overlay.groups() >= GROUPS_TO_WAKE || overlay.bytes() >= BYTES_TO_WAKE) {
            LockSupport.unpark(keeper);
        }
    }

    /** Returns the number of the last record that is read, which is the last that is committed. */
    long last() {
        return overlay.newest();
    }

    /** Returns how many groups wait to be applied to the map. */
    int waiting() {
        return overlay.groups();
    }

    /** Does what the keeper has to do now, and pauses for up to a second, or until there is more. */
    void keep() {
        keeping.hold("apply commits to MapDB", () -> {
            if (failure == null) {
                if (isBacklogFull()) {
                    applyAll();
                }
                makeRoom();
                applyAll();
            } else if (rebuildWanted) {
                rebuildWanted = false;
                rebuild();
            }
            return true;
        });
        LockSupport.parkNanos(this, PAUSE_NANOS);
    }

    private void makeRoom() {
        long wanted = wantedBytes;
        WorkingMap current = map;
        if (wanted > 0 && current != null) {
            wantedBytes = 0;
            try {
                makeRoom(current, wanted);
            } catch (IOException | RuntimeException | Error e) {
                roomFailure = e;
            }
        }
    }

    private void makeRoom(WorkingMap current, long wanted) throws IOException {
        try {
            current.makeRoom(overlay.bytes() + wanted);
        } catch (IOException e) {
            // What is applied needs no more room, and there may be some for the rest.
            applyAll();
            if (!current.hasRoom(overlay.bytes() + wanted)) {
                current.makeRoom(overlay.bytes() + wanted);
            }
        }
    }

    private void applyAll() {
        try {
            for (Overlay.Group next = overlay.oldest(); next != null; next = overlay.oldest()) {
                long number = next.number();
                apply(usable("commit"), next.changes());
                readers.exclude(() -> overlay.removeUpTo(number));
            }
        } catch (BackendException e) {
            throw e;
        } catch (Throwable e) {
            fail(e);
            throw e;
        }
    }

    /** Makes changes, a few at once: until all of their group are in the map, readers see it in the overlay. */
    private void apply(WorkingMap current, List<Change> changes) {
        for (int from = 0, to; from < changes.size(); from = to) {
            to = endOfFew(changes, from);
            List<Change> few = changes.subList(from, to);
            if (few.get(0) instanceof Clear clear) {
                clear(current, clear);
            } else {
                readers.exclude(() -> few.forEach(current::apply));
            }
        }
    }

    private static int endOfFew(List<Change> changes, int from) {
        int to = from + 1;
        long bytes = changes.get(from).bytes();
        while (to < changes.size()
                && to < from + CHANGES_AT_ONCE
                && bytes < BYTES_AT_ONCE
                && !(changes.get(to) instanceof Clear)
                && !(changes.get(from) instanceof Clear)) {
            bytes += changes.get(to).bytes();
            to++;
        }
        return to;
    }

    private void clear(WorkingMap current, Clear clear) {
        byte[] last = null;
        while (true) {
            List<byte[]> page = current.page(clear.context(), last);
            if (page.isEmpty()) {
                return;
            }
            apply(
                    current,
                    page.stream()
                            .filter(key -> !clear.keptTypes().contains(EntryKey.typeOf(key)))
                            .<Change>map(Delete::new)
                            .toList());
            last = page.get(page.size() - 1);
        }
    }

    private void rebuild() {
        try {
            long last = overlay.newest();
            discard();
            WorkingMap rebuilt = rebuilding.upTo(last);
            readers.exclude(() -> {
                overlay.removeUpTo(last);
                map = rebuilt;
                failure = null;
            });
        } catch (IOException | RuntimeException | Error e) {
            rebuildFailure = e;
        }
    }

    private void awaitRebuilt(String doing) {
        rebuildFailure = null;
        await(doing, "MapDB's file, which failed, to be rebuilt from the journal", () -> {
            if (failure == null || rebuildFailure != null) {
                return true;
            }
            rebuildWanted = true;
            LockSupport.unpark(keeper);
            return false;
        });
        Throwable e = rebuildFailure;
        if (failure != null && e != null) {
            String message =
                    "could not " + doing + ": MapDB failed, and its file could not be rebuilt: " + e.getMessage();
            throw e instanceof BackendException known && known.kind() == BackendException.Kind.TRANSIENT
                    ? BackendException.transientFailure(message, e)
                    : BackendException.permanent(message, e);
        }
    }

    private void await(String doing, String what, BooleanSupplier condition) {
        switch (Await.until(condition, timeout)) {
            case DONE -> {}
            case TIMED_OUT ->
                throw BackendException.transientFailure(
                        "could not " + doing + ": waited " + timeout.toMillis() + " ms for " + what, null);
            case INTERRUPTED -> throw new OperationInterruptedException(what + ", to " + doing);
        }
    }

    /** Returns the map that is in use. */
    @Nullable
    WorkingMap map() {
        return map;
    }

    /** Tells whether MapDB has failed, and its file must be rebuilt. */
    boolean isFailed() {
        return failure != null;
    }

    /**
     * Ends the use of the map, and returns it, with all that is committed; or if it failed discards it, and returns null.
     * Only the keeper does so, when nobody commits any more.
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
        readers.exclude(() -> map = null);
        return removed;
    }

    /** For tests: does work while the keeper changes nothing. */
    <T extends @Nullable Object> T whileNothingIsApplied(Supplier<T> work) {
        return keeping.hold("keep commits from being applied", work::get);
    }

    private void fail(Throwable e) {
        if (failure == null) {
            failure = e;
            rebuildWanted = true;
        }
    }

    private WorkingMap usable(String doing) {
        Throwable e = failure;
        WorkingMap usable = map;
        if (e != null) {
            throw unusable(doing, e);
        }
        if (usable == null) {
            throw new IllegalStateException("the backend is closed");
        }
        return usable;
    }

    private static BackendException unusable(String doing, Throwable e) {
        return BackendException.transientFailure(
                "could not " + doing + ": MapDB failed, and its file is rebuilt from the journal: " + e, e);
    }
}
