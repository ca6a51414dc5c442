package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.KeyType;

/** Names one entry of one context: the key of the cache. */
final class EntryKey {

    final Context context;
    final KeyType<?> type;
    final String id;
    private final int hash;

    EntryKey(Context context, KeyType<?> type, String id) {
        this.context = context;
        this.type = type;
        this.id = id;
        this.hash = (context.hash * 31 + type.hashCode()) * 31 + id.hashCode();
    }

    EntryId entryId() {
        return new EntryId(type.name(), id);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof EntryKey key
                && hash == key.hash
                && context == key.context
                && type.equals(key.type)
                && id.equals(key.id);
    }

    @Override
    public int hashCode() {
        return hash;
    }

    @Override
    public String toString() {
        return context.name + ":" + type + "/" + id;
    }
}
