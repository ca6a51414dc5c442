package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.spi.Mutation;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a commit read and what it writes: values, or records by a {@link StoredWrite}.
 *
 * <p>Concurrency: the thread of the commit creates it and seals its values ({@link #seal}) before the commit is queued.
 * The leader, one thread at a time, prepares what is written ({@link #sealAgainIfOutdated},
 * {@link #chooseFreshnessEntry}) and records the outcome ({@link #recordDurable}, {@link #recordUnknown}). Whichever
 * thread ends the commit with nothing written records that ({@link #recordUnwritten}).
 */
final class CommitContents {

    final Context context;
    final Map<EntryKey, Entry> reads;
    final Map<EntryKey, Entry> writes;
    private final @Nullable Set<String> keptTypes;
    private final @Nullable StoredWrite storedWrite;

    /**
     * Volatile: the thread of the commit and the leader may both end it, and whichever runs later must see these values
     * to discard their keys.
     */
    private volatile SealedWrites sealed = SealedWrites.NONE;

    /** Whether it has to be counted for the freshness anchor once it is durable. Set by the leader. */
    private boolean uncounted;

    /** The entry for the freshness anchor that is written with it, or null. Set by the leader. */
    private @Nullable FreshnessEntry freshnessEntry;

    /**
     * Creates the contents of a commit that writes values. Takes over the maps, which are not changed any more.
     *
     * @param reads what has to be still committed when it is written
     * @param keptTypes the types that stay if the context is cleared before the writes; else null
     */
    CommitContents(
            Context context, Map<EntryKey, Entry> reads, Map<EntryKey, Entry> writes, @Nullable Set<String> keptTypes) {
        this.context = context;
        this.reads = reads;
        this.writes = writes;
        this.keptTypes = keptTypes;
        this.storedWrite = null;
    }

    /** Creates the contents of a commit that writes records. */
    CommitContents(StoredWrite storedWrite) {
        this.context = storedWrite.context();
        this.reads = Map.of();
        this.writes = Map.of();
        this.keptTypes = null;
        this.storedWrite = storedWrite;
    }

    /** Returns the records that it writes, or null if it writes values. */
    @Nullable
    StoredWrite storedWrite() {
        return storedWrite;
    }

    List<EntryId> entryIds() {
        List<EntryId> ids = new ArrayList<>();
        for (EntryKey key : writes.keySet()) {
            ids.add(key.entryId());
        }
        return ids;
    }

    /** Returns whether it clears the context before its writes, or may write any entry of it. */
    boolean clears() {
        return keptTypes != null || (storedWrite != null && storedWrite.coversContext());
    }

    /** Returns whether it erases the context before its writes. */
    private boolean erases() {
        return keptTypes != null && keptTypes.isEmpty();
    }

    /** Returns whether entries of a type stay when it clears the context. */
    boolean keeps(String type) {
        return keptTypes == null || keptTypes.contains(type);
    }

    /** Returns the keys that stay if it clears the context: the credentials, except in an erase. */
    List<EntryKey> keptByClear() {
        return keptTypes == null || erases() ? List.of() : List.of(KeyTypeRegistry.credentialsKey(context));
    }

    /**
     * Seals the values that it writes. May load the keys of the context; throws as {@link ContextSealer#current} does,
     * and then keeps what was sealed before.
     */
    void seal() {
        sealed = SealedWrites.of(writes, context.sealer(), erases());
    }

    /** Seals its values again if the sealer was replaced since. */
    void sealAgainIfOutdated() {
        ValueSealer sealer = sealed.sealer();
        while (sealer != null && context.sealer().isOutdated(sealer, erases())) {
            seal();
            context.sealer().recordUnwritten(sealer);
            sealer = sealed.sealer();
        }
    }

    /** Returns the mutation that clears the context, or null if it doesn't. */
    Mutation.@Nullable Clear clear() {
        return keptTypes == null ? null : new Mutation.Clear(context.keptByClear(keptTypes));
    }

    /** Returns the mutation that stores the keys that its values are sealed with; null if they are stored already. */
    @Nullable
    Mutation unwrittenKeys() {
        ValueSealer sealer = sealed.sealer();
        return sealer == null ? null : context.sealer().unwrittenKeys(sealer);
    }

    /** Returns the mutation that saves a written entry, or null if the write is a delete. */
    @Nullable
    Mutation put(EntryKey key) {
        return sealed.put(key);
    }

    /**
     * Chooses the entry for the freshness anchor that is written with it, and returns it, or null.
     *
     * @param writesAnything whether it writes anything else; if not, no entry is written
     */
    @Nullable
    FreshnessEntry chooseFreshnessEntry(boolean writesAnything) {
        ContextFreshness freshness = context.freshness();
        uncounted = writesAnything && freshness != null;
        freshnessEntry = writesAnything && freshness != null ? freshness.dueOrCreate() : null;
        return freshnessEntry;
    }

    /** Records that it is durable, for the freshness anchor and the keys of the context, before it is published. */
    void recordDurable() {
        ContextFreshness freshness = context.freshness();
        if (uncounted && freshness != null) {
            freshness.recordDurable(freshnessEntry);
            uncounted = false; // another leader may have to repeat this
        }
        if (storedWrite == null) {
            context.sealer().recordDurable(sealed.sealer(), erases());
        } else {
            storedWrite.recordDurable();
        }
    }

    /** Records that it is unknown whether it is durable, for the keys of the context. */
    void recordUnknown() {
        if (storedWrite != null) {
            storedWrite.recordUnknown();
        } else if (erases()) {
            context.sealer().recordEraseUnknown(sealed.sealer());
        }
    }

    /** Records that nothing of it was written, for keys that were created for it. Has no effect if they are in use. */
    void recordUnwritten() {
        context.sealer().recordUnwritten(sealed.sealer());
        if (storedWrite != null) {
            storedWrite.recordUnwritten();
        }
    }
}
