package dev.keystore;

import java.io.Serializable;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Identifies an entry within a context by its type and id.
 *
 * @param type the name of a {@link KeyType}
 * @param id the id within the type
 * @serial exclude
 */
@SuppressWarnings("InvalidBlockTag") // Error Prone does not know @serial; without it, javadoc reports missing comments
public record EntryId(String type, String id) implements Serializable {

    /**
     * Creates an identifier.
     *
     * @param type the name of a {@link KeyType}
     * @param id the id within the type
     */
    public EntryId {
        Objects.requireNonNull(type, "type");
        Objects.requireNonNull(id, "id");
    }

    // Written by hand: if a record's own method were linked without memory, it would fail each time after that.

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof EntryId entry && entry.id.equals(id) && entry.type.equals(type);
    }

    @Override
    public int hashCode() {
        return 31 * type.hashCode() + id.hashCode();
    }

    /** Returns {@code type/id}, for messages. */
    @Override
    public String toString() {
        return type + "/" + id;
    }
}
