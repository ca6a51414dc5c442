package dev.keystore;

/**
 * Accepts changes to single entries. A {@link SignalKeyStore} commits each of them immediately; a {@link Transaction}
 * and {@link Updates} collect them.
 */
public interface KeyWriter {

    /**
     * Writes an entry, replacing any existing one.
     *
     * <p>The value is copied before this method returns (R5).
     *
     * @param <V> the type of the value
     * @param type the type of the entry
     * @param id the id of the entry
     * @param value the value
     * @throws IllegalArgumentException if the id is blank, longer than 1,024 characters or not well-formed Unicode, or
     *     if the type's codec refuses the value; nothing was written
     */
    <V> void put(KeyType<V> type, String id, V value);

    /**
     * Deletes an entry. If it does not exist, nothing happens, and the backend is not called to delete it (R14).
     *
     * @param type the type of the entry
     * @param id the id of the entry
     * @throws IllegalArgumentException if the id is blank, longer than 1,024 characters or not well-formed Unicode;
     *     nothing was written
     */
    void delete(KeyType<?> type, String id);
}
