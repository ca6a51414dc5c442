package dev.keystore.spi;

import java.util.Objects;
import java.util.Set;

/** A change to one entry, or the removal of many entries of a context. */
public sealed interface Mutation {

    /**
     * Writes an entry, replacing any existing one.
     *
     * @param type the type of the entry
     * @param id the id of the entry
     * @param value the bytes; not copied, so a backend copies them if it keeps them and never changes them
     */
    record Put(String type, String id, byte[] value) implements Mutation {

        /**
         * Creates a mutation. The value is not copied.
         *
         * @param type the type of the entry
         * @param id the id of the entry
         * @param value the bytes
         */
        public Put {
            Objects.requireNonNull(type, "type");
            Objects.requireNonNull(id, "id");
            Objects.requireNonNull(value, "value");
        }

        /** Returns the type, the id and the size of the value, but no byte of it. */
        @Override
        public String toString() {
            return "Put[" + type + "/" + id + ", " + value.length + " bytes]";
        }
    }

    /**
     * Deletes an entry. Has no effect if the entry does not exist.
     *
     * @param type the type of the entry
     * @param id the id of the entry
     */
    record Delete(String type, String id) implements Mutation {

        /**
         * Creates a mutation.
         *
         * @param type the type of the entry
         * @param id the id of the entry
         */
        public Delete {
            Objects.requireNonNull(type, "type");
            Objects.requireNonNull(id, "id");
        }
    }

    /**
     * Deletes every entry of the batch's context except those of the given types.
     *
     * @param keptTypes the types whose entries are kept, possibly none; unmodifiable
     */
    record Clear(Set<String> keptTypes) implements Mutation {

        /**
         * Creates a mutation. The set is copied.
         *
         * @param keptTypes the types whose entries are kept
         */
        public Clear {
            for (String type : Objects.requireNonNull(keptTypes, "keptTypes")) {
                Objects.requireNonNull(type, "keptTypes must not contain null");
            }
            keptTypes = Set.copyOf(keptTypes);
        }
    }
}
