package dev.keystore;

/** Takes single changes: a store commits each at once, a {@link Transaction} and {@link Updates} gather them. */
public interface KeyWriter {

    /**
     * Writes an entry, over the one that may be there.
     *
     * <p>The value is encoded, and so copied, before this method returns (R5).
     *
     * @throws IllegalArgumentException if the id is blank, longer than 1,024 characters or not well-formed Unicode, or
     *     if the type's codec refuses the value
     */
    <V> void put(KeyType<V> type, String id, V value);

    /**
     * Deletes an entry. An id that does not exist is left alone: the backend is not called for it (R14).
     *
     * @throws IllegalArgumentException if the id is blank, longer than 1,024 characters or not well-formed Unicode
     */
    void delete(KeyType<?> type, String id);
}
