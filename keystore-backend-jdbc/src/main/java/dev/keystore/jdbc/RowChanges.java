package dev.keystore.jdbc;

import dev.keystore.spi.Mutation;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/** The changes of some rows: for each row, its last mutation. */
final class RowChanges {

    private final Map<RowKey, byte[]> puts = new LinkedHashMap<>();
    private final Set<RowKey> deletes = new LinkedHashSet<>();

    /** Adds the change of a row. Returns false for a clear, which changes rows that it does not name. */
    boolean add(String context, Mutation mutation) {
        if (mutation instanceof Mutation.Put put) {
            RowKey key = new RowKey(context, put.type(), put.id());
            deletes.remove(key);
            puts.put(key, put.value());
            return true;
        }
        if (mutation instanceof Mutation.Delete delete) {
            RowKey key = new RowKey(context, delete.type(), delete.id());
            puts.remove(key);
            deletes.add(key);
            return true;
        }
        return false;
    }

    Map<RowKey, byte[]> puts() {
        return puts;
    }

    Set<RowKey> deletes() {
        return deletes;
    }

    void clear() {
        puts.clear();
        deletes.clear();
    }
}
