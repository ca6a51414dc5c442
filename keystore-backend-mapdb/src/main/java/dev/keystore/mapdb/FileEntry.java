package dev.keystore.mapdb;

import org.jspecify.annotations.Nullable;

/**
 * A key and its value.
 *
 * @param value {@code null} if the entry was deleted
 */
record FileEntry(byte[] key, byte @Nullable [] value) {}
