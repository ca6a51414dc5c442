package dev.keystore.spi;

import java.util.Objects;
import java.util.Set;

/** A change of one entry, or the removal of a whole context. */
public sealed interface Mutation {

    /**
     * Saves an entry, over the one that may be there.
     *
     * @param value borrowed by the backend: copied if it is kept, never changed
     */
    record Put(String type, String id, byte[] value) implements Mutation {

        /** Refuses {@code null}. */
        public Put {
            Objects.requireNonNull(type, "type");
            Objects.requireNonNull(id, "id");
            Objects.requireNonNull(value, "value");
        }

        /** Shows the size of the value, and no byte of it. */
        @Override
        public String toString() {
            return "Put[" + type + "/" + id + ", " + value.length + " bytes]";
        }
    }

    /** Deletes an entry. One that does not exist is no error. */
    record Delete(String type, String id) implements Mutation {

        /** Refuses {@code null}. */
        public Delete {
            Objects.requireNonNull(type, "type");
            Objects.requireNonNull(id, "id");
        }
    }

    /**
     * Deletes every entry of the batch's context.
     *
     * @param keptTypes but for those of these types
     */
    record Clear(Set<String> keptTypes) implements Mutation {

        /** Takes a copy of {@code keptTypes}. */
        public Clear {
            Objects.requireNonNull(keptTypes, "keptTypes")
                    .forEach(type -> Objects.requireNonNull(type, "keptTypes must not hold null"));
            keptTypes = Set.copyOf(keptTypes);
        }
    }
}
