package dev.keystore.core;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.spi.Backend;
import dev.keystore.spi.StoreSealing;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.MemoryBackend;
import dev.keystore.testkit.MinimalBackend;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;

/** A database on a backend in memory that can be made to fail, and whose contents can be inspected. */
final class Fixture implements AutoCloseable {

    /** The capabilities of the backend, which decide how the engine writes to it. */
    enum Kind {
        /** All. */
        COMPLETE,
        /** Group commits only. */
        GROUPING,
        /** Atomic commits of one batch only. */
        ATOMIC,
        /** Contexts only. */
        PLAIN,
        /** None: one context, load, save, delete, list and close. */
        MINIMAL
    }

    final Faults faults = new Faults();
    final SignalKeyDatabase database;

    /** The store of the context that most tests use. */
    final SignalKeyStore alice;

    private final Kind kind;
    private final MemoryBackend memory;
    private final MinimalBackend minimal;

    private Fixture(
            Kind kind, MemoryBackend memory, MinimalBackend minimal, UnaryOperator<SignalKeyDatabase.Builder> options) {
        this.kind = kind;
        this.memory = memory;
        this.minimal = minimal;
        this.database =
                options.apply(SignalKeyDatabase.builder().backend(backend())).open();
        this.alice = database.forContext(context());
        faults.forgetCalls();
    }

    static Fixture of(Kind kind) {
        return of(kind, UnaryOperator.identity());
    }

    static Fixture of(Kind kind, UnaryOperator<SignalKeyDatabase.Builder> options) {
        return new Fixture(kind, new MemoryBackend(), new MinimalBackend(), options);
    }

    private Backend backend() {
        return switch (kind) {
            case COMPLETE -> FaultyBackend.complete(memory, faults);
            case GROUPING -> FaultyBackend.grouping(memory, faults);
            case ATOMIC -> FaultyBackend.atomic(memory, faults);
            case PLAIN -> FaultyBackend.plain(memory, faults);
            case MINIMAL -> FaultyBackend.plain(minimal, faults);
        };
    }

    /** Opens the same contents again, with an empty cache and no failures planned. */
    Fixture reopen() {
        return reopen(UnaryOperator.identity());
    }

    Fixture reopen(UnaryOperator<SignalKeyDatabase.Builder> options) {
        return new Fixture(kind, memory.reopen(), minimal, options);
    }

    /** The name of {@link #alice}'s context. */
    String context() {
        return kind == Kind.MINIMAL ? SignalKeyDatabase.DEFAULT_CONTEXT : "alice";
    }

    /** Returns what the backend holds of an entry of {@link #alice}. */
    Optional<byte[]> stored(KeyType<?> type, String id) {
        return stored(type.name(), id);
    }

    /** Returns the data keys that the backend holds of {@link #alice}'s context, if the store is encrypted. */
    Optional<byte[]> storedKeys() {
        return stored(StoreSealing.KEYS.type(), StoreSealing.KEYS.id());
    }

    private Optional<byte[]> stored(String type, String id) {
        return kind == Kind.MINIMAL ? minimal.load(type, id) : memory.reopen().load(context(), type, id);
    }

    /** Writes bytes directly into the backend, without the engine. */
    void plant(String type, String id, byte[] bytes) {
        if (kind == Kind.MINIMAL) {
            minimal.save(type, id, bytes);
        } else {
            memory.reopen().save(context(), type, id, bytes);
        }
    }

    void put(String id, String value) {
        alice.put(KeyTypes.SESSION, id, bytes(value));
    }

    String find(String id) {
        return text(alice.find(KeyTypes.SESSION, id));
    }

    /** Checks that the cache does not exceed its bound. */
    void evict() {
        if (database.stats().cachedBytes() > database.options().maximumCacheBytes()) {
            throw new AssertionError("the cache is over its bound");
        }
    }

    /** Waits, with a deadline, until the backend was called for this many commits. */
    void awaitCommits(int count) {
        long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(Threads.DEADLINE_SECONDS);
        while (faults.count(Operation.COMMIT) < count) {
            if (System.nanoTime() > deadlineNanos) {
                throw new AssertionError("no " + count + " commits in time");
            }
            Thread.onSpinWait();
        }
    }

    static byte[] bytes(String text) {
        return text.getBytes(UTF_8);
    }

    /** Returns the text of bytes, or {@code "absent"}. */
    static String text(Optional<byte[]> bytes) {
        return bytes.map(present -> new String(present, UTF_8)).orElse("absent");
    }

    @Override
    public void close() {
        faults.heal();
        database.close();
    }
}
