package dev.keystore.core;

import dev.keystore.ContextOwnedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.StoreOpenException;
import dev.keystore.spi.StoreSealing;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Takes contexts over, and checks whether this process may write to them: they must have the form that the store has
 * now, must not be older than the freshness anchor, and must not have been moved to another store.
 *
 * <p>Transient failures are retried like those of a commit (R40).
 */
final class Takeovers {

    private final Storage storage;

    /** The keys of the store, or null if it is not encrypted. */
    private final @Nullable SealedStore encrypted;

    private final boolean isLive;

    /** Compares the contexts with the freshness anchor; null if there is none. */
    private final @Nullable Freshness freshness;

    Takeovers(OpenedStore store, @Nullable Freshness freshness) {
        this.storage = store.storage();
        this.encrypted = store.encrypted();
        this.isLive = store.state() == null;
        this.freshness = freshness;
    }

    /**
     * Takes a context over.
     *
     * @param unlessOwned whether to fail if the current owner is alive
     * @return the context as its new owner writes it
     * @throws ContextOwnedException if {@code unlessOwned} and the current owner is alive
     * @throws StoreOpenException if the backend failed, or another process has changed the encryption of the store in a
     *     way that this database cannot follow
     * @throws OperationInterruptedException if an interrupt ended an attempt or the pause between two
     * @throws dev.keystore.StaleStoreException if the context is older than its freshness anchor, or another copy; it
     *     was not taken over, unless another process wrote to it meanwhile
     * @throws dev.keystore.ContextMovedException if it was moved to another store, or has not completely arrived
     */
    Context open(String context, boolean unlessOwned, Attempts attempts) {
        long epoch = epoch(context, unlessOwned, attempts);
        // After the takeover: nobody can move it any more.
        StoreOpenException unknown = requireNotMoved(context, attempts);
        ContextFreshness followed = startFreshness(context, attempts);
        ContextSealer sealer = encrypted == null ? new Envelope(context) : encrypted.context(context);
        Context opened = new Context(context, epoch, sealer, followed);
        if (unknown != null) {
            opened.refuseCommits(unknown);
        }
        return opened;
    }

    /**
     * Takes a context over like {@link #open}, even if it was moved.
     *
     * @param sealer how its values are stored
     */
    Context openMoved(String context, boolean unlessOwned, ContextSealer sealer, Attempts attempts) {
        long epoch = epoch(context, unlessOwned, attempts);
        return new Context(context, epoch, sealer, startFreshness(context, attempts));
    }

    /**
     * Starts to raise the freshness anchor with the commits to a context that was taken over; throws as {@link #open}
     * does. Without that, a copy from before the next commit would count as fresh.
     *
     * @return null if there is no anchor
     */
    @Nullable
    ContextFreshness startFreshness(String context, Attempts attempts) {
        Freshness compared = freshnessOf(context);
        return compared == null ? null : compared.open(context, attempts);
    }

    /** Takes a context over like {@link #open}, even if it was moved, and returns only the new epoch. */
    long epoch(String context, boolean unlessOwned, Attempts attempts) {
        return epochs(List.of(context), unlessOwned, attempts).getOrDefault(context, 0L);
    }

    /**
     * Takes contexts over like {@link #epoch}, in as few commits as the backend can, and returns the new epoch of each.
     */
    Map<String, Long> epochs(Collection<String> contexts, boolean unlessOwned, Attempts attempts) {
        StackHeadroom.require();
        followMark(attempts); // a process that can write nothing to the contexts fences nobody
        contexts.forEach(context -> compare(context, attempts));
        String first = contexts.iterator().next();
        String what = contexts.size() == 1
                ? "context \"" + first + "\""
                : contexts.size() + " contexts, the first of which is \"" + first + "\"";
        Map<String, Long> epochs = takeOver(contexts, what, unlessOwned, attempts);
        followMark(attempts);
        return epochs;
    }

    private Map<String, Long> takeOver(
            Collection<String> contexts, String what, boolean unlessOwned, Attempts attempts) {
        String wait = "the takeover of " + what;
        try {
            return attempts.of(wait, "Could not take over " + what, () -> storage.takeOver(contexts, unlessOwned));
        } catch (OperationInterruptedException e) {
            throw new OperationInterruptedException(
                    wait, "no entry was changed, but the former owner may have lost it", e);
        }
    }

    /** Checks that a context is not older than the freshness anchor, if there is one; throws as {@link #open}. */
    void compare(String context, Attempts attempts) {
        Freshness compared = freshnessOf(context);
        if (compared != null) {
            compared.check(context, attempts);
        }
    }

    /**
     * Checks, by its stored name, that a context that the store holds nothing of is not missing in it according to the
     * freshness anchor, if there is one; throws as {@link #open}.
     */
    void compareMissing(String storedContext, Attempts attempts) {
        if (freshness != null && hasAnchor()) {
            freshness.checkMissing(storedContext, attempts);
        }
    }

    /** Returns whether contexts are compared with a freshness anchor. */
    boolean hasAnchor() {
        return isLive && freshness != null;
    }

    /** Returns what a context is compared with, or null; the context of the mark is not one of an account. */
    private @Nullable Freshness freshnessOf(String context) {
        return isLive && !context.equals(StoreSealing.MARK.type()) ? freshness : null;
    }

    /**
     * Checks that a context was not moved to another store; one of a backup is only read.
     *
     * @return why that cannot be found out, in a damaged store of which the rest can be read; else null
     */
    private @Nullable StoreOpenException requireNotMoved(String context, Attempts attempts) {
        try {
            MoveMark mark = isLive ? MoveMark.load(storage, context, attempts) : null;
            if (mark != null) {
                throw mark.refusal(context);
            }
            return null;
        } catch (StoreOpenException e) {
            if (BackendFailures.isPermanent(e.getCause())) {
                return e;
            }
            throw e;
        }
    }

    /**
     * Looks for another mark. It has to be done after each takeover: what this process writes to the context must have
     * the form that the store has then. {@link StoreEncryption} explains why no later change of the mark is missed.
     */
    void followMark(Attempts attempts) {
        if (!storage.hasOwnership()) {
            return; // no other process has the store open, or it goes unnoticed
        }
        if (encrypted == null) {
            SealedStore.requireStillPlain(storage, attempts);
        } else {
            encrypted.follow(attempts);
        }
    }
}
