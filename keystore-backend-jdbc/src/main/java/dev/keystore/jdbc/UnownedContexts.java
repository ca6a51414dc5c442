package dev.keystore.jdbc;

import dev.keystore.OwnershipLostException;
import dev.keystore.spi.Batch;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The contexts that were opened without being taken over, since a disk was full: they can be read, and are taken over with
 * their first commit, if nobody has written to them in between.
 *
 * <p>Concurrency: contexts are added by any thread, and taken over by the one that commits.
 */
final class UnownedContexts {

    /** The epoch that the engine knows such contexts by. */
    static final long EPOCH = Long.MAX_VALUE;

    /** What the owner's row held when a context was opened, and the epoch that this owner got since, or 0. */
    private record Opened(List<Long> seen, long epoch) {}

    private final Map<String, Opened> contexts = new ConcurrentHashMap<>();

    /** Returns the epoch of a context that is opened without being taken over. */
    long open(String context, List<Long> seen) {
        contexts.put(context, new Opened(seen, 0));
        return EPOCH;
    }

    /** Returns the epoch that a context's commits have in the table. */
    long epoch(String context, long epoch) {
        Opened opened = contexts.get(context);
        return epoch != EPOCH || opened == null ? epoch : opened.epoch;
    }

    /** Returns a group whose contexts are all taken over. */
    List<Batch> owned(List<Batch> group, TakeOver takeOver) {
        return group.stream().noneMatch(batch -> batch.epoch() == EPOCH)
                ? group
                : group.stream().map(batch -> owned(batch, takeOver)).toList();
    }

    private Batch owned(Batch batch, TakeOver takeOver) {
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
    interface TakeOver {

        /**
         * Takes it over, unless the row of its owner has changed.
         *
         * @return the new epoch
         * @throws OwnershipLostException if it has
         */
        long ifUnchanged(String context, List<Long> seen);
    }
}
