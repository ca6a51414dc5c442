package dev.keystore.core;

import dev.keystore.ContextPosition;
import dev.keystore.CorruptEntryException;
import dev.keystore.KeyStoreException;
import dev.keystore.LoadFailedException;
import dev.keystore.StaleStoreException;
import dev.keystore.StoreOpenException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.AnchorRecord.Verdict;
import dev.keystore.core.ContextFreshness.Raise;
import dev.keystore.spi.FreshnessAnchor;
import dev.keystore.spi.FreshnessAnchor.Replacement;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Compares the contexts of a store with its freshness anchor, and raises the anchor (R82, R83).
 *
 * <p>The anchor holds one token for each context, and the context two, in its {@link FreshnessEntry}. The anchor is
 * raised from the first to the second one only after the entry is durable, and the entry is replaced only after the
 * anchor was raised. So at any time, the anchor holds one of the two, and a context whose entry has neither is another
 * copy. A context with the right tokens and a lower position than the anchor has seen is an old copy as well.
 *
 * <p>A context without a record in the anchor may be new to it, so the anchor also holds a record of the store. If the
 * store says that there is one, and there is none, the anchor is another one, or is lost.
 *
 * <p>Several processes: the tokens of a context change hands with its ownership. A former owner may still be raising
 * the anchor to the second token of the entry, so the next owner does that first, before it writes an entry. Whichever
 * of them comes second finds another record than it expected, and looks again.
 */
final class Freshness {

    private static final Logger LOG = LoggerFactory.getLogger(Freshness.class);
    private static final String LOST = " has had a freshness anchor, but the anchor that is configured has no record of"
            + " it. Check that it is the right one, and that its volume is mounted. If the anchor is lost, make sure"
            + " that this is the newest copy of the store, and open it once with the property " + AnchorLocator.LOST
            + " set to accept";

    /** What the anchor holds of the store itself: the version of that record. */
    private static final byte[] RECORD_OF_STORE = {1};

    private static final int MAXIMUM_READS = 1_000;
    private static final int MAXIMUM_ROUNDS = 100;

    private final FreshnessAnchor anchor;
    private final boolean acceptLost;
    private final String storeId;
    private final Storage storage;
    private final InstantSource clock;
    private final AnchorRaiser raiser = new AnchorRaiser(this::raise);

    private Freshness(
            FreshnessAnchor anchor, boolean acceptLost, String storeId, Storage storage, InstantSource clock) {
        this.anchor = anchor;
        this.acceptLost = acceptLost;
        this.storeId = storeId;
        this.storage = storage;
        this.clock = clock;
    }

    /**
     * Begins to use an anchor for a store. The anchor gets a record of the store, and then the store an entry that says
     * so. No thread is started.
     *
     * @param acceptLost whether a store and contexts are accepted whose records in the anchor are lost
     * @throws StoreOpenException if the anchor cannot be read, has lost its record of the store, or cannot be written
     *     although it has none; if it has none, and it is unknown whether it had one; or if the store has no id and
     *     cannot be written
     */
    static Freshness of(OpenedStore store, FreshnessAnchor anchor, boolean acceptLost, Attempts attempts) {
        String storeId = store.id()
                .get()
                .orElseThrow(() -> new StoreOpenException(
                        "The store could not be opened with a freshness anchor, since it has no id yet and cannot be"
                                + " written: open it once where it can be, or without the anchor",
                        null));
        Freshness created = new Freshness(anchor, acceptLost, storeId, store.storage(), InstantSource.system());
        if (store.state() == null) {
            created.requireRecordOfStore(store.id(), attempts);
        }
        return created;
    }

    /** Warns if a store that is opened to be written has a freshness anchor, and none is configured. */
    static void warnIfMissing(OpenedStore store) {
        if (store.id().isAnchored()) {
            LOG.warn("The store has a freshness anchor, and was opened without it: the anchor does not protect the"
                    + " store now, and will not know of what is written. Name the anchor that the clients of the store"
                    + " use, by the property freshness.anchor or by freshnessAnchor(…) on the builder");
        }
    }

    void start() {
        raiser.start();
    }

    private void requireRecordOfStore(StoreId id, Attempts attempts) {
        String key = HexFormat.of().formatHex(sha256().digest(storeId.getBytes(StandardCharsets.US_ASCII)));
        if (!holds(key, attempts)) {
            // Looked at again, since another process may be writing both.
            if (!acceptLost && id.isAnchored(attempts) && !holds(key, attempts)) {
                throw new StoreOpenException("The store could not be opened: it" + LOST, null);
            }
            attempts.of(
                    "the freshness anchor to be written",
                    "The store could not be opened, since its freshness anchor could not be written",
                    () -> anchor.replace(List.of(replacementOfNone(key, RECORD_OF_STORE))));
        }
        id.markAnchored();
    }

    private boolean holds(String key, Attempts attempts) {
        return attempts.of(
                "the freshness anchor to be read",
                "The store could not be opened, since its freshness anchor could not be read",
                () -> !anchor.load(List.of(key)).isEmpty());
    }

    /**
     * What was found of a context.
     *
     * @param entry its entry, or null
     * @param record what the anchor holds of it, or null
     * @param position its position, if the backend keeps one
     */
    private record Finding(
            @Nullable FreshnessEntry entry, @Nullable AnchorRecord record, Optional<ContextPosition> position) {

        Verdict verdict() {
            return record == null ? Verdict.FRESH : record.compare(entry, position);
        }

        /** Returns whether the anchor has held a record of the context that it does not hold any more. */
        boolean isAnchorLost() {
            return record == null && entry != null && !entry.current().equals(FreshnessEntry.NONE);
        }
    }

    /**
     * Checks that a context is not older than the anchor. Changes nothing.
     *
     * @throws StaleStoreException if it is, or if it is another copy
     * @throws StoreOpenException if the anchor cannot be read, or has lost its record of the context
     * @throws CorruptEntryException if the entry of the context is damaged
     */
    void check(String context, Attempts attempts) {
        find(context, attempts);
    }

    /**
     * Checks, by its stored name, that the anchor has no record of a context that the store holds nothing of: an erase
     * keeps what is compared.
     *
     * @throws StaleStoreException if it has one
     * @throws StoreOpenException if the anchor cannot be read
     */
    void checkMissing(String storedContext, Attempts attempts) {
        Optional<AnchorRecord> found = attempts.of(
                "the freshness anchor to be read",
                "It is unknown whether context \"" + storedContext
                        + "\" is missing in the store, since its freshness anchor could not be read",
                () -> Optional.ofNullable(record(storedContext, keyOfStored(storedContext))));
        if (found.isPresent()) {
            throw stale(storedContext, new Finding(null, found.get(), Optional.empty()));
        }
    }

    /**
     * Begins to keep the anchor up with a context, which was taken over; throws as {@link #check} does. May raise the
     * anchor to where a former owner would have raised it.
     */
    ContextFreshness open(String context, Attempts attempts) {
        Finding found = find(context, attempts);
        for (int round = 0; storage.hasOwnership() && isPending(found); round++) {
            if (round == MAXIMUM_ROUNDS) {
                throw new StoreOpenException(
                        "Context \"" + context + "\" could not be opened, since other processes kept changing its"
                                + " freshness anchor",
                        null);
            }
            Finding pending = found;
            attempts.of(
                    "the freshness anchor to be raised",
                    "Context \"" + context + "\" could not be opened, since its freshness anchor could not be raised",
                    () -> raiseTo(context, pending));
            found = find(context, attempts);
        }
        long known = found.entry == null ? 0 : found.entry.commits();
        long anchored = found.record == null ? 0 : found.record.newest().commits();
        return new ContextFreshness(context, found.record, Math.max(known, anchored), raiser::request);
    }

    /** Returns whether a former owner may still be raising the anchor. */
    private static boolean isPending(Finding found) {
        return found.entry != null
                && (found.record == null || !found.record.newest().token().equals(found.entry.next()));
    }

    private Set<String> raiseTo(String context, Finding found) {
        FreshnessEntry entry = Objects.requireNonNull(found.entry);
        AnchorRecord next =
                AnchorRecord.raised(found.record, entry.next(), found.position, entry.commits(), clock.instant());
        return anchor.replace(List.of(replacement(context, found.record, next)));
    }

    private Finding find(String context, Attempts attempts) {
        Finding found = attempts.of(
                "the freshness anchor to be read",
                "Context \"" + context + "\" could not be opened, since its freshness anchor could not be read",
                () -> read(context));
        if (found.verdict() != Verdict.FRESH) {
            throw stale(context, found);
        }
        if (found.isAnchorLost() && !acceptLost) {
            throw new StoreOpenException("Context \"" + context + "\" could not be opened: it" + LOST, null);
        }
        return found;
    }

    /** Reads until nothing has changed in between: the owner of the context may be writing. */
    private Finding read(String context) {
        FreshnessEntry before = entry(context);
        for (int reads = 1; ; reads++) {
            AnchorRecord record = record(context, key(context));
            Optional<ContextPosition> position = storage.position(context);
            FreshnessEntry after = entry(context);
            if (Objects.equals(before, after) || reads == MAXIMUM_READS) {
                return new Finding(after, record, position);
            }
            before = after;
        }
    }

    /**
     * Returns the entry of a context, or null; throws as {@link Storage#read} does.
     *
     * @throws CorruptEntryException if it is damaged
     */
    static @Nullable FreshnessEntry entry(Storage storage, String context) {
        byte[] record = storage.read(context, FreshnessEntry.ID);
        try {
            return record == null ? null : FreshnessEntry.of(context, record);
        } catch (IllegalArgumentException e) {
            throw new CorruptEntryException(context, FreshnessEntry.ID, String.valueOf(e.getMessage()), e);
        }
    }

    private @Nullable FreshnessEntry entry(String context) {
        try {
            return entry(storage, context);
        } catch (CorruptEntryException e) {
            if (acceptLost) {
                return null;
            }
            throw e;
        }
    }

    private @Nullable AnchorRecord record(String context, String key) {
        byte[] stored = anchor.load(List.of(key)).get(key);
        try {
            return stored == null ? null : AnchorRecord.decode(stored);
        } catch (IllegalArgumentException e) {
            throw new StoreOpenException(
                    "The freshness anchor's record of context \"" + context + "\" is damaged: " + e.getMessage(), e);
        }
    }

    @SuppressWarnings("NullAway") // it does not know that a component of a record in a class file may be null
    private Replacement replacement(String context, @Nullable AnchorRecord former, AnchorRecord next) {
        return new Replacement(key(context), former == null ? null : former.encode(), next.encode());
    }

    @SuppressWarnings("NullAway") // as above
    private static Replacement replacementOfNone(String key, byte[] next) {
        return new Replacement(key, null, next);
    }

    /** Returns the key of a context in the anchor: a digest, so that it shows no name. */
    private String key(String context) {
        return keyOfStored(storage.names().context(context));
    }

    private String keyOfStored(String storedContext) {
        MessageDigest digest = sha256();
        digest.update(storeId.getBytes(StandardCharsets.US_ASCII));
        digest.update(storedContext.getBytes(StandardCharsets.UTF_8));
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
    }

    private static StaleStoreException stale(String context, Finding found) {
        AnchorRecord record = Objects.requireNonNull(found.record);
        boolean written = found.verdict() == Verdict.WRITTEN_COPY;
        long missing = record.missingCommits(found.entry, found.position);
        Instant since = record.staleSince(found.entry, found.position);
        String finding = written
                ? "it was written to in two copies of its store: in this one, and since " + since + " in another one,"
                        + " which has at least " + missing + " commits that this one lacks"
                : "it is older than its freshness anchor: it lacks at least " + missing + " commits, the first of them"
                        + " written no later than " + since;
        return new StaleStoreException(
                "Context \"" + context + "\" was refused: " + finding + ". Its keys have been used since, so never copy"
                        + " an old store into place. Open the newest copy of the store; if that is lost, restore a"
                        + " backup with StoreRestore (keystore restore), which starts new sessions",
                context,
                missing,
                since,
                written);
    }

    /**
     * Raises the anchor for contexts of which an entry was written. Runs on the thread of the raiser.
     *
     * @return those of them that cannot be read, with the reasons; the anchor was raised for the others
     */
    private Map<ContextFreshness, KeyStoreException> raise(List<ContextFreshness> contexts) {
        Map<ContextFreshness, KeyStoreException> unreadable = new LinkedHashMap<>();
        List<ContextFreshness> readable = new ArrayList<>();
        List<Replacement> replacements = new ArrayList<>();
        List<Raise> raises = new ArrayList<>();
        for (ContextFreshness context : contexts) {
            String name = context.context();
            whileReadable(context, unreadable, () -> {
                Raise next = context.nextRaise(() -> storage.position(name), clock.instant());
                readable.add(context);
                raises.add(next);
                replacements.add(replacement(name, context.anchored(), next.next()));
            });
        }
        Set<String> refused = readable.isEmpty() ? Set.of() : anchor.replace(replacements);
        List<ContextFreshness> unexpected = new ArrayList<>();
        for (int i = 0; i < readable.size(); i++) {
            if (refused.contains(replacements.get(i).key())) {
                unexpected.add(readable.get(i));
            } else {
                readable.get(i).recordRaised(raises.get(i));
            }
        }
        unexpected.forEach(context -> whileReadable(context, unreadable, () -> lookAgain(context)));
        return unreadable;
    }

    /**
     * Does a part of the work for one context. If what is stored of that one cannot be read, it is added to the map;
     * other failures concern the store or the anchor as a whole.
     */
    private static void whileReadable(
            ContextFreshness context, Map<ContextFreshness, KeyStoreException> unreadable, Runnable work) {
        try {
            work.run();
        } catch (LoadFailedException e) {
            if (!BackendFailures.isPermanent(e.getCause())) {
                throw e;
            }
            unreadable.put(context, e);
        } catch (UnreadableEntryException | StoreOpenException e) {
            unreadable.put(context, e);
        }
    }

    /** Finds out why the anchor holds another record than expected. */
    private void lookAgain(ContextFreshness context) {
        String name = context.context();
        Finding found = read(name);
        if (context.continues(found.record)) {
            context.recordAnchored(found.record);
            raiser.request(context);
        } else if (found.verdict() == Verdict.FRESH) {
            raiser.forget(context); // another owner has raised it since
        } else {
            raiser.forget(context);
            Supplier<StaleStoreException> refusal = () -> stale(name, found);
            context.refuse(refusal);
            LOG.error("Commits to a context are refused from now on, since another copy was written to", refusal.get());
        }
    }

    /** Raises the anchor to where each context is, then closes it. Called once no commit can begin any more. */
    void close(long deadlineNanos) {
        try {
            raiser.close(deadlineNanos);
        } finally {
            anchor.close();
        }
    }
}
