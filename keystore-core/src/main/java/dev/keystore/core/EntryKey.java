package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.KeyType;

/**
 * The context, type and id of an entry.
 *
 * <p>The hash is computed each time, from parts that cache theirs; the cache stores it.
 */
final class EntryKey {

    final Context context;
    final KeyType<?> type;
    final String id;

    EntryKey(Context context, KeyType<?> type, String id) {
        this.context = context;
        this.type = type;
        this.id = id;
    }

    EntryId entryId() {
        return new EntryId(type.name(), id);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof EntryKey key && context == key.context && id.equals(key.id) && type.equals(key.type);
    }

    @Override
    public int hashCode() {
        return (context.nameHash() * 31 + type.hashCode()) * 31 + id.hashCode();
    }

    @Override
    public String toString() {
        return context.name() + ":" + type + "/" + id;
    }
}
