package dev.keystore.testkit;

import dev.keystore.EntryId;
import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.Batch;
import dev.keystore.spi.BulkLoad;
import dev.keystore.spi.Compaction;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.ContextListing;
import dev.keystore.spi.ContextOwner;
import dev.keystore.spi.ContextOwnership;
import dev.keystore.spi.ContextSnapshots;
import dev.keystore.spi.FsyncTiming;
import dev.keystore.spi.GroupCommit;
import dev.keystore.spi.PersistenceBackend;
import dev.keystore.spi.PrefixScan;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongConsumer;
import java.util.stream.Stream;

/** Correct backends with different capabilities, for tests that break one of their methods. */
class Delegating implements ContextAwareBackend {

    final MemoryBackend memory;

    Delegating() {
        this(new MemoryBackend());
    }

    Delegating(MemoryBackend memory) {
        this.memory = memory;
    }

    @Override
    public Optional<byte[]> load(String context, String type, String id) {
        return memory.load(context, type, id);
    }

    @Override
    public void save(String context, String type, String id, byte[] value) {
        memory.save(context, type, id, value);
    }

    @Override
    public void delete(String context, String type, String id) {
        memory.delete(context, type, id);
    }

    @Override
    public Stream<EntryId> list(String context) {
        return memory.list(context);
    }

    /** Keeps the entries, so that the same object can be opened again. */
    @Override
    public void close() {}

    static class ContextFree implements PersistenceBackend {

        boolean closed = true;
        private final MinimalBackend minimal = new MinimalBackend();

        void open() {
            if (!closed) {
                throw new IllegalStateException("already open");
            }
            closed = false;
        }

        @Override
        public Optional<byte[]> load(String type, String id) {
            return minimal.load(type, id);
        }

        @Override
        public void save(String type, String id, byte[] value) {
            minimal.save(type, id, value);
        }

        @Override
        public void delete(String type, String id) {
            minimal.delete(type, id);
        }

        @Override
        public Stream<EntryId> list() {
            return minimal.list();
        }

        @Override
        public void close() {
            closed = true;
        }
    }

    static class Atomic extends Delegating implements AtomicCommit {
        @Override
        public void commit(Batch batch) {
            memory.commit(batch);
        }
    }

    static class Grouping extends Delegating implements GroupCommit {

        Grouping() {}

        Grouping(MemoryBackend memory) {
            super(memory);
        }

        @Override
        public void commit(List<Batch> group) {
            memory.commit(group);
        }
    }

    static class Loading extends Delegating implements BulkLoad {
        @Override
        public Map<String, byte[]> loadAll(String context, String type, Collection<String> ids) {
            return memory.loadAll(context, type, ids);
        }
    }

    static class Scanning extends Delegating implements PrefixScan {
        @Override
        public Stream<String> scan(String context, String type, String idPrefix) {
            return memory.scan(context, type, idPrefix);
        }
    }

    static class Listing extends Delegating implements ContextListing {
        @Override
        public Stream<String> contexts() {
            return memory.contexts();
        }
    }

    static class Snapshotting extends Grouping implements ContextSnapshots {
        @Override
        public void readSnapshot(String context, EntryConsumer consumer) {
            memory.readSnapshot(context, consumer);
        }
    }

    static class Timed extends Grouping implements FsyncTiming {

        LongConsumer fsyncTimes = nanos -> {};

        @Override
        public void commit(List<Batch> group) {
            super.commit(group);
            fsyncTimes.accept(0);
        }

        @Override
        public void reportFsyncs(LongConsumer nanos) {
            fsyncTimes = nanos;
        }
    }

    /** Appends each value to a file, and rewrites the file when it is compacted. */
    static class Compacting extends Delegating implements Compaction {

        private final Set<String> contexts = ConcurrentHashMap.newKeySet();
        private Path file = Path.of("");

        void openIn(Path folder) {
            file = folder.resolve("values");
        }

        @Override
        public void save(String context, String type, String id, byte[] value) {
            super.save(context, type, id, value);
            contexts.add(context);
            write(value, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }

        @Override
        public void compact() {
            write(new byte[0], StandardOpenOption.CREATE, StandardOpenOption.TRUNCATE_EXISTING);
            for (String context : contexts) {
                memory.list(context)
                        .flatMap(entry -> memory.load(context, entry.type(), entry.id()).stream())
                        .forEach(value -> write(value, StandardOpenOption.APPEND));
            }
        }

        private void write(byte[] bytes, OpenOption... options) {
            try {
                Files.write(file, bytes, options);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    static class Owned extends Grouping implements ContextOwnership {

        Owned() {}

        Owned(MemoryBackend memory) {
            super(memory);
        }

        /**
         * Opens the same contents once more. This object is sufficient as long as no test asks which owner is alive.
         */
        Owned openedAgain() {
            return this;
        }

        @Override
        public long takeOver(String context) {
            return memory.takeOver(context);
        }

        @Override
        public long takeOverUnlessOwned(String context) {
            return memory.takeOverUnlessOwned(context);
        }

        @Override
        public void takeOverAllUnlessOwned() {
            memory.takeOverAllUnlessOwned();
        }

        @Override
        public OptionalLong lastCommit(String context, long epoch) {
            return memory.lastCommit(context, epoch);
        }

        @Override
        public Optional<ContextOwner> owner(String context) {
            return memory.owner(context);
        }
    }
}
