package dev.keystore;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Writes and deletes of many types and ids, to be committed as one by {@link KeyOperations#set(Updates)}.
 *
 * <p>The last change of an id counts. Not safe for use by several threads at once.
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

    /** Makes an empty set of updates. */
    public Updates() {}

    /** {@inheritDoc} The value is copied. */
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

    /** Returns how many entries are changed. */
    public int size() {
        return changes.size();
    }

    /** Makes each of the changes on {@code target}, in the order in which the ids were first named. */
    public void applyTo(KeyWriter target) {
        Objects.requireNonNull(target, "target");
        changes.forEach((entry, change) -> change.applyTo(target, entry.id()));
    }

    /** Returns how many entries are changed, and nothing of their values. */
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
