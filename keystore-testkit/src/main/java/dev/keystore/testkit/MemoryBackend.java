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
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A backend in memory with all capabilities of a backend: contexts, groups of batches, bulk loads, prefix scans and
 * ownership.
 *
 * <p>Its contents survive {@link #close}, like a file: {@link #reopen} opens them again. Several backends on the same
 * contents, all open, behave like several processes with one database.
 *
 * <p>A group is written under one lock, so a load sees all of it or nothing. Listings take no lock. The epoch of a
 * context that was never taken over is 0, so writing does not require an owner. Safe for use by any number of threads.
 * Once this backend is closed, all methods except {@link #close} and {@link #reopen} throw
 * {@link IllegalStateException}.
 */
public final class MemoryBackend implements ContextAwareBackend, GroupCommit, BulkLoad, PrefixScan, ContextOwnership {

    private final Contents contents;
    private volatile boolean closed;

    /** Creates an empty backend. */
    public MemoryBackend() {
        this(new Contents());
    }

    private MemoryBackend(Contents contents) {
        this.contents = contents;
    }

    /**
     * Opens another backend on the same contents, whether or not this one is closed.
     *
     * @return the new backend
     */
    public MemoryBackend reopen() {
        return new MemoryBackend(contents);
    }

    @Override
    public Optional<byte[]> load(String context, String type, String id) {
        return reading(() -> contents.of(context).load(new EntryId(type, id)));
    }

    @Override
    public Map<String, byte[]> loadAll(String context, String type, Collection<String> ids) {
        return reading(() -> {
            ContextContents entries = contents.of(context);
            Map<String, byte[]> found = new HashMap<>();
            ids.forEach(id -> entries.load(new EntryId(type, id)).ifPresent(value -> found.put(id, value)));
            return found;
        });
    }

    @Override
    public void save(String context, String type, String id, byte[] value) {
        writing(() -> contents.of(context).apply(new Mutation.Put(type, id, value)));
    }

    @Override
    public void delete(String context, String type, String id) {
        writing(() -> contents.of(context).apply(new Mutation.Delete(type, id)));
    }

    @Override
    public void commit(List<Batch> group) {
        List<Batch> batches = List.copyOf(group);
        writing(() -> {
            if (batches.stream().anyMatch(batch -> contents.of(batch.context()).isLast(batch))) {
                return;
            }
            batches.forEach(batch -> contents.of(batch.context()).checkEpoch(batch));
            batches.forEach(batch -> contents.of(batch.context()).write(batch));
        });
    }

    @Override
    public long takeOver(String context) {
        return writing(() -> contents.of(context).takeOver(this));
    }

    @Override
    public long takeOverUnlessOwned(String context) {
        return writing(() -> {
            contents.of(context).checkOwner(context, this);
            return contents.of(context).takeOver(this);
        });
    }

    @Override
    public OptionalLong lastCommit(String context, long epoch) {
        return reading(() -> contents.of(context).lastCommit(epoch));
    }

    @Override
    public Stream<EntryId> list(String context) {
        return reading(() -> contents.of(context).list());
    }

    @Override
    public Stream<String> scan(String context, String type, String idPrefix) {
        return reading(() -> contents.of(context).scan(type, idPrefix));
    }

    @Override
    public void close() {
        closed = true;
    }

    private <T> T reading(Supplier<T> operation) {
        return locked(contents.lock.readLock(), operation);
    }

    private <T> T writing(Supplier<T> operation) {
        return locked(contents.lock.writeLock(), operation);
    }

    private void writing(Runnable operation) {
        writing(() -> {
            operation.run();
            return Boolean.TRUE;
        });
    }

    private <T> T locked(Lock lock, Supplier<T> operation) {
        lock.lock();
        try {
            if (closed) {
                throw new IllegalStateException("the backend is closed");
            }
            return operation.get();
        } finally {
            lock.unlock();
        }
    }

    private static final class Contents {

        private final ReadWriteLock lock = new ReentrantReadWriteLock();
        private final ConcurrentMap<String, ContextContents> contexts = new ConcurrentHashMap<>();

        ContextContents of(String context) {
            return contexts.computeIfAbsent(context, name -> new ContextContents());
        }
    }

    private record CommitId(long epoch, long sequence) {}

    /** The entries and the owner of one context. Its callers hold the lock of the contents. */
    private static final class ContextContents {

        private static final Comparator<EntryId> BY_TYPE_AND_ID =
                Comparator.comparing(EntryId::type).thenComparing(EntryId::id);

        private final ConcurrentNavigableMap<EntryId, byte[]> values = new ConcurrentSkipListMap<>(BY_TYPE_AND_ID);
        private long epoch;
        private CommitId lastCommit = new CommitId(0, 0);
        private CommitId formerCommit = lastCommit;
        private @Nullable MemoryBackend owner;
        private Instant ownedSince = Instant.EPOCH;

        Optional<byte[]> load(EntryId entry) {
            return Optional.ofNullable(values.get(entry)).map(byte[]::clone);
        }

        Stream<EntryId> list() {
            return values.keySet().stream();
        }

        Stream<String> scan(String type, String idPrefix) {
            return values.tailMap(new EntryId(type, idPrefix), true).keySet().stream()
                    .takeWhile(entry -> entry.type().equals(type) && entry.id().startsWith(idPrefix))
                    .map(EntryId::id);
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

        void checkEpoch(Batch batch) {
            if (batch.epoch() != epoch) {
                throw new OwnershipLostException(batch.context(), batch.epoch());
            }
        }

        void write(Batch batch) {
            lastCommit = new CommitId(batch.epoch(), batch.sequence());
            batch.mutations().forEach(this::apply);
        }

        /** Returns whether a batch is the last commit of its epoch, so that it is written already. */
        boolean isLast(Batch batch) {
            return batch.epoch() != 0 && lastCommit(batch.epoch()).equals(OptionalLong.of(batch.sequence()));
        }

        OptionalLong lastCommit(long epochOfCommit) {
            CommitId last = lastCommit.epoch <= epochOfCommit ? lastCommit : formerCommit;
            if (last.epoch > epochOfCommit) {
                return OptionalLong.empty();
            }
            return OptionalLong.of(last.epoch == epochOfCommit ? last.sequence : 0);
        }

        void checkOwner(String context, MemoryBackend next) {
            if (owner != null && owner != next && !owner.closed) {
                String process = Long.toString(ProcessHandle.current().pid());
                throw new ContextOwnedException(context, "localhost", process, ownedSince, true);
            }
        }

        long takeOver(MemoryBackend next) {
            owner = next;
            ownedSince = Instant.now();
            formerCommit = lastCommit;
            epoch++;
            return epoch;
        }
    }
}
