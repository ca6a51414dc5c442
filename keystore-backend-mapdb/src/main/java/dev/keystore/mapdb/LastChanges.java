package dev.keystore.mapdb;

import dev.keystore.mapdb.Change.Clear;
import dev.keystore.mapdb.Change.Delete;
import dev.keystore.mapdb.Change.Put;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What changes add up to: of each entry that they change, the last value, sorted by key, and which contexts they clear of
 * what is older.
 */
final class LastChanges {

    private final NavigableMap<byte[], StoredEntry> entries = new TreeMap<>(Arrays::compareUnsigned);
    private final Map<byte[], Set<String>> clears = new TreeMap<>(Arrays::compareUnsigned);

    void addAll(List<Change> changes) {
        changes.forEach(this::add);
    }

    private void add(Change change) {
        if (change instanceof Put put) {
            entries.put(put.key(), new StoredEntry(put.key(), put.value()));
        } else if (change instanceof Delete delete) {
            entries.put(delete.key(), new StoredEntry(delete.key(), null));
        } else if (change instanceof Clear clear) {
            ofContext(clear.context())
                    .keySet()
                    .removeIf(key -> !clear.keptTypes().contains(EntryKey.typeOf(key)));
            clears.merge(clear.context(), clear.keptTypes(), LastChanges::inBoth);
        }
    }

    private Map<byte[], StoredEntry> ofContext(byte[] context) {
        byte[] end = EntryKey.end(context);
        return end == null ? entries.tailMap(context, true) : entries.subMap(context, true, end, false);
    }

    private static Set<String> inBoth(Set<String> kept, Set<String> keptLater) {
        Set<String> both = new HashSet<>(kept);
        both.retainAll(keptLater);
        return both;
    }

    /** Returns the entries, sorted by key. */
    Collection<StoredEntry> entries() {
        return entries.values();
    }

    /** Returns what is left of an entry: nothing if it is cleared; or null if it is as it was before the changes. */
    @Nullable
    StoredEntry find(byte[] key) {
        StoredEntry entry = entries.get(key);
        return entry == null && clears(key) ? new StoredEntry(key, null) : entry;
    }

    /** Tells whether the changes delete what is older under a key. */
    boolean clears(byte[] key) {
        if (clears.isEmpty()) {
            return false;
        }
        Set<String> keptTypes = clears.get(EntryKey.contextOf(key));
        return keptTypes != null && !keptTypes.contains(EntryKey.typeOf(key));
    }

    /** Forgets the entries, and knows no more than what is cleared. */
    void forgetEntries() {
        entries.clear();
    }
}
