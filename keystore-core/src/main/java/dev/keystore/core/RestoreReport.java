package dev.keystore.core;

import java.util.Map;

/**
 * What a {@link StoreRestore} has restored, and what it has dropped.
 *
 * @param contexts the number of contexts that were restored
 * @param entries the number of entries in them
 * @param bytes the size of their values, in bytes
 * @param dropped the number of entries that were dropped, by type, in all contexts
 * @param changed the number of entries that were restored with another value, by type, such as counters of ids
 */
public record RestoreReport(
        long contexts, long entries, long bytes, Map<String, Long> dropped, Map<String, Long> changed) {

    /**
     * Creates a report. The maps are copied.
     *
     * @param contexts the number of contexts that were restored
     * @param entries the number of entries in them
     * @param bytes the size of their values, in bytes
     * @param dropped the number of entries that were dropped, by type
     * @param changed the number of entries that were restored with another value, by type
     */
    public RestoreReport {
        dropped = Map.copyOf(dropped);
        changed = Map.copyOf(changed);
    }

    /**
     * What a restore has done with one context.
     *
     * @param context the name of the context
     * @param entries the number of entries that were restored; 0 if all were dropped
     * @param dropped the number of entries that were dropped, by type
     * @param changed the number of entries that were restored with another value, by type
     */
    public record RestoredContext(String context, long entries, Map<String, Long> dropped, Map<String, Long> changed) {

        /**
         * Creates a result. The maps are copied.
         *
         * @param context the name of the context
         * @param entries the number of entries that were restored
         * @param dropped the number of entries that were dropped, by type
         * @param changed the number of entries that were restored with another value, by type
         */
        public RestoredContext {
            dropped = Map.copyOf(dropped);
            changed = Map.copyOf(changed);
        }
    }
}
