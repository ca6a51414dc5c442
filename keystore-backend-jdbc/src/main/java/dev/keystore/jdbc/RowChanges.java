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

    void put(String context, Mutation.Put put) {
        RowKey key = new RowKey(context, put.type(), put.id());
        deletes.remove(key);
        puts.put(key, put.value());
    }

    void delete(String context, Mutation.Delete delete) {
        RowKey key = new RowKey(context, delete.type(), delete.id());
        puts.remove(key);
        deletes.add(key);
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
