package dev.keystore.mapdb;

import org.jspecify.annotations.Nullable;

/**
 * A key of a file of sorted entries, and its value.
 *
 * @param value {@code null} if the key's value in older files is deleted
 */
record StoredEntry(byte[] key, byte @Nullable [] value) {}
