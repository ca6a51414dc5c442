package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.KeyStoreException;
import dev.keystore.spi.Mutation;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A commit on its way through the pipeline: what it read, what it writes, and how far it is.
 *
 * <p>Concurrency: its thread and the leader move it from step to step by compare-and-set. The first of them to end it
 * decides its outcome; a later attempt to end it has no effect.
 */
final class CommitRequest {

    /** How far a commit is. */
    sealed interface State {}

    /** The steps on the way. Until {@link #WRITING} its thread may end it: nothing of it was written. */
    enum Step implements State {
        /** In the queue. */
        QUEUED,
        /** At the head of the queue, and its thread is to lead the next group. */
        LEADING,
        /** In the leader's group, and not with the backend. */
        TAKEN,
        /** With the backend. */
        WRITING
    }

    /** The end: all of it is written, or {@code failure} says what is. */
    record Done(@Nullable KeyStoreException failure) implements State {}

    final Context context;
    final Map<EntryKey, Entry> reads;
    final Map<EntryKey, Entry> writes;
    final long deadlineNanos;
    private final @Nullable Set<String> keptTypes;
    private final Map<EntryKey, Mutation> puts = new LinkedHashMap<>();
    private final Thread thread = Thread.currentThread();
    private final boolean virtual = VirtualThreads.isVirtual(thread);
    private final AtomicReference<State> state = new AtomicReference<>(Step.QUEUED);

    /**
     * Set by its thread when that leaves, also by an error. A field and not a method, since a thread that has no stack left
     * can still write it.
     */
    volatile boolean deserted;

    /** Set by a leader when the group was refused: it is written alone then, so that only the culprit fails. */
    boolean isolated;

    /** Set by a leader when the group failed transiently: it is written with commits of its own context only then. */
    boolean apart;

    /** How often the backend has failed it transiently; counted by its leaders, one after the other. */
    int attempts;

    /** The last of those failures. */
    volatile @Nullable Throwable lastFailure;

    /**
     * Creates a commit of the calling thread.
     *
     * @param keptTypes if the context is to be cleared before the writes, the types that stay; else null
     */
    CommitRequest(
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

    /** Returns whether the whole group consists of it: a clear changes keys that it does not name. */
    boolean isWrittenAlone() {
        return isolated || cleared();
    }

    State state() {
        return Objects.requireNonNull(state.get());
    }

    /** Returns whether nothing is to be done for it any more: it has ended, or its thread has left. */
    boolean isOver() {
        return deserted || state.get() instanceof Done;
    }

    /** Returns whether its thread can lead. A virtual thread might not get a carrier again while others wait for it. */
    boolean canLead() {
        return !virtual && !deserted;
    }

    /** Takes one step, and returns whether it was at {@code from}. */
    boolean step(Step from, Step to) {
        return state.compareAndSet(from, to);
    }

    /** Makes it the one whose thread leads next; returns whether that is so now. */
    boolean offerLead() {
        return step(Step.QUEUED, Step.LEADING) || state.get() == Step.LEADING;
    }

    /** Moves it from the queue into a group; returns false if it has ended. */
    boolean take() {
        return step(Step.LEADING, Step.TAKEN) || step(Step.QUEUED, Step.TAKEN);
    }

    /** Moves it back from the group to {@code to}, unless it has ended, and lets its thread look at it. */
    boolean returnTo(Step to) {
        boolean returned = step(Step.WRITING, to) || step(Step.TAKEN, to);
        wake();
        return returned;
    }

    /** Ends it if it is at {@code from}. */
    void end(Step from, KeyStoreException failure) {
        state.compareAndSet(from, new Done(failure));
    }

    /** Ends it unless the backend has it; returns whether it ended without anything written. */
    boolean withdraw(KeyStoreException failure) {
        Done done = new Done(failure);
        State now = state();
        while (now != Step.WRITING && !(now instanceof Done)) {
            if (state.compareAndSet(now, done)) {
                return true;
            }
            now = state();
        }
        return false;
    }

    /** Ends it wherever it is, and wakes its thread; {@code failure} is null if all of it is written. */
    void complete(@Nullable KeyStoreException failure) {
        Done done = new Done(failure);
        State now = state();
        while (!(now instanceof Done) && !state.compareAndSet(now, done)) {
            now = state();
        }
        wake();
    }

    /** Lets its thread look at it. The thread itself looks anyway, and an unpark would cut its next park short. */
    void wake() {
        if (thread != Thread.currentThread()) {
            LockSupport.unpark(thread);
        }
    }
}
