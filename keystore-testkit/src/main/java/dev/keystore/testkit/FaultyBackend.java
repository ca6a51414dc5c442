package dev.keystore.testkit;

import dev.keystore.EntryId;
import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.Batch;
import dev.keystore.spi.BulkLoad;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.ContextOwnership;
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
import java.util.stream.Stream;

/**
 * Backends that pass everything on to another one, and fail, wait and record on the way as a {@link Faults} says.
 *
 * <p>What a backend can do it says by what it implements; so there is a variant for each way in which the engine
 * writes:
 *
 * <table>
 *   <caption>Variants</caption>
 *   <tr><th>made by</th><th>claims</th><th>a commit of the engine is</th></tr>
 *   <tr><td>{@code plain}</td><td>nothing</td><td>a row of saves and deletes, undone by the engine</td></tr>
 *   <tr><td>{@code atomic}</td><td>{@link AtomicCommit}</td><td>one call for each batch</td></tr>
 *   <tr><td>{@code grouping}</td><td>{@link GroupCommit}</td><td>one call for each group of batches</td></tr>
 *   <tr><td>{@code complete}</td><td>all there is</td><td>one call for each group, fenced by epochs</td></tr>
 * </table>
 *
 * <p>They add no lock: threads, atomicity and durability are those of the backend beneath. Closing them closes it.
 */
public final class FaultyBackend {

    private FaultyBackend() {}

    /** Wraps a backend of one context, and claims nothing of what it may claim beyond that. */
    public static PersistenceBackend plain(PersistenceBackend delegate, Faults faults) {
        return new ContextFree(new Plain(new DefaultContext(delegate), faults));
    }

    /** Wraps a backend of many contexts, and claims nothing of what it may claim beyond that. */
    public static ContextAwareBackend plain(ContextAwareBackend delegate, Faults faults) {
        return new Plain(delegate, faults);
    }

    /**
     * Wraps a backend, and claims {@link AtomicCommit} alone.
     *
     * <p>A commit that fails midway does not reach the backend beneath.
     */
    public static <B extends ContextAwareBackend & AtomicCommit> ContextAwareBackend atomic(B delegate, Faults faults) {
        return new Atomic<>(delegate, faults);
    }

    /**
     * Wraps a backend, and claims {@link GroupCommit} alone.
     *
     * <p>A commit that fails midway reaches the backend beneath as a list that throws once the first half of it has
     * been read, so that what has been written by then has to be taken back.
     */
    public static <B extends ContextAwareBackend & GroupCommit> ContextAwareBackend grouping(
            B delegate, Faults faults) {
        return new Grouping<>(delegate, faults);
    }

    /**
     * Wraps a backend that claims everything, and claims it too. A commit that fails midway is as of {@code grouping}.
     */
    public static <B extends ContextAwareBackend & GroupCommit & BulkLoad & PrefixScan & ContextOwnership>
            ContextAwareBackend complete(B delegate, Faults faults) {
        return new Complete<>(delegate, faults);
    }

    private static <T> Function<RuntimeException, T> nothingDone() {
        return failure -> {
            throw failure;
        };
    }

    private static <T> Stream<T> breakingOff(Stream<T> stream, RuntimeException failure) {
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
            return faults.get(call, () -> delegate.load(context, type, id), nothingDone());
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
                    call, () -> delegate.list(context), failure -> breakingOff(delegate.list(context), failure));
        }

        @Override
        public void close() {
            faults.run(Call.ofClose(), delegate::close, failure -> {});
        }
    }

    /** A context-free face of a plain one. */
    private record ContextFree(Plain plain) implements PersistenceBackend {

        @Override
        public Optional<byte[]> load(String type, String id) {
            return plain.load(DefaultContext.NAME, type, id);
        }

        @Override
        public void save(String type, String id, byte[] value) {
            plain.save(DefaultContext.NAME, type, id, value);
        }

        @Override
        public void delete(String type, String id) {
            plain.delete(DefaultContext.NAME, type, id);
        }

        @Override
        public Stream<EntryId> list() {
            return plain.list(DefaultContext.NAME);
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
            throw new AssertionError("the backend beneath swallowed the failure of a commit", failure);
        }
    }

    private static final class Complete<
                    B extends ContextAwareBackend & GroupCommit & BulkLoad & PrefixScan & ContextOwnership>
            extends Grouping<B> implements BulkLoad, PrefixScan, ContextOwnership {

        Complete(B delegate, Faults faults) {
            super(delegate, faults);
        }

        @Override
        public Map<String, byte[]> loadAll(String context, String type, Collection<String> ids) {
            Call call = Call.of(Operation.LOAD, context, type, ids);
            return faults.get(call, () -> delegate.loadAll(context, type, ids), nothingDone());
        }

        @Override
        public Stream<String> scan(String context, String type, String idPrefix) {
            Call call = Call.of(Operation.LIST, context);
            return faults.get(
                    call,
                    () -> delegate.scan(context, type, idPrefix),
                    failure -> breakingOff(delegate.scan(context, type, idPrefix), failure));
        }

        @Override
        public long takeOver(String context) {
            Call call = Call.of(Operation.TAKE_OVER, context);
            return faults.get(call, () -> delegate.takeOver(context), nothingDone());
        }

        @Override
        public long takeOverUnlessOwned(String context) {
            Call call = Call.of(Operation.TAKE_OVER, context);
            return faults.get(call, () -> delegate.takeOverUnlessOwned(context), nothingDone());
        }

        @Override
        public OptionalLong lastCommit(String context, long epoch) {
            Call call = Call.of(Operation.LAST_COMMIT, context);
            return faults.get(call, () -> delegate.lastCommit(context, epoch), nothingDone());
        }
    }
}
