package dev.keystore.core;

import dev.keystore.CommitFailedException;
import dev.keystore.ContextMovedException;
import dev.keystore.KeyStoreException;
import dev.keystore.LoadFailedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.StaleStoreException;
import dev.keystore.StoreOpenException;
import dev.keystore.spi.StoreSealing;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The state of one context. It is kept small: a process may have tens of thousands of contexts.
 *
 * <p>Concurrency: only the holder of the lead changes it, one thread at a time, except that any thread may record that
 * the context was moved ({@link #markMoved}), and may be the first to report lost ownership. Readers use it without
 * locks. {@link #publications} is odd while a commit is being put into the cache. A reader that sees an odd value
 * waits, which takes microseconds because the commit is already in memory. If a reader sees the same even value before
 * and after its reads, no commit of this context was published in between (R21). It wraps around after 2<sup>31</sup>
 * commits, which take more than a day.
 */
final class Context {

    private static final int SPINS = 100;
    private static final long PAUSE_NANOS = 20_000;

    /** Limit of a reader's wait for a publication. The longest publications clear everything cached of the context. */
    private static final long PUBLICATION_TIMEOUT_NANOS = TimeUnit.SECONDS.toNanos(30);

    /** A field's handle instead of an {@code AtomicBoolean}, which is an object of 16 bytes for each context. */
    private static final VarHandle OWNERSHIP_LOST_REPORTED;

    static {
        try {
            OWNERSHIP_LOST_REPORTED =
                    MethodHandles.lookup().findVarHandle(Context.class, "ownershipLostReported", boolean.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final String name;
    private final int hash;
    private final long epoch;
    private final ContextSealer sealer;

    /** Keeps the freshness anchor up to date for it; null if there is none. */
    private final @Nullable ContextFreshness freshness;

    /** Incremented to invalidate everything cached of this context. */
    private volatile int generation;

    private volatile boolean ownershipLost;

    /** Creates what commits are refused with, whoever owns the context. */
    private volatile @Nullable Supplier<KeyStoreException> refusal;

    @SuppressWarnings("unused") // used through OWNERSHIP_LOST_REPORTED
    private volatile boolean ownershipLostReported;

    private volatile int publications;
    private long sequence;

    Context(String name, long epoch, ContextSealer sealer) {
        this(name, epoch, sealer, null);
    }

    Context(String name, long epoch, ContextSealer sealer, @Nullable ContextFreshness freshness) {
        this.freshness = freshness;
        this.name = name;
        this.hash = name.hashCode();
        this.epoch = epoch;
        this.sealer = sealer;
    }

    String name() {
        return name;
    }

    /** Returns the hash code of the name. Contexts themselves are compared by identity. */
    int nameHash() {
        return hash;
    }

    /** Returns the epoch that this owner's commits carry, or 0 on a backend without ownership. */
    long epoch() {
        return epoch;
    }

    /** Returns how the values of this context are stored. */
    ContextSealer sealer() {
        return sealer;
    }

    /** Returns what keeps the freshness anchor up to date for this context, or null if there is no anchor. */
    @Nullable
    ContextFreshness freshness() {
        return freshness;
    }

    /** Returns the types that a clear keeps: {@code keptTypes}, and those of the engine. */
    Set<String> keptByClear(Set<String> keptTypes) {
        Set<String> kept = new HashSet<>(sealer.keptByClear(keptTypes));
        kept.add(StoreSealing.MARK.type()); // concerned only if the backend has a single context
        kept.add(FreshnessEntry.ID.type());
        return kept;
    }

    /** Returns the number of the next batch of this context. Called by the leader only. */
    long nextSequence() {
        return ++sequence;
    }

    /**
     * Waits until no publication is in progress.
     *
     * @return the publication count, for {@link #unchangedSince}
     * @throws LoadFailedException if one is still in progress after 30 s
     */
    int awaitPublications() {
        int seen = publications;
        return (seen & 1) == 0 ? seen : awaitCurrentPublication();
    }

    private int awaitCurrentPublication() {
        long deadlineNanos = System.nanoTime() + PUBLICATION_TIMEOUT_NANOS;
        int seen = publications;
        for (int spins = 0; (seen & 1) != 0; seen = publications) {
            if (++spins < SPINS) {
                Thread.onSpinWait();
            } else if (deadlineNanos - System.nanoTime() > 0) {
                LockSupport.parkNanos(this, PAUSE_NANOS);
            } else {
                throw new LoadFailedException(
                        name,
                        "the committed entries",
                        new TimeoutException("a commit was not published within "
                                + TimeUnit.NANOSECONDS.toMillis(PUBLICATION_TIMEOUT_NANOS) + " ms"));
            }
        }
        return seen;
    }

    /** Returns whether no publication has begun since {@link #awaitPublications()} returned {@code seen}. */
    boolean unchangedSince(int seen) {
        return publications == seen;
    }

    /** Makes readers wait. If a former leader failed during a publication, that publication continues. */
    @SuppressWarnings("NonAtomicVolatileUpdate") // written by the leader only
    void beginPublication() {
        if ((publications & 1) == 0) {
            publications++;
        }
    }

    @SuppressWarnings("NonAtomicVolatileUpdate") // written by the leader only
    void endPublication() {
        if ((publications & 1) != 0) {
            publications++;
        }
    }

    /** Returns the generation that an entry must have to be valid now. */
    int generation() {
        return generation;
    }

    /** Invalidates everything cached of this context. */
    @SuppressWarnings("NonAtomicVolatileUpdate") // written by the leader only
    void dropCached() {
        generation++;
    }

    /** Records that the context was moved to another store. */
    void markMoved(String target) {
        refusal = new Supplier<>() {
            @Override
            public KeyStoreException get() {
                return ContextMovedException.movedTo(name, target);
            }
        };
    }

    /** Records that it could not be read whether the context was moved to another store. */
    void refuseCommits(StoreOpenException unknown) {
        refusal = new Supplier<>() {
            @Override
            public KeyStoreException get() {
                return new CommitFailedException(
                        name,
                        "it is unknown whether the context was moved to another store, so it can only be read: "
                                + unknown.getMessage(),
                        unknown);
            }
        };
    }

    /**
     * Returns why commits to this context are refused from now on, or null: it was moved to another store, or may have
     * been, another owner has taken it over, or another copy of it was written to.
     */
    @Nullable
    KeyStoreException refusal() {
        Supplier<KeyStoreException> known = refusal;
        if (known != null) {
            return known.get();
        }
        if (ownershipLost) {
            return new OwnershipLostException(name, epoch);
        }
        return freshness == null ? null : freshness.refusal();
    }

    /** Returns whether another owner has taken the context over. Nothing of it is cached then. */
    boolean isOwnershipLost() {
        return ownershipLost;
    }

    /** Returns whether commits are refused only because another copy of this context was written to. */
    boolean isStale() {
        return refusal() instanceof StaleStoreException;
    }

    /** Returns whether commits are refused because it could not be read whether the context was moved. */
    boolean isMoveUnknown() {
        return refusal() instanceof CommitFailedException;
    }

    /** Records that another owner has taken the context over, and drops what is cached. */
    void markOwnershipLost() {
        beginPublication();
        ownershipLost = true;
        dropCached();
        endPublication();
    }

    /** Returns whether {@link #reportOwnershipLost} was called. */
    boolean isOwnershipLostReported() {
        return ownershipLostReported;
    }

    /**
     * Returns the exception for a caller that would write to this lost context. The first call also calls the listener;
     * what that throws is added as suppressed.
     */
    OwnershipLostException reportOwnershipLost(Consumer<String> listener) {
        OwnershipLostException failure = new OwnershipLostException(name, epoch);
        if (OWNERSHIP_LOST_REPORTED.compareAndSet(this, false, true)) {
            try {
                listener.accept(name);
            } catch (RuntimeException | Error e) {
                failure.addSuppressed(e);
            }
        }
        return failure;
    }
}
