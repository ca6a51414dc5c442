package dev.keystore;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A collection of writes and deletes of entries of any types, which {@link KeyOperations#set(Updates)} commits
 * atomically.
 *
 * <p>If an id is changed several times, the last change counts. Not safe for use by multiple threads.
 *
 * <pre>{@code
 * Updates updates = new Updates();
 * updates.put(KeyTypes.SESSION, "bob.1", session);
 * updates.delete(KeyTypes.PRE_KEY, "17");
 * store.set(updates);
 * }</pre>
 */
public final class Updates implements KeyWriter {

    private final Map<EntryId, Change<?>> changes = new LinkedHashMap<>();

    /** Creates an empty collection of updates. */
    public Updates() {}

    @Override
    public <V> void put(KeyType<V> type, String id, V value) {
        EntryId entry = entry(type, id);
        Objects.requireNonNull(value, "value");
        changes.put(entry, new Change<>(type, type.codec().copy(value)));
    }

    @Override
    public void delete(KeyType<?> type, String id) {
        changes.put(entry(type, id), new Change<>(type, null));
    }

    private static EntryId entry(KeyType<?> type, String id) {
        return new EntryId(Objects.requireNonNull(type, "type").name(), id);
    }

    /**
     * Returns the number of entries that are changed.
     *
     * @return the number of entries
     */
    public int size() {
        return changes.size();
    }

    /**
     * Applies the changes to {@code target}, in the order in which the ids were first changed.
     *
     * @param target the writer that receives the changes
     */
    public void applyTo(KeyWriter target) {
        Objects.requireNonNull(target, "target");
        changes.forEach((entry, change) -> change.applyTo(target, entry.id()));
    }

    /** Returns the number of entries that are changed, but nothing of their values. */
    @Override
    public String toString() {
        return "Updates[" + changes.size() + " entries]";
    }

    private record Change<V>(KeyType<V> type, @Nullable V value) {

        void applyTo(KeyWriter target, String id) {
            if (value == null) {
                target.delete(type, id);
            } else {
                target.put(type, id, value);
            }
        }
    }
}
