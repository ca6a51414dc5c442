package dev.keystore.core;

import java.util.List;
import java.util.Map;

/**
 * What a {@link StoreRestore} has restored, and what it has dropped.
 *
 * @param contexts the number of contexts that were restored
 * @param entries the number of entries in them
 * @param bytes the size of their values, in bytes
 * @param dropped the number of entries that were dropped, by type, in all contexts
 * @param changed the number of entries that were restored with another value, by type, such as counters of ids
 * @param leftOut the contexts of the backup that were not restored because of a move, if none were named
 */
public record RestoreReport(
        long contexts,
        long entries,
        long bytes,
        Map<String, Long> dropped,
        Map<String, Long> changed,
        List<LeftOutContext> leftOut) {

    /**
     * Creates a report. The collections are copied.
     *
     * @param contexts the number of contexts that were restored
     * @param entries the number of entries in them
     * @param bytes the size of their values, in bytes
     * @param dropped the number of entries that were dropped, by type
     * @param changed the number of entries that were restored with another value, by type
     * @param leftOut the contexts that were not restored because of a move
     */
    public RestoreReport {
        dropped = Map.copyOf(dropped);
        changed = Map.copyOf(changed);
        leftOut = List.copyOf(leftOut);
    }

    /**
     * A context of the backup that was not restored because of a {@link StoreMove}.
     *
     * @param context the name of the context
     * @param arriving whether it was being moved to the store that was backed up: if the source of that move is lost,
     *     only the backup holds its entries. False if it had been moved from the store to another one, which continues
     *     to use it
     * @param reason why it was not restored, and what to do
     */
    public record LeftOutContext(String context, boolean arriving, String reason) {}

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
