package dev.keystore.mapdb;

import dev.keystore.mapdb.Change.Clear;
import dev.keystore.mapdb.Change.Delete;
import dev.keystore.mapdb.Change.Put;
import java.util.Collection;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The net effect of changes: the last value of each entry that they change, sorted by key, and the contexts that they
 * clear of older entries.
 */
final class NetChanges implements Consumer<List<Change>> {

    private final NavigableMap<byte[], FileEntry> entries = new TreeMap<>(StoredKey.ORDER);
    private final Map<byte[], Set<String>> clears = new TreeMap<>(StoredKey.ORDER);

    /** Adds changes that follow those added so far. */
    @Override
    public void accept(List<Change> changes) {
        for (Change change : changes) {
            add(change);
        }
    }

    private void add(Change change) {
        if (change instanceof Put put) {
            entries.put(put.key(), new FileEntry(put.key(), put.value()));
        } else if (change instanceof Delete delete) {
            entries.put(delete.key(), new FileEntry(delete.key(), null));
        } else if (change instanceof Clear clear) {
            Iterator<byte[]> earlier =
                    StoredKey.range(entries, clear.context()).keySet().iterator();
            while (earlier.hasNext()) {
                if (!clear.keptTypes().contains(StoredKey.typeOf(earlier.next()))) {
                    earlier.remove();
                }
            }
            Set<String> kept = new HashSet<>(clear.keptTypes());
            kept.retainAll(clears.getOrDefault(clear.context(), kept));
            clears.put(clear.context(), kept);
        }
    }

    /** Returns the entries, sorted by key. */
    Collection<FileEntry> entries() {
        return entries.values();
    }

    /**
     * Returns an entry after the changes, without a value if it is deleted or cleared; or {@code null} if it is
     * unchanged.
     */
    @Nullable
    FileEntry find(byte[] key) {
        FileEntry entry = entries.get(key);
        return entry == null && clears(key) ? new FileEntry(key, null) : entry;
    }

    /** Returns whether the changes delete an older value of a key. */
    boolean clears(byte[] key) {
        if (clears.isEmpty()) {
            return false;
        }
        Set<String> keptTypes = clears.get(StoredKey.contextOf(key));
        return keptTypes != null && !keptTypes.contains(StoredKey.typeOf(key));
    }

    /**
     * Updates a set of keys to what it is after the changes.
     *
     * @param keys the sorted keys of a range before the changes
     * @param from the first possible key of the range, unless {@code after} is given
     * @param after the key before the range, or {@code null} if it begins at {@code from}
     * @param last the last key in the range, or {@code null} if it ends before {@code end}
     * @param end the first key after the range, or {@code null} if the range has no end
     */
    void changeKeys(
            NavigableSet<byte[]> keys,
            byte[] from,
            byte @Nullable [] after,
            byte @Nullable [] last,
            byte @Nullable [] end) {
        if (!clears.isEmpty()) {
            Iterator<byte[]> remaining = keys.iterator();
            while (remaining.hasNext()) {
                if (clears(remaining.next())) {
                    remaining.remove();
                }
            }
        }
        NavigableMap<byte[], FileEntry> inRange =
                after == null ? entries.tailMap(from, true) : entries.tailMap(after, false);
        if (last != null) {
            inRange = inRange.headMap(last, true);
        } else if (end != null) {
            inRange = inRange.headMap(end, false);
        }
        for (FileEntry entry : inRange.values()) {
            if (entry.value() == null) {
                keys.remove(entry.key());
            } else {
                keys.add(entry.key());
            }
        }
    }

    /** Drops the entries, and keeps only which contexts and types are cleared. */
    void dropEntries() {
        entries.clear();
    }
}
