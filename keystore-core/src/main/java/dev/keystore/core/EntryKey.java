package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.KeyType;

/**
 * Names one entry of one context: the key of the cache, whose nodes are keys themselves.
 *
 * <p>It keeps no hash of its own. The parts keep theirs, and a cache of many entries holds as many keys.
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

    /** As {@link #equals}, for one who knows it to be a key. */
    final boolean isSame(EntryKey key) {
        return context == key.context && id.equals(key.id) && type.equals(key.type);
    }

    @Override
    public final int hashCode() {
        return (context.hash * 31 + type.hashCode()) * 31 + id.hashCode();
    }

    @Override
    public String toString() {
        return context.name + ":" + type + "/" + id;
    }
}
