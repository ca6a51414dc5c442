package dev.keystore.core;

import dev.keystore.LoadFailedException;
import dev.keystore.OwnershipLostException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The state of one context: small, since a gateway has thousands.
 *
 * <p>Concurrency: only the leader of the commit pipeline changes it, one thread at a time. Readers look at it without
 * locks. {@link #publications} is odd while a commit is being put into the cache, and a reader that meets it so waits: the
 * commit is in memory already, and a matter of microseconds. Two equal readings with reads between them mean that no
 * commit of this context came between those reads (R21).
 */
final class Context {

    private static final int SPINS = 100;
    private static final long PAUSE_NANOS = 20_000;

    /** How long a reader waits for a publication, of which the longest are of a clear of all that is cached. */
    private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(30);

    final String name;
    final int hash;

    /** What this owner's commits carry, or 0 on a backend without ownership. */
    final long epoch;

    /** Raised when everything cached of this context becomes invalid. */
    volatile int generation;

    /** The clear of this context that is being written, if there is one. */
    volatile @Nullable InFlight clearing;

    /** Set when another owner has taken the context over: nothing of it is cached any more. */
    volatile boolean lost;

    /** Whether somebody was told of that. */
    private final AtomicBoolean lossTold = new AtomicBoolean();

    private volatile long publications;
    private long sequence;

    Context(String name, long epoch) {
        this.name = name;
        this.hash = name.hashCode();
        this.epoch = epoch;
    }

    /**
     * Returns how often this context was published to, once no publication is under way.
     *
     * @throws LoadFailedException if one stays under way for longer than any should take
     */
    long published() {
        long seen = publications;
        return (seen & 1) == 0 ? seen : awaitPublished();
    }

    private long awaitPublished() {
        long deadlineNanos = System.nanoTime() + PATIENCE_NANOS;
        long seen = publications;
        for (int spins = 0; (seen & 1) != 0; seen = publications) {
            if (++spins < SPINS) {
                Thread.onSpinWait();
            } else if (deadlineNanos - System.nanoTime() > 0) {
                LockSupport.parkNanos(this, PAUSE_NANOS);
            } else {
                throw new LoadFailedException(
                        name, "what is committed", new TimeoutException("a commit has not been published in time"));
            }
        }
        return seen;
    }

    /** Returns whether nothing was published since {@link #published()} returned {@code seen}. */
    boolean unchangedSince(long seen) {
        return publications == seen;
    }

    /** Makes readers wait, unless a leader that is gone has begun this already. */
    @SuppressWarnings("NonAtomicVolatileUpdate") // written by the pipeline's leader alone
    void beginPublication() {
        if ((publications & 1) == 0) {
            publications++;
        }
    }

    @SuppressWarnings("NonAtomicVolatileUpdate")
    void endPublication() {
        if ((publications & 1) != 0) {
            publications++;
        }
    }

    @SuppressWarnings("NonAtomicVolatileUpdate")
    void dropCached() {
        generation++;
    }

    /** Another owner writes to this context now: nothing of it is cached any more. */
    void lose() {
        beginPublication();
        lost = true;
        dropCached();
        endPublication();
    }

    /** Returns what to throw at one who would write to this context, which is lost; the first time, the listener is told. */
    OwnershipLostException loss(Consumer<String> listener) {
        OwnershipLostException loss = new OwnershipLostException(name, epoch);
        if (lossTold.compareAndSet(false, true)) {
            try {
                listener.accept(name);
            } catch (RuntimeException | Error e) {
                loss.addSuppressed(e);
            }
        }
        return loss;
    }

    long nextSequence() {
        return ++sequence;
    }
}
