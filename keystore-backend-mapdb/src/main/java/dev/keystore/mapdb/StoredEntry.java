package dev.keystore.mapdb;

import org.jspecify.annotations.Nullable;

/**
 * What a file of sorted entries holds under a key.
 *
 * @param value {@code null} if older files' values of the key are deleted
 */
record StoredEntry(byte[] key, byte @Nullable [] value) {}
