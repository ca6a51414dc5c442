package dev.keystore;

import java.io.Serializable;
import java.util.Objects;

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

    /** Returns {@code type/id}, for messages. */
    @Override
    public String toString() {
        return type + "/" + id;
    }
}
