package dev.keystore.core;

import dev.keystore.ContextPosition;
import dev.keystore.StaleStoreException;
import java.time.Instant;
import java.util.Objects;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the freshness anchor up with one opened context (R82).
 *
 * <p>The first commit after the opening, and then one of {@link FreshnessEntry#COMMITS_PER_RAISE}, carries an entry
 * with a new token. Once it is durable, the {@link AnchorRaiser} raises the anchor to that token. The next entry waits
 * for that, so the anchor always holds one of the two tokens of the entry.
 *
 * <p>Concurrency: the holder of the lead calls {@link #dueOrCreate} and {@link #recordDurable}, the thread of the
 * raiser calls the others.
 */
final class ContextFreshness {

    private final String context;
    private final Consumer<ContextFreshness> raise;

    /** What the anchor holds, as far as this process knows; null if nothing. */
    private volatile @Nullable AnchorRecord anchored;

    /** The entry that was last written here; null if none was. */
    private volatile @Nullable FreshnessEntry written;

    /** Whether the anchor holds the next token of {@link #written}. */
    private volatile boolean raised = true;

    private volatile long commits;
    private volatile long raisedCommits;
    private volatile @Nullable Supplier<StaleStoreException> refusal;

    /** An entry that is not durable yet. Only the leader uses this field and the next one. */
    private @Nullable FreshnessEntry unwritten;

    /** How many commits were written since the last entry, including the one that carried it. */
    private long sinceEntry = FreshnessEntry.COMMITS_PER_RAISE;

    /**
     * Creates it.
     *
     * @param anchored what the anchor holds; null if nothing
     * @param commits how many commits the context has had so far
     * @param raise requests that the anchor be raised
     */
    ContextFreshness(String context, @Nullable AnchorRecord anchored, long commits, Consumer<ContextFreshness> raise) {
        this.context = context;
        this.anchored = anchored;
        this.commits = commits;
        this.raisedCommits = commits;
        this.raise = raise;
    }

    String context() {
        return context;
    }

    /**
     * Returns the entry that the next commit has to carry, a new one if it is due, or null. Called by the leader, again
     * after a failure.
     */
    @Nullable
    FreshnessEntry dueOrCreate() {
        if (unwritten == null && raised && sinceEntry >= FreshnessEntry.COMMITS_PER_RAISE) {
            AnchorRecord now = anchored;
            UUID current = now == null ? FreshnessEntry.NONE : now.newest().token();
            unwritten = new FreshnessEntry(current, UUID.randomUUID(), commits + 1);
        }
        return unwritten;
    }

    /**
     * Records that a commit is durable. Called by the leader.
     *
     * @param carried the entry that {@link #dueOrCreate} returned for it, or null
     */
    @SuppressWarnings("NonAtomicVolatileUpdate") // written by the leader only
    void recordDurable(@Nullable FreshnessEntry carried) {
        commits++;
        sinceEntry++;
        if (carried != null && carried.equals(unwritten)) {
            written = carried;
            raised = false;
            sinceEntry = 1;
            unwritten = null;
            raise.accept(this);
        }
    }

    /** Returns the exception that commits fail with, or null as long as the context may be written to. */
    @Nullable
    StaleStoreException refusal() {
        Supplier<StaleStoreException> reason = refusal;
        return reason == null ? null : reason.get();
    }

    /** Refuses all further commits. */
    void refuse(Supplier<StaleStoreException> reason) {
        refusal = reason;
    }

    /** For tests: returns whether the anchor holds the newest token. */
    boolean isRaised() {
        return raised;
    }

    /** Returns whether the anchor does not know of all commits. */
    boolean isAhead() {
        return written != null && (!raised || commits > raisedCommits);
    }

    /** Returns whether an anchor with this record may still be raised by this context. */
    boolean continues(@Nullable AnchorRecord record) {
        FreshnessEntry entry = written;
        return record == null || (entry != null && entry.accepts(record.newest().token()));
    }

    /** Returns what the anchor holds as far as this process knows, or null. */
    @Nullable
    AnchorRecord anchored() {
        return anchored;
    }

    /** Records what the anchor was found to hold. */
    void recordAnchored(@Nullable AnchorRecord found) {
        anchored = found;
    }

    /**
     * A step of the anchor.
     *
     * @param next what it is raised to
     * @param commits the commits that it then knows of
     */
    record Raise(AnchorRecord next, long commits) {}

    /**
     * Returns what the anchor is to be raised to.
     *
     * @param position reads the position of the context, which is then at least that of the commits counted before
     */
    Raise nextRaise(Supplier<Optional<ContextPosition>> position, Instant now) {
        FreshnessEntry entry = Objects.requireNonNull(written, "written");
        long counted = commits;
        Optional<ContextPosition> reached = position.get();
        // Counted again: the anchor must know of all commits up to its position, or a copy would seem to lack them.
        return new Raise(AnchorRecord.raised(anchored, entry.next(), reached, commits, now), counted);
    }

    /** Records that the anchor was raised. */
    void recordRaised(Raise raise) {
        anchored = raise.next();
        raisedCommits = raise.commits();
        raised = true;
    }
}
