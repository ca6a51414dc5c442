package dev.keystore;

import java.io.Serializable;
import java.util.Objects;

/**
 * The type and id of an entry, which together name it within a context.
 *
 * @param type the name of a {@link KeyType}
 * @param id the id within the type
 */
public record EntryId(String type, String id) implements Serializable {

    /** Refuses {@code null}. */
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
