package dev.keystore.testkit;

import dev.keystore.ContextOwnedException;
import dev.keystore.ContextPosition;
import dev.keystore.EntryId;
import dev.keystore.OwnershipLostException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.BulkLoad;
import dev.keystore.spi.Compaction;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.ContextListing;
import dev.keystore.spi.ContextOwner;
import dev.keystore.spi.ContextOwnership;
import dev.keystore.spi.ContextPositions;
import dev.keystore.spi.ContextSnapshots;
import dev.keystore.spi.FsyncTiming;
import dev.keystore.spi.GroupCommit;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.PrefixScan;
import dev.keystore.spi.support.TimedLock;
import java.time.Duration;
import java.time.Instant;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.ConcurrentNavigableMap;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.LongConsumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A backend in memory with all capabilities of a backend: contexts, groups of batches, bulk loads, prefix scans,
 * ownership, a listing of contexts, their positions, snapshots, and compaction, which has nothing to do. It waits for
 * no disk, so each commit reports an fsync of 0 ns.
 *
 * <p>Its contents survive {@link #close}, like a file: {@link #reopen} opens them again. Several backends on the same
 * contents, all open, behave like several processes with one database.
 *
 * <p>A group is written under one lock, so a load sees all of it or nothing. A call that does not get the lock within
 * 30 s, or is interrupted while it waits, throws a transient {@link dev.keystore.spi.BackendException} and has no
 * effect. Iterating over a listing takes no lock. Closing waits for that lock as well. The epoch of a context that was
 * never taken over is 0, so writing does not require an owner. Safe for use by any number of threads. Once this backend
 * is closed, all methods except {@link #close} and {@link #reopen} throw {@link IllegalStateException}.
 */
public final class MemoryBackend
        implements ContextAwareBackend,
                GroupCommit,
                BulkLoad,
                PrefixScan,
                ContextOwnership,
                ContextListing,
                ContextPositions,
                ContextSnapshots,
                FsyncTiming,
                Compaction {

    /** The place that messages begin with. */
    private static final String PLACE = "memory";

    private static final String HOST = "localhost";

    private static final Duration LOCK_TIMEOUT = Duration.ofSeconds(30);

    private final Contents contents;
    private volatile LongConsumer fsyncTimes = nanos -> {};
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

    /**
     * Opens a backend on a copy of the contents, as if the files of a store were copied.
     *
     * @return the new backend; what is written to it or to this one later does not concern the other
     */
    public MemoryBackend copy() {
        return locked("copy", () -> new MemoryBackend(contents.copy()));
    }

    @Override
    public Optional<byte[]> load(String context, String type, String id) {
        return locked("load " + type + "/" + id, () -> contents.of(context).load(new EntryId(type, id)));
    }

    @Override
    public Map<String, byte[]> loadAll(String context, String type, Collection<String> ids) {
        return locked("load entries of type " + type, () -> {
            ContextContents entries = contents.of(context);
            Map<String, byte[]> found = new HashMap<>();
            ids.forEach(id -> entries.load(new EntryId(type, id)).ifPresent(value -> found.put(id, value)));
            return found;
        });
    }

    @Override
    public void save(String context, String type, String id, byte[] value) {
        locked("save " + type + "/" + id, () -> contents.of(context).apply(new Mutation.Put(type, id, value)));
    }

    @Override
    public void delete(String context, String type, String id) {
        locked("delete " + type + "/" + id, () -> contents.of(context).apply(new Mutation.Delete(type, id)));
    }

    @Override
    public void commit(List<Batch> group) {
        List<Batch> batches = List.copyOf(group);
        locked("commit", () -> {
            if (batches.stream().anyMatch(batch -> contents.of(batch.context()).isLast(batch))) {
                return;
            }
            batches.forEach(batch -> contents.of(batch.context()).checkEpoch(batch));
            batches.forEach(batch -> contents.of(batch.context()).write(batch));
        });
        fsyncTimes.accept(0);
    }

    @Override
    public long takeOver(String context) {
        return locked("take over context \"" + context + "\"", () -> contents.takeOver(context, this));
    }

    @Override
    public long takeOverUnlessOwned(String context) {
        return locked("take over context \"" + context + "\"", () -> {
            contents.of(context).checkOwner(context, this);
            return contents.takeOver(context, this);
        });
    }

    @Override
    public void takeOverAllUnlessOwned() {
        locked("take over all contexts", () -> contents.takeOverAllUnlessOwned(this));
    }

    @Override
    public void raiseEpochs(long floor) {
        locked("raise the epochs", () -> contents.forgottenEpoch = Math.max(contents.forgottenEpoch, floor));
    }

    @Override
    public OptionalLong lastCommit(String context, long epoch) {
        return locked(
                "read the last commit of context \"" + context + "\"",
                () -> contents.of(context).lastCommit(epoch));
    }

    @Override
    public Optional<ContextOwner> owner(String context) {
        return locked(
                "read the owner of context \"" + context + "\"",
                () -> contents.of(context).owner());
    }

    @Override
    public Optional<ContextPosition> position(String context) {
        return locked(
                "read the position of context \"" + context + "\"",
                () -> contents.of(context).position());
    }

    @Override
    public Optional<ContextPosition> highestForgotten() {
        return locked("read the highest position of forgotten contexts", contents::highestForgotten);
    }

    @Override
    public Stream<EntryId> list(String context) {
        return locked("list", () -> contents.of(context).list());
    }

    @Override
    public Stream<String> scan(String context, String type, String idPrefix) {
        return locked("list entries of type " + type, () -> contents.of(context).scan(type, idPrefix));
    }

    @Override
    public Stream<String> contexts() {
        return locked("list the contexts", contents::list);
    }

    @Override
    public void readSnapshot(String context, EntryConsumer consumer) {
        locked("read context \"" + context + "\"", () -> contents.of(context).entries())
                .forEach((entry, value) -> consumer.accept(entry, value.clone()));
    }

    @Override
    public void reportFsyncs(LongConsumer nanos) {
        fsyncTimes = Objects.requireNonNull(nanos, "nanos");
    }

    @Override
    public void compact() {
        locked("compact", () -> {}); // a replaced value is garbage at once
    }

    @Override
    public void close() {
        if (!closed) {
            contents.lock.<Boolean, RuntimeException>holdUninterruptibly("close", () -> {
                closed = true;
                contents.forgetEmptyContextsOf(this);
                return true;
            });
        }
    }

    private void locked(String operation, Runnable work) {
        locked(operation, () -> {
            work.run();
            return Boolean.TRUE;
        });
    }

    private <T> T locked(String operation, Supplier<T> work) {
        return contents.lock.hold(operation, () -> {
            if (closed) {
                throw new IllegalStateException(PLACE + ": could not " + operation + ": the backend is closed");
            }
            return work.get();
        });
    }

    private static final class Contents {

        private final TimedLock lock = new TimedLock(PLACE, "another thread's call", LOCK_TIMEOUT);
        private final ConcurrentMap<String, ContextContents> contexts = new ConcurrentHashMap<>();

        /** The highest epoch of a context that was forgotten; new contexts begin above it. */
        private long forgottenEpoch;

        ContextContents of(String context) {
            return contexts.computeIfAbsent(context, name -> new ContextContents());
        }

        Contents copy() {
            Contents copy = new Contents();
            copy.forgottenEpoch = forgottenEpoch;
            contexts.forEach((name, context) -> copy.contexts.put(name, context.copy()));
            return copy;
        }

        Optional<ContextPosition> highestForgotten() {
            return forgottenEpoch == 0
                    ? Optional.empty()
                    : Optional.of(new ContextPosition(forgottenEpoch, Long.MAX_VALUE));
        }

        Stream<String> list() {
            return contexts.entrySet().stream()
                    .filter(context -> !context.getValue().values.isEmpty())
                    .map(Map.Entry::getKey);
        }

        long takeOver(String context, MemoryBackend next) {
            return of(context).takeOver(next, forgottenEpoch);
        }

        void takeOverAllUnlessOwned(MemoryBackend next) {
            contexts.forEach((name, context) -> context.checkOwner(name, next));
            contexts.values().stream()
                    .filter(context -> context.owner != null && context.owner != next)
                    .forEach(context -> context.takeOver(next, forgottenEpoch));
        }

        void forgetEmptyContextsOf(MemoryBackend owner) {
            contexts.values().removeIf(context -> {
                boolean forgotten = context.owner == owner && context.values.isEmpty();
                forgottenEpoch = Math.max(forgottenEpoch, forgotten ? context.epoch : 0);
                return forgotten;
            });
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

        ContextContents copy() {
            ContextContents copy = new ContextContents();
            values.forEach((entry, value) -> copy.values.put(entry, value.clone()));
            copy.epoch = epoch;
            copy.lastCommit = lastCommit;
            copy.formerCommit = formerCommit;
            return copy;
        }

        Optional<byte[]> load(EntryId entry) {
            return Optional.ofNullable(values.get(entry)).map(byte[]::clone);
        }

        Stream<EntryId> list() {
            return values.keySet().stream();
        }

        /** Returns the entries as they are now. Values are replaced, but not changed. */
        Map<EntryId, byte[]> entries() {
            return new TreeMap<>(values);
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
            if (last.epoch > epochOfCommit || epoch == 0) {
                return OptionalLong.empty();
            }
            return OptionalLong.of(last.epoch == epochOfCommit ? last.sequence : 0);
        }

        Optional<ContextOwner> owner() {
            return Optional.ofNullable(owner)
                    .map(last -> new ContextOwner(
                            HOST, Long.toString(ProcessHandle.current().pid()), ownedSince, !last.closed, epoch));
        }

        Optional<ContextPosition> position() {
            return Optional.of(lastCommit)
                    .filter(last -> last.sequence > 0)
                    .map(last -> new ContextPosition(last.epoch, last.sequence));
        }

        void checkOwner(String context, MemoryBackend next) {
            if (owner != null && owner != next && !owner.closed) {
                String process = Long.toString(ProcessHandle.current().pid());
                throw new ContextOwnedException(context, HOST, process, ownedSince, true);
            }
        }

        long takeOver(MemoryBackend next, long forgottenEpoch) {
            if (epoch == 0) {
                epoch = forgottenEpoch;
                lastCommit = new CommitId(forgottenEpoch + 1, 0); // nothing is known of the epochs up to that one
            }
            owner = next;
            ownedSince = Instant.now();
            formerCommit = lastCommit;
            epoch++;
            return epoch;
        }
    }
}
