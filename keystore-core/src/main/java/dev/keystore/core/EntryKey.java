package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.KeyType;

/**
 * The context, type and id of an entry. The cache's nodes extend it, which saves an object per cached entry.
 *
 * <p>The hash is computed each time, from parts that cache theirs; the cache's nodes store it.
 */
class EntryKey {

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
    public final boolean equals(Object other) {
        return other instanceof EntryKey key && isSame(key);
    }

    /** Like {@link #equals}, without the type check. */
    final boolean isSame(EntryKey key) {
        return context == key.context && id.equals(key.id) && type.equals(key.type);
    }

    @Override
    public final int hashCode() {
        return (context.nameHash() * 31 + type.hashCode()) * 31 + id.hashCode();
    }

    @Override
    public String toString() {
        return context.name() + ":" + type + "/" + id;
    }
}
