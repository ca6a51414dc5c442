package dev.keystore.testkit;

import dev.keystore.ContextPosition;
import dev.keystore.EntryId;
import dev.keystore.spi.AtomicCommit;
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
import dev.keystore.spi.PersistenceBackend;
import dev.keystore.spi.PrefixScan;
import dev.keystore.testkit.Call.Operation;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.Function;
import java.util.function.LongConsumer;
import java.util.stream.Stream;

/**
 * Backends that delegate to another backend, inject the failures and delays that a {@link Faults} specifies, and record
 * calls.
 *
 * <p>A backend declares its capabilities by implementing interfaces, so there is a variant for each way in which the
 * engine writes:
 *
 * <table>
 *   <caption>Variants</caption>
 *   <tr><th>created by</th><th>implements</th><th>a commit of the engine is</th></tr>
 *   <tr><td>{@code plain}</td><td>no capability</td><td>several saves and deletes, rolled back by the engine</td></tr>
 *   <tr><td>{@code atomic}</td><td>{@link AtomicCommit}</td><td>one call for each batch</td></tr>
 *   <tr><td>{@code grouping}</td><td>{@link GroupCommit}</td><td>one call for each group of batches</td></tr>
 *   <tr><td>{@code complete}</td><td>all capabilities</td><td>one call for each group, fenced by epochs</td></tr>
 * </table>
 *
 * <p>The variants add no locks: thread safety, atomicity and durability are those of the delegate. Closing them closes
 * it.
 */
public final class FaultyBackend {

    private FaultyBackend() {}

    /**
     * Wraps a context-free backend; the result has no capabilities.
     *
     * @param delegate the backend to wrap
     * @param faults the faults to inject, and the record of calls
     * @return the wrapping backend
     */
    public static PersistenceBackend plain(PersistenceBackend delegate, Faults faults) {
        return new ContextFree(new Plain(ContextAwareBackend.of(delegate), faults));
    }

    /**
     * Wraps a backend with contexts; the result has no capabilities.
     *
     * @param delegate the backend to wrap
     * @param faults the faults to inject, and the record of calls
     * @return the wrapping backend
     */
    public static ContextAwareBackend plain(ContextAwareBackend delegate, Faults faults) {
        return new Plain(delegate, faults);
    }

    /**
     * Wraps a backend; the only capability of the result is {@link AtomicCommit}.
     *
     * <p>A commit that fails midway does not reach the delegate.
     *
     * @param delegate the backend to wrap
     * @param faults the faults to inject, and the record of calls
     * @param <B> the type of the delegate
     * @return the wrapping backend
     */
    public static <B extends ContextAwareBackend & AtomicCommit> ContextAwareBackend atomic(B delegate, Faults faults) {
        return new Atomic<>(delegate, faults);
    }

    /**
     * Wraps a backend; the only capability of the result is {@link GroupCommit}.
     *
     * <p>A commit that fails midway reaches the delegate as a list that throws once its first half has been read, so
     * that the delegate has to roll back the writes it has made by then.
     *
     * @param delegate the backend to wrap
     * @param faults the faults to inject, and the record of calls
     * @param <B> the type of the delegate
     * @return the wrapping backend
     */
    public static <B extends ContextAwareBackend & GroupCommit> ContextAwareBackend grouping(
            B delegate, Faults faults) {
        return new Grouping<>(delegate, faults);
    }

    /**
     * Wraps a backend with all capabilities; the result has all of them, too. Commits that fail midway behave as with
     * {@link #grouping}.
     *
     * @param delegate the backend to wrap
     * @param faults the faults to inject, and the record of calls
     * @param <B> the type of the delegate
     * @return the wrapping backend
     */
    public static <
                    B extends
                            ContextAwareBackend & GroupCommit & BulkLoad & PrefixScan & ContextOwnership
                                    & ContextListing & ContextPositions & ContextSnapshots & FsyncTiming & Compaction>
            ContextAwareBackend complete(B delegate, Faults faults) {
        return new Complete<>(delegate, faults);
    }

    private static <T> Function<RuntimeException, T> failing() {
        return failure -> {
            throw failure;
        };
    }

    private static <T> Stream<T> failingAfterFirst(Stream<T> stream, RuntimeException failure) {
        return Stream.concat(stream.limit(1), Stream.of(failure).map(thrown -> {
            throw thrown;
        }));
    }

    private static class Plain implements ContextAwareBackend {

        final Faults faults;
        private final ContextAwareBackend delegate;

        Plain(ContextAwareBackend delegate, Faults faults) {
            this.delegate = delegate;
            this.faults = faults;
        }

        @Override
        public Optional<byte[]> load(String context, String type, String id) {
            Call call = Call.of(Operation.LOAD, context, type, id);
            return faults.get(call, () -> delegate.load(context, type, id), failing());
        }

        @Override
        public void save(String context, String type, String id, byte[] value) {
            Call call = Call.of(Operation.SAVE, context, type, id);
            faults.run(
                    call,
                    () -> delegate.save(context, type, id, value),
                    failure -> delegate.save(context, type, id, Arrays.copyOf(value, value.length / 2)));
        }

        @Override
        public void delete(String context, String type, String id) {
            Call call = Call.of(Operation.DELETE, context, type, id);
            faults.run(call, () -> delegate.delete(context, type, id), failure -> {});
        }

        @Override
        public Stream<EntryId> list(String context) {
            Call call = Call.of(Operation.LIST, context);
            return faults.get(
                    call, () -> delegate.list(context), failure -> failingAfterFirst(delegate.list(context), failure));
        }

        @Override
        public void close() {
            faults.run(Call.of(Operation.CLOSE), delegate::close, failure -> {});
        }
    }

    /** A plain variant without contexts. */
    private record ContextFree(Plain plain) implements PersistenceBackend {

        @Override
        public Optional<byte[]> load(String type, String id) {
            return plain.load(PersistenceBackend.DEFAULT_CONTEXT, type, id);
        }

        @Override
        public void save(String type, String id, byte[] value) {
            plain.save(PersistenceBackend.DEFAULT_CONTEXT, type, id, value);
        }

        @Override
        public void delete(String type, String id) {
            plain.delete(PersistenceBackend.DEFAULT_CONTEXT, type, id);
        }

        @Override
        public Stream<EntryId> list() {
            return plain.list(PersistenceBackend.DEFAULT_CONTEXT);
        }

        @Override
        public void close() {
            plain.close();
        }
    }

    private static final class Atomic<B extends ContextAwareBackend & AtomicCommit> extends Plain
            implements AtomicCommit {

        private final B delegate;

        Atomic(B delegate, Faults faults) {
            super(delegate, faults);
            this.delegate = delegate;
        }

        @Override
        public void commit(Batch batch) {
            faults.run(Call.ofCommit(List.of(batch)), () -> delegate.commit(batch), failure -> {});
        }
    }

    private static class Grouping<B extends ContextAwareBackend & GroupCommit> extends Plain implements GroupCommit {

        final B delegate;

        Grouping(B delegate, Faults faults) {
            super(delegate, faults);
            this.delegate = delegate;
        }

        @Override
        public void commit(List<Batch> group) {
            faults.run(
                    Call.ofCommit(group),
                    () -> delegate.commit(group),
                    failure -> assertRefused(() -> delegate.commit(new BrokenGroup(group, failure)), failure));
        }

        private static void assertRefused(Runnable commit, RuntimeException failure) {
            try {
                commit.run();
            } catch (RuntimeException refusal) {
                return;
            }
            throw new AssertionError("the delegate ignored the failure of a commit", failure);
        }
    }

    private static final class Complete<
                    B extends
                            ContextAwareBackend & GroupCommit & BulkLoad & PrefixScan & ContextOwnership
                                    & ContextListing & ContextPositions & ContextSnapshots & FsyncTiming & Compaction>
            extends Grouping<B>
            implements BulkLoad,
                    PrefixScan,
                    ContextOwnership,
                    ContextListing,
                    ContextPositions,
                    ContextSnapshots,
                    FsyncTiming,
                    Compaction {

        Complete(B delegate, Faults faults) {
            super(delegate, faults);
        }

        @Override
        public Map<String, byte[]> loadAll(String context, String type, Collection<String> ids) {
            Call call = Call.of(Operation.LOAD, context, type, ids);
            return faults.get(call, () -> delegate.loadAll(context, type, ids), failing());
        }

        @Override
        public Stream<String> scan(String context, String type, String idPrefix) {
            Call call = Call.of(Operation.LIST, context);
            return faults.get(
                    call,
                    () -> delegate.scan(context, type, idPrefix),
                    failure -> failingAfterFirst(delegate.scan(context, type, idPrefix), failure));
        }

        @Override
        public Stream<String> contexts() {
            return faults.get(
                    Call.of(Operation.LIST_CONTEXTS),
                    delegate::contexts,
                    failure -> failingAfterFirst(delegate.contexts(), failure));
        }

        @Override
        public void readSnapshot(String context, EntryConsumer consumer) {
            Call call = Call.of(Operation.LIST, context);
            faults.run(
                    call,
                    () -> delegate.readSnapshot(context, (entry, value) -> {
                        Call load = Call.of(Operation.LOAD, context, entry.type(), entry.id());
                        faults.run(load, () -> consumer.accept(entry, value), failure -> {});
                    }),
                    failure -> {});
        }

        @Override
        public void reportFsyncs(LongConsumer nanos) {
            delegate.reportFsyncs(nanos);
        }

        @Override
        public void compact() {
            faults.run(Call.of(Operation.COMPACT), delegate::compact, failure -> {});
        }

        @Override
        public Optional<ContextPosition> position(String context) {
            return faults.get(Call.of(Operation.POSITION, context), () -> delegate.position(context), failing());
        }

        @Override
        public Optional<ContextPosition> highestForgotten() {
            return faults.get(Call.of(Operation.POSITION), delegate::highestForgotten, failing());
        }

        @Override
        public long takeOver(String context) {
            Call call = Call.of(Operation.TAKE_OVER, context);
            return faults.get(call, () -> delegate.takeOver(context), failing());
        }

        @Override
        public long takeOverUnlessOwned(String context) {
            Call call = Call.of(Operation.TAKE_OVER, context);
            return faults.get(call, () -> delegate.takeOverUnlessOwned(context), failing());
        }

        @Override
        public void takeOverAllUnlessOwned() {
            Call call = Call.of(Operation.TAKE_OVER, "");
            faults.get(
                    call,
                    () -> {
                        delegate.takeOverAllUnlessOwned();
                        return call;
                    },
                    failing());
        }

        @Override
        public OptionalLong lastCommit(String context, long epoch) {
            Call call = Call.of(Operation.LAST_COMMIT, context);
            return faults.get(call, () -> delegate.lastCommit(context, epoch), failing());
        }

        @Override
        public Optional<ContextOwner> owner(String context) {
            Call call = Call.of(Operation.OWNER, context);
            return faults.get(call, () -> delegate.owner(context), failing());
        }
    }
}
