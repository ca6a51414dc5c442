package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.KeyStoreException;
import dev.keystore.spi.Mutation;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** A commit on its way through the pipeline: what it read, what it writes, and how far it is. */
final class PendingCommit {

    /** Where a commit stands. All but the last step are taken under the lock of the pipeline's queue. */
    enum State {
        /** In the queue. */
        QUEUED,
        /** In the queue, and its thread is to lead the next group. */
        LEADING,
        /** In the group that is being written. */
        TAKEN,
        /** Out of the queue before it was taken: nothing of it was written. */
        WITHDRAWN,
        /** Ended; {@link #failure} says how. */
        DONE
    }

    final Context context;
    final Map<EntryKey, Entry> reads;
    final Map<EntryKey, Entry> writes;
    final long deadlineNanos;
    private final @Nullable Set<String> keptTypes;
    private final Map<EntryKey, Mutation> puts = new LinkedHashMap<>();
    private final Thread thread = Thread.currentThread();

    volatile State state = State.QUEUED;

    /** Set by its own thread when that will not wait for another attempt. */
    volatile boolean abandoned;

    private @Nullable KeyStoreException failure;

    /**
     * Makes a commit of the calling thread.
     *
     * @param keptTypes if the context is to be cleared before the writes, the types that stay; else null
     */
    PendingCommit(
            Context context,
            Map<EntryKey, Entry> reads,
            Map<EntryKey, Entry> writes,
            @Nullable Set<String> keptTypes,
            long timeoutNanos) {
        this.context = context;
        this.reads = reads;
        this.writes = writes;
        this.keptTypes = keptTypes;
        this.deadlineNanos = System.nanoTime() + timeoutNanos;
        writes.forEach((key, entry) -> {
            byte[] bytes = entry.bytes();
            if (bytes != null) {
                String type = key.type.name();
                byte[] sealed = Envelope.seal(context.name, type, key.id, bytes);
                puts.put(key, new Mutation.Put(type, key.id, sealed));
            }
        });
    }

    boolean cleared() {
        return keptTypes != null;
    }

    /** Returns whether this commit's clear leaves entries of a type alone. */
    boolean keeps(String type) {
        return keptTypes == null || keptTypes.contains(type);
    }

    /** Returns the removal of the context's other entries, if this commit clears it. */
    Mutation.@Nullable Clear clear() {
        return keptTypes == null ? null : new Mutation.Clear(keptTypes);
    }

    /** Returns what saves a written entry, or null if the write is a delete. */
    @Nullable
    Mutation put(EntryKey key) {
        return puts.get(key);
    }

    /** Returns the key of what a clear without {@code erase} keeps, if this commit is one. */
    List<EntryKey> keptByClear() {
        return keptTypes == null || keptTypes.isEmpty() ? List.of() : List.of(KeyTypeRegistry.credentialsKey(context));
    }

    List<EntryId> entryIds() {
        return writes.keySet().stream().map(EntryKey::entryId).toList();
    }

    boolean belongsToThisThread() {
        return thread == Thread.currentThread();
    }

    void wake() {
        LockSupport.unpark(thread);
    }

    /** Ends this commit and wakes its thread; {@code reason} is null if all of it was written. */
    void done(@Nullable KeyStoreException reason) {
        failure = reason;
        state = State.DONE;
        wake();
    }

    /** Throws what it ended with, on its own thread. */
    void throwFailure() {
        if (failure != null) {
            throw failure;
        }
    }
}
