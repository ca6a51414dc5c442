package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.Backend;
import dev.keystore.spi.Batch;
import dev.keystore.spi.BulkLoad;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.ContextOwnership;
import dev.keystore.spi.EmptinessCheck;
import dev.keystore.spi.GroupCommit;
import dev.keystore.spi.PersistenceBackend;
import dev.keystore.spi.PrefixScan;
import dev.keystore.spi.StoreSealing;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The engine's access to the backend. The constructor chooses how each operation is done, by the capabilities that the
 * backend implements.
 *
 * <p>Concurrency: any thread calls the backend, without waiting here. {@link #close} rejects further calls and closes
 * the backend once the calls in progress have returned, or at its deadline even if one has not. It does not wait for
 * streams: a listing that is still being read when the backend is closed fails.
 */
final class Storage {

    private final Backend backend;
    private final ContextAwareBackend entries;
    private final BulkLoad bulk;
    private final PrefixScan prefixes;
    private final EmptinessCheck emptiness;
    private final @Nullable ContextOwnership ownership;
    private final Consumer<List<Batch>> writer;
    private final @Nullable RollbackWriter rollback;
    private final int groupLimit;
    private final CallGate gate = new CallGate();

    Storage(Backend backend, KeyStoreOptions options) {
        this.backend = backend;
        this.entries = backend instanceof PersistenceBackend contextFree
                ? ContextAwareBackend.of(contextFree)
                : (ContextAwareBackend) backend;
        this.bulk = backend instanceof BulkLoad loads ? loads : this::loadEach;
        this.prefixes = backend instanceof PrefixScan scans ? scans : this::scanList;
        this.emptiness = backend instanceof EmptinessCheck checks ? checks : this::isDefaultContextEmpty;
        this.ownership = backend instanceof ContextOwnership owns ? owns : null;
        if (backend instanceof GroupCommit groups) {
            this.writer = groups::commit;
            this.rollback = null;
            this.groupLimit = options.maximumGroupSize();
        } else if (backend instanceof AtomicCommit atomic) {
            this.writer = group -> group.forEach(atomic::commit); // a group of one batch: all or nothing
            this.rollback = null;
            this.groupLimit = 1;
        } else {
            RollbackWriter rollbackWriter = new RollbackWriter(entries, options);
            this.writer = group -> group.forEach(rollbackWriter::write);
            this.rollback = rollbackWriter;
            this.groupLimit = 1;
        }
    }

    /** Returns whether the backend holds more contexts than the default one. */
    boolean servesManyContexts() {
        return !(backend instanceof PersistenceBackend);
    }

    /** Returns the maximum number of batches in a group. */
    int groupLimit() {
        return groupLimit;
    }

    byte @Nullable [] load(String context, String type, String id) {
        return call(() -> entries.load(context, type, id)).orElse(null);
    }

    Map<String, byte[]> loadAll(String context, String type, Collection<String> ids) {
        return call(() -> bulk.loadAll(context, type, ids));
    }

    private Map<String, byte[]> loadEach(String context, String type, Collection<String> ids) {
        Map<String, byte[]> found = new HashMap<>();
        for (String id : ids) {
            entries.load(context, type, id).ifPresent(value -> found.put(id, value));
        }
        return found;
    }

    /** Returns whether the backend holds no entry, as far as it can tell. */
    boolean isEmpty() {
        return call(emptiness::isEmpty);
    }

    private boolean isDefaultContextEmpty() {
        try (Stream<EntryId> found = entries.list(PersistenceBackend.DEFAULT_CONTEXT)) {
            return found.findAny().isEmpty();
        }
    }

    /**
     * Lists entries, without those that the engine stores for itself; throws {@link dev.keystore.LoadFailedException}
     * if the backend fails, now or while the stream is read.
     */
    Stream<EntryId> list(String context) {
        return Listing.of(context, () -> call(() -> entries.list(context))).filter(entry -> !isReserved(entry));
    }

    private static boolean isReserved(EntryId entry) {
        return entry.type().equals(StoreSealing.KEYS.type()) || entry.type().equals(StoreSealing.MARK.type());
    }

    /** Lists ids by prefix; throws as {@link #list} does. */
    Stream<String> scan(String context, String type, String idPrefix) {
        return Listing.of(context, () -> call(() -> prefixes.scan(context, type, idPrefix)));
    }

    private Stream<String> scanList(String context, String type, String idPrefix) {
        return entries.list(context)
                .filter(entry -> entry.type().equals(type) && entry.id().startsWith(idPrefix))
                .map(EntryId::id);
    }

    boolean hasOwnership() {
        return ownership != null;
    }

    /** Takes a context over and returns its new epoch, or 0 if the backend has no ownership. */
    long takeOver(String context, boolean unlessOwned) {
        if (ownership == null) {
            return 0;
        }
        return call(() -> unlessOwned ? ownership.takeOverUnlessOwned(context) : ownership.takeOver(context));
    }

    /** Returns whether the backend knows that none of a group was written, by the last commit of a context in it. */
    boolean isUnwritten(List<Batch> group) {
        return ownership != null && call(() -> group.stream().anyMatch(batch -> isUnwritten(ownership, batch)));
    }

    private static boolean isUnwritten(ContextOwnership ownership, Batch batch) {
        OptionalLong last = ownership.lastCommit(batch.context(), batch.epoch());
        return last.isPresent() && last.getAsLong() < batch.sequence();
    }

    /** Writes a group durably: all of it, or nothing. */
    void write(List<Batch> group) {
        call(() -> {
            writer.accept(group);
            return group;
        });
    }

    /**
     * Resumes the write of a group whose writing thread failed. On a backend without atomic commits, this rolls back
     * what that thread has written; on others it does nothing.
     *
     * @return the outcome; null on a backend with atomic commits, where only a commit id can tell
     */
    @Nullable
    WriteOutcome resumeWrite(List<Batch> group, Throwable cause) {
        return rollback == null ? null : call(() -> rollback.resume(group.get(0), cause));
    }

    private <T> T call(Supplier<T> operation) {
        CallGate.Call call = gate.enter();
        try {
            return operation.get();
        } finally {
            call.ended = true;
            gate.leave(call);
        }
    }

    /** Closes the backend once no call is in progress, but no later than the deadline. Waits uninterruptibly. */
    void close(long deadlineNanos) {
        gate.close(deadlineNanos);
        backend.close();
    }
}
