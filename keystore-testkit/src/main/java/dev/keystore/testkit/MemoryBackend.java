package dev.keystore.testkit;

import dev.keystore.ContextOwnedException;
import dev.keystore.EntryId;
import dev.keystore.OwnershipLostException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.BulkLoad;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.ContextOwnership;
import dev.keystore.spi.GroupCommit;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.PrefixScan;
import java.time.Instant;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.ConcurrentNavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A backend in memory that claims everything a backend can claim: many contexts, groups of batches, bulk loads, prefix
 * scans and ownership.
 *
 * <p>What it holds outlives {@link #close}, as a file would: {@link #reopen} opens it again. Several backends opened on
 * the same contents, all open at once, behave like several processes on one database.
 *
 * <p>A group is written under one lock, so a load sees all of it or nothing. Listings take no lock. A context that was
 * never taken over has the epoch 0, so an owner is not needed to write. Safe for use by any number of threads. Every
 * method but {@link #close} and {@link #reopen} throws {@link IllegalStateException} once this backend is closed.
 */
public final class MemoryBackend implements ContextAwareBackend, GroupCommit, BulkLoad, PrefixScan, ContextOwnership {

    private final Contents contents;
    private volatile boolean closed;

    /** Makes an empty backend. */
    public MemoryBackend() {
        this(new Contents());
    }

    private MemoryBackend(Contents contents) {
        this.contents = contents;
    }

    /** Opens another backend on the same contents, whether or not this one is closed. */
    public MemoryBackend reopen() {
        return new MemoryBackend(contents);
    }

    @Override
    public Optional<byte[]> load(String context, String type, String id) {
        return reading(() -> entries(context).load(new EntryId(type, id)));
    }

    @Override
    public Map<String, byte[]> loadAll(String context, String type, Collection<String> ids) {
        return reading(() -> {
            Entries entries = entries(context);
            Map<String, byte[]> found = new HashMap<>();
            ids.forEach(id -> entries.load(new EntryId(type, id)).ifPresent(value -> found.put(id, value)));
            return found;
        });
    }

    @Override
    public void save(String context, String type, String id, byte[] value) {
        writing(() -> entries(context).apply(new Mutation.Put(type, id, value)));
    }

    @Override
    public void delete(String context, String type, String id) {
        writing(() -> entries(context).apply(new Mutation.Delete(type, id)));
    }

    @Override
    public void commit(List<Batch> group) {
        List<Batch> batches = List.copyOf(group);
        writing(() -> {
            if (batches.stream().anyMatch(batch -> entries(batch.context()).wasLast(batch))) {
                return;
            }
            batches.forEach(batch -> entries(batch.context()).checkEpoch(batch));
            batches.forEach(batch -> {
                entries(batch.context()).lastCommit = new CommitId(batch.epoch(), batch.sequence());
                batch.mutations().forEach(entries(batch.context())::apply);
            });
        });
    }

    @Override
    public long takeOver(String context) {
        return takeOver(context, false);
    }

    @Override
    public long takeOverUnlessOwned(String context) {
        return takeOver(context, true);
    }

    @Override
    public OptionalLong lastCommit(String context, long epoch) {
        return reading(() -> entries(context).lastCommit(epoch));
    }

    private long takeOver(String context, boolean unlessOwned) {
        long[] epoch = new long[1];
        writing(() -> {
            Entries entries = entries(context);
            if (unlessOwned && entries.owner != null && entries.owner != this && !entries.owner.closed) {
                String process = Long.toString(ProcessHandle.current().pid());
                throw new ContextOwnedException(context, "localhost", process, entries.since, true);
            }
            entries.owner = this;
            entries.since = Instant.now();
            entries.formerCommit = entries.lastCommit;
            epoch[0] = ++entries.epoch;
        });
        return epoch[0];
    }

    @Override
    public Stream<EntryId> list(String context) {
        return reading(() -> entries(context).values.keySet().stream());
    }

    @Override
    public Stream<String> scan(String context, String type, String idPrefix) {
        return reading(() -> entries(context).values.tailMap(new EntryId(type, idPrefix), true).keySet().stream()
                .takeWhile(entry -> entry.type().equals(type) && entry.id().startsWith(idPrefix))
                .map(EntryId::id));
    }

    @Override
    public void close() {
        closed = true;
    }

    private Entries entries(String context) {
        return contents.contexts.computeIfAbsent(context, name -> new Entries());
    }

    private <T> T reading(Supplier<T> work) {
        contents.lock.readLock().lock();
        try {
            checkOpen();
            return work.get();
        } finally {
            contents.lock.readLock().unlock();
        }
    }

    private void writing(Runnable work) {
        contents.lock.writeLock().lock();
        try {
            checkOpen();
            work.run();
        } finally {
            contents.lock.writeLock().unlock();
        }
    }

    private void checkOpen() {
        if (closed) {
            throw new IllegalStateException("the backend is closed");
        }
    }

    private static final class Contents {

        private final ReadWriteLock lock = new ReentrantReadWriteLock();
        private final ConcurrentMap<String, Entries> contexts = new ConcurrentHashMap<>();
    }

    private record CommitId(long epoch, long sequence) {}

    private static final class Entries {

        private static final Comparator<EntryId> BY_TYPE_AND_ID =
                Comparator.comparing(EntryId::type).thenComparing(EntryId::id);

        private final ConcurrentNavigableMap<EntryId, byte[]> values = new ConcurrentSkipListMap<>(BY_TYPE_AND_ID);
        private long epoch;
        private CommitId lastCommit = new CommitId(0, 0);
        private CommitId formerCommit = lastCommit;
        private @Nullable MemoryBackend owner;
        private Instant since = Instant.EPOCH;

        Optional<byte[]> load(EntryId entry) {
            return Optional.ofNullable(values.get(entry)).map(byte[]::clone);
        }

        void apply(Mutation mutation) {
            if (mutation instanceof Mutation.Put put) {
                values.put(new EntryId(put.type(), put.id()), put.value().clone());
            } else if (mutation instanceof Mutation.Delete delete) {
                values.remove(new EntryId(delete.type(), delete.id()));
            } else if (mutation instanceof Mutation.Clear clear) {
                values.keySet().removeIf(entry -> !clear.keptTypes().contains(entry.type()));
            }
        }

        boolean wasLast(Batch batch) {
            return batch.epoch() != 0 && lastCommit(batch.epoch()).equals(OptionalLong.of(batch.sequence()));
        }

        OptionalLong lastCommit(long epoch) {
            CommitId last = lastCommit.epoch <= epoch ? lastCommit : formerCommit;
            if (last.epoch > epoch) {
                return OptionalLong.empty();
            }
            return OptionalLong.of(last.epoch == epoch ? last.sequence : 0);
        }

        void checkEpoch(Batch batch) {
            if (batch.epoch() != epoch) {
                throw new OwnershipLostException(batch.context(), batch.epoch());
            }
        }
    }
}
