package dev.keystore.jdbc;

import org.jspecify.annotations.Nullable;

/** The key of a row of entries. */
record RowKey(String context, String type, String id) {

    /** Written by hand: if a record's own method were linked without memory, it would fail each time after that. */
    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof RowKey key && key.id.equals(id) && key.type.equals(type) && key.context.equals(context);
    }

    /**
     * Multiplies the parts by different numbers. With 31 for all of them, as in the hash codes of strings, numbers at
     * the ends of names and ids would cancel each other out: a group of many contexts would share few hash codes.
     */
    @Override
    public int hashCode() {
        return (context.hashCode() * 0x9E3779B1 + type.hashCode()) * 0x85EBCA6B + id.hashCode();
    }
}
