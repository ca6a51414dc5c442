package dev.keystore.jdbc;

import dev.keystore.OwnershipLostException;
import dev.keystore.spi.Batch;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The contexts that could not be taken over when they were opened, because nothing could be written. They can be read.
 * Their first commit takes them over, unless another process has taken them over or written to them meanwhile.
 *
 * <p>Concurrency: any thread adds contexts; the committing thread takes them over.
 */
final class DeferredTakeovers {

    /** The epoch of such contexts in the engine. */
    static final long EPOCH = Long.MAX_VALUE;

    /**
     * A context that was opened.
     *
     * @param seen the context's row in the owner table at that time
     * @param epoch the epoch of the takeover, or 0 if there was none yet
     */
    private record Opened(List<Long> seen, long epoch) {}

    private final Map<String, Opened> contexts = new ConcurrentHashMap<>();

    /** Opens a context without taking it over, and returns its epoch for the engine. */
    long defer(String context, List<Long> seen) {
        contexts.put(context, new Opened(seen, 0));
        return EPOCH;
    }

    /** Returns the epoch in the owner table of a context whose epoch in the engine is {@code epoch}. */
    long epoch(String context, long epoch) {
        Opened opened = contexts.get(context);
        return epoch != EPOCH || opened == null ? epoch : opened.epoch;
    }

    /**
     * Takes over the contexts of a group that still need it, and returns the group with the epochs of the owner table.
     */
    List<Batch> takeOverDeferred(List<Batch> group, Takeover takeOver) {
        return group.stream().noneMatch(batch -> batch.epoch() == EPOCH)
                ? group
                : group.stream()
                        .map(batch -> takeOverIfDeferred(batch, takeOver))
                        .toList();
    }

    private Batch takeOverIfDeferred(Batch batch, Takeover takeOver) {
        if (batch.epoch() != EPOCH) {
            return batch;
        }
        Opened opened = contexts.get(batch.context());
        if (opened == null) {
            throw new OwnershipLostException(batch.context(), batch.epoch());
        }
        if (opened.epoch == 0) {
            long epoch = takeOver.ifUnchanged(batch.context(), opened.seen);
            opened = new Opened(opened.seen, epoch);
            contexts.put(batch.context(), opened);
        }
        return new Batch(batch.context(), opened.epoch, batch.sequence(), batch.mutations());
    }

    /** Takes a context over. */
    @FunctionalInterface
    interface Takeover {

        /**
         * Takes a context over, unless its row in the owner table has changed.
         *
         * @return the new epoch
         * @throws OwnershipLostException if the row has changed
         */
        long ifUnchanged(String context, List<Long> seen);
    }
}
