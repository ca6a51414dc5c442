package dev.keystore.spi;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Records the latest known positions of contexts outside of their stores, so that an old copy of a store is recognized
 * (R82). It must be kept where it is not put back together with the store: on another volume, or in another database,
 * and not in the same backup.
 *
 * <p>An anchor holds one record, of up to 300 bytes, for each context of each store, and one for each store. Keys and
 * records are opaque: keys are digests, and neither contains a name, a value or a key of the store. One anchor may
 * serve several stores and several processes at once.
 *
 * <p>Any number of threads may call it; the engine writes from one thread of each database. Every wait must have a
 * deadline (R27). The engine reports what an anchor throws and treats each {@link RuntimeException} alike, except that
 * it repeats a load that failed transiently while a context is opened. It closes the anchor with the database.
 */
public interface FreshnessAnchor extends AutoCloseable {

    /**
     * A record to be written on condition that the one before it has not been changed.
     *
     * @param key the key of the record: 64 hexadecimal digits
     * @param expected the record that it replaces; null if there must be none
     * @param next the record to write
     */
    record Replacement(String key, byte @Nullable [] expected, byte[] next) {

        /**
         * Creates a replacement. The arrays are not copied, and must not be changed.
         *
         * @param key the key of the record
         * @param expected the record that it replaces, or null
         * @param next the record to write
         */
        public Replacement(String key, byte @Nullable [] expected, byte[] next) {
            this.key = Objects.requireNonNull(key, "key");
            this.expected = expected;
            this.next = Objects.requireNonNull(next, "next");
        }

        /** Returns the key, but no byte of a record. */
        @Override
        public String toString() {
            return "Replacement[" + key + "]";
        }
    }

    /**
     * Returns records.
     *
     * @param keys their keys; perhaps none
     * @return the existing records, as last written, by key; the caller does not change the arrays
     * @throws BackendException if they could not be read; an anchor that is out of reach must never look like an empty
     *     one
     */
    Map<String, byte[]> load(Collection<String> keys);

    /**
     * Writes records, each on condition that the record that it replaces is unchanged. Each is written atomically;
     * returns when all of them are durable.
     *
     * @param replacements at least one, each with another key
     * @return the keys of the records that were not written because the records that they replace have been changed
     * @throws BackendException if it is unknown which of them were written
     */
    Set<String> replace(List<Replacement> replacements);

    /** Releases files and connections. A second call has no effect. */
    @Override
    void close();
}
