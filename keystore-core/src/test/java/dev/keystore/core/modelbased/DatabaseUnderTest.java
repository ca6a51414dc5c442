package dev.keystore.core.modelbased;

import dev.keystore.ContextPosition;
import dev.keystore.EntryId;
import dev.keystore.SignalKeyStore;
import dev.keystore.StoreOpenException;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoredValues;
import dev.keystore.core.modelbased.Model.Cell;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendException;
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
import dev.keystore.spi.PrefixScan;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.MemoryBackend;
import dev.keystore.testkit.MinimalBackend;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongConsumer;
import java.util.function.Supplier;
import java.util.stream.Stream;

/** A database whose backend can be inspected, and made to fail if it is one in memory. */
final class DatabaseUnderTest implements AutoCloseable {

    private static final int LOOKS = 10_000;

    private final Setup setup;
    private final Faults faults = new Faults();

    /** The number of failures that the backend has thrown. */
    private final AtomicInteger failures = new AtomicInteger();

    /** Numbers the values, so that each is unique. */
    private final AtomicLong values = new AtomicLong();

    private final MinimalBackend minimal = new MinimalBackend();
    private final OperationHistory history;
    private final RememberedValues encryption;

    /** Opens the real backend; null if it is one in memory. */
    private final Supplier<Backend> opening;

    private MemoryBackend memory = new MemoryBackend();
    private Backend real;
    private SignalKeyDatabase database;

    /** Opens an empty database; {@code history}, if not null, records what reaches the backend. */
    DatabaseUnderTest(Setup setup, OperationHistory history) {
        this(setup, history, null);
    }

    /** Opens an empty database on a real backend that {@code opening} opens, each time. */
    DatabaseUnderTest(Setup setup, OperationHistory history, Supplier<Backend> opening) {
        this.setup = setup;
        this.history = history;
        this.opening = opening;
        this.encryption = new RememberedValues(setup.hidesNames());
        open(setup.cacheBytes());
    }

    private void open(long cacheBytes) {
        SignalKeyDatabase.Builder builder = SignalKeyDatabase.builder();
        if (setup.encrypted()) {
            builder.encryption(encryption);
        }
        database = builder.backend(backend())
                .maximumCacheBytes(cacheBytes)
                .maximumGroupSize(setup.groupSize())
                .lockTimeout(Duration.ofMillis(200))
                .retry(3, Duration.ofNanos(1_000))
                .open();
    }

    private Backend backend() {
        Recorder recorder = new Recorder(memory, history, setup.delays(), encryption, stored());
        return switch (setup.kind()) {
            case COMPLETE -> FaultyBackend.complete(recorder, faults);
            case GROUPING -> FaultyBackend.grouping(recorder, faults);
            case ATOMIC -> FaultyBackend.atomic(recorder, faults);
            case PLAIN -> FaultyBackend.plain((ContextAwareBackend) recorder, faults);
            case MINIMAL -> FaultyBackend.plain(minimal, faults);
            case REAL -> openReal();
        };
    }

    private Backend openReal() {
        real = opening.get();
        if (history == null) {
            return real;
        }
        Class<?>[] capabilities = Stream.<Class<?>>iterate(real.getClass(), Objects::nonNull, Class::getSuperclass)
                .flatMap(type -> Arrays.stream(type.getInterfaces()))
                .filter(type -> type.getPackage().equals(Backend.class.getPackage()))
                .distinct()
                .toArray(Class<?>[]::new);
        Backend recorded = real;
        return (Backend) Proxy.newProxyInstance(
                Backend.class.getClassLoader(), capabilities, (proxy, method, arguments) -> {
                    try {
                        if (!method.getName().equals("commit")) {
                            return method.invoke(recorded, arguments);
                        }
                        List<Batch> group = batches(arguments[0]);
                        long reached = history.tick();
                        method.invoke(recorded, group);
                        group.forEach(batch -> history.reached(reached, encryption.trueNames(batch), encryption));
                        return null;
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    @SuppressWarnings("unchecked") // the parameter of GroupCommit.commit
    private static List<Batch> batches(Object group) {
        return List.copyOf((List<Batch>) group);
    }

    private StoredValues stored() {
        return setup.encrypted() ? encryption : StoredValues.PLAIN;
    }

    Setup setup() {
        return setup;
    }

    Faults faults() {
        return faults;
    }

    int failureCount() {
        return failures.get();
    }

    AtomicLong values() {
        return values;
    }

    /** Returns a store; opens it again if a planted failure, of which there are only so many, has prevented that. */
    SignalKeyStore store(String context) {
        while (true) {
            try {
                return database.forContext(context);
            } catch (StoreOpenException e) {
                if (failures.get() == 0) {
                    throw e;
                }
            }
        }
    }

    void cleanUp() {
        long cachedBytes = database.stats().cachedBytes();
        for (int looks = 1; cachedBytes > setup.cacheBytes() && looks < LOOKS; looks++) {
            cachedBytes = database.stats().cachedBytes(); // others may have filled it since it was trimmed
        }
        Model.check(cachedBytes <= setup.cacheBytes(), "the cache is over its bound: {}", cachedBytes);
    }

    void reopen(long cacheBytes) {
        close();
        memory = memory.reopen();
        open(cacheBytes);
    }

    RuntimeException failure(BackendException.Kind kind) {
        failures.incrementAndGet();
        return switch (kind) {
            case PERMANENT -> BackendException.permanent("planted failure", null);
            case TRANSIENT -> BackendException.transientFailure("planted failure", null);
            case OUTCOME_UNKNOWN -> BackendException.outcomeUnknown("planted failure", null);
        };
    }

    /** Returns what the backend holds, read without the engine. */
    Map<Cell, String> contents() {
        ContextAwareBackend raw = real == null ? memory.reopen() : (ContextAwareBackend) real;
        Map<Cell, String> contents = new HashMap<>();
        boolean one = setup.kind() == Setup.BackendKind.MINIMAL;
        for (String context : one ? setup.contexts() : contexts(raw)) {
            try (Stream<EntryId> entries = one ? minimal.list() : raw.list(context)) {
                entries.forEach(entry -> {
                    Optional<byte[]> bytes =
                            one ? minimal.load(entry.type(), entry.id()) : raw.load(context, entry.type(), entry.id());
                    Cell cell = new Cell(
                            encryption.trueName(context),
                            encryption.trueName(entry.type()),
                            encryption.trueName(entry.id()));
                    if (!cell.isReserved()) {
                        contents.put(cell, cell.decode(stored(), bytes.orElseThrow()));
                    }
                });
            }
        }
        return contents;
    }

    private static List<String> contexts(ContextAwareBackend raw) {
        try (Stream<String> contexts = ((ContextListing) raw).contexts()) {
            return contexts.toList();
        }
    }

    @Override
    public void close() {
        faults.heal();
        database.close();
    }

    /** Records what reaches the backend in a history, and sometimes pauses, so that threads meet. */
    private record Recorder(
            MemoryBackend memory, OperationHistory history, boolean delays, RememberedValues names, StoredValues values)
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

        @Override
        public void reportFsyncs(LongConsumer nanos) {
            memory.reportFsyncs(nanos);
        }

        @Override
        public void readSnapshot(String context, EntryConsumer consumer) {
            memory.readSnapshot(context, consumer);
        }

        private Cell cell(String context, String type, String id) {
            return new Cell(names.trueName(context), names.trueName(type), names.trueName(id));
        }

        private void pauseSometimes() {
            if (delays) {
                int chance = ThreadLocalRandom.current().nextInt(8);
                if (chance == 0) {
                    LockSupport.parkNanos(20_000);
                } else if (chance < 4) {
                    LockSupport.parkNanos(1);
                }
            }
        }

        @Override
        public void commit(List<Batch> group) {
            List<Batch> batches = List.copyOf(group);
            pauseSometimes();
            if (history == null) {
                memory.commit(batches);
            } else {
                long reached = history.tick();
                memory.commit(batches);
                batches.forEach(batch -> history.reached(reached, names.trueNames(batch), values));
            }
            pauseSometimes();
        }

        @Override
        public void save(String context, String type, String id, byte[] value) {
            Cell cell = cell(context, type, id);
            if (history != null && !cell.isReserved()) {
                history.touched(cell, cell.decode(values, value));
            }
            pauseSometimes();
            memory.save(context, type, id, value);
        }

        @Override
        public void delete(String context, String type, String id) {
            Cell cell = cell(context, type, id);
            if (history != null && !cell.isReserved()) {
                history.touched(cell, Model.ABSENT);
            }
            pauseSometimes();
            memory.delete(context, type, id);
        }

        @Override
        public Optional<byte[]> load(String context, String type, String id) {
            Optional<byte[]> loaded = memory.load(context, type, id);
            pauseSometimes();
            return loaded;
        }

        @Override
        public Map<String, byte[]> loadAll(String context, String type, Collection<String> ids) {
            Map<String, byte[]> loaded = memory.loadAll(context, type, ids);
            pauseSometimes();
            return loaded;
        }

        @Override
        public Stream<String> scan(String context, String type, String idPrefix) {
            return memory.scan(context, type, idPrefix);
        }

        @Override
        public Stream<EntryId> list(String context) {
            return memory.list(context);
        }

        @Override
        public Stream<String> contexts() {
            return memory.contexts();
        }

        @Override
        public void compact() {
            memory.compact();
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
        public Optional<ContextPosition> position(String context) {
            return memory.position(context);
        }

        @Override
        public Optional<ContextPosition> highestForgotten() {
            return memory.highestForgotten();
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

        @Override
        public void close() {
            memory.close();
        }
    }
}
