package dev.keystore.spi;

import dev.keystore.EntryId;

/**
 * A backend that reads all entries of a context as of one point in time, while commits continue.
 *
 * <p>A backup needs that (R80). From a backend without this capability, the engine reads a context repeatedly until two
 * consecutive readings are equal.
 */
public interface ContextSnapshots {

    /** Receives the entries of a snapshot. */
    @FunctionalInterface
    interface EntryConsumer {

        /**
         * Called with each entry, once, in any order.
         *
         * @param entry the type and the id of the entry
         * @param value the bytes, in an array that the consumer may keep and change
         */
        void accept(EntryId entry, byte[] value);
    }

    /**
     * Reads all entries of a context as of one point in time: of each commit, all mutations or none. That point is not
     * before this method was called. The consumer is not called for a context without entries.
     *
     * <p>The consumer is called before this method returns, on this thread or on another one, by one thread at a time.
     * Memory use is bounded, however many entries there are. No lock is held that a load, a commit or a takeover waits
     * for, of this process or of another one, however slow the consumer is. A connection may be in use meanwhile; the
     * consumer must not call this backend.
     *
     * @param context the name of the context
     * @param consumer called with each entry; what it throws ends the reading, and reaches the caller unchanged
     * @throws BackendException if the entries could not be read; the consumer may have been called with some of them
     */
    void readSnapshot(String context, EntryConsumer consumer);
}
