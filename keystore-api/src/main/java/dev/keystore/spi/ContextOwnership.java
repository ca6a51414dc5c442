package dev.keystore.spi;

import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * A backend shared by several processes that lets only one of them at a time commit to a context (R53).
 *
 * <p>Fencing: the backend keeps an epoch for each context, initially 0, which each takeover raises. A commit whose
 * {@link Batch#epoch()} is not the current epoch of its context is refused with
 * {@link dev.keystore.OwnershipLostException}. The check is part of the same atomic write. Saves and deletes of single
 * entries are not checked; the engine does not use them on such a backend.
 *
 * <p>Exactly-once commits: with each commit the backend atomically stores the commit's id, its epoch and
 * {@link Batch#sequence()}, as the last one of the context (R54). If a batch is sent again with the id of a commit that
 * was written, it is not written again and the call returns normally. In this way the engine determines the outcome of
 * a commit whose connection broke. A takeover also keeps the id of the last commit before it, so that a former owner
 * can determine the outcome, too; {@link #lastCommit} says for how long.
 *
 * <p>Empty contexts: when a backend is closed, it removes its records of owned contexts without entries, if the store
 * can be written (R55). Even so, a context never gets the same epoch twice: its next takeover returns a higher epoch
 * than all takeovers before it, so its former owners stay fenced.
 */
public interface ContextOwnership extends AtomicCommit {

    /**
     * Takes a context over from any owner: durably raises its epoch, so that every former owner's commits are refused.
     *
     * <p>Called by any thread, possibly concurrently with a commit. The engine retries after a failure of kind
     * {@link BackendException.Kind#TRANSIENT}, for example when another process held a lock for too long.
     *
     * @param context the name of the context
     * @return the new epoch, at least 1
     * @throws BackendException if the context was not taken over; its epoch is unchanged or was raised by one
     */
    long takeOver(String context);

    /**
     * Takes a context over unless its owner is alive.
     *
     * <p>The owner is the opened backend, in this process or another, that took the context over last. It is alive
     * until it is closed or its process exits. If several callers concurrently take over a context that has no live
     * owner, exactly one of them succeeds.
     *
     * <p>Liveness must be determined by something that ends with the owner, such as a lock held by its process or
     * connection, and not by clocks. An owner that lost its connection may be considered dead; it is then fenced as by
     * {@link #takeOver}.
     *
     * @param context the name of the context
     * @return the new epoch, at least 1
     * @throws dev.keystore.ContextOwnedException if the owner is alive; the exception identifies it; nothing was
     *     changed
     * @throws BackendException if the context was not taken over; its epoch is unchanged or was raised by one
     */
    long takeOverUnlessOwned(String context);

    /**
     * Takes several contexts over, each as by {@link #takeOver} or {@link #takeOverUnlessOwned}. A copy calls it for
     * many small contexts (R90).
     *
     * <p>By default, takes them over one by one. A backend that can do it in one atomic write overrides this: then
     * nothing is changed if one of them cannot be taken over.
     *
     * @param contexts the names of the contexts, each once
     * @param unlessOwned whether to fail if the owner of one of them is alive
     * @return the new epoch of each context
     * @throws dev.keystore.ContextOwnedException if {@code unlessOwned} and the owner of one of them is alive; the
     *     exception identifies it; others may have been taken over
     * @throws BackendException if not all of them were taken over
     */
    default Map<String, Long> takeOverEach(Collection<String> contexts, boolean unlessOwned) {
        Map<String, Long> epochs = new LinkedHashMap<>();
        for (String context : contexts) {
            epochs.put(context, unlessOwned ? takeOverUnlessOwned(context) : takeOver(context));
        }
        return epochs;
    }

    /**
     * Takes over every context that another owner has taken over, unless such an owner is alive (R74). When this
     * returns, every commit with an epoch that was issued to another owner before the call is refused. The contexts
     * without entries are included.
     *
     * <p>A takeover of another owner that runs concurrently counts either as one before the call or as one after it. In
     * the latter case, that owner then reads everything that was committed before the call.
     *
     * @throws dev.keystore.ContextOwnedException if another owner is alive; the exception identifies it and one of its
     *     contexts; some contexts of owners that are not alive may have been taken over
     * @throws BackendException if not all of them were taken over
     */
    void takeOverAllUnlessOwned();

    /**
     * Returns the sequence of the last commit that was written to a context in an epoch.
     *
     * <p>The engine asks after a group was refused because one of its contexts was taken over, about any context of
     * that group. A group is atomic, so the answer is final also for a context that is still owned.
     *
     * @param context the name of the context
     * @param epoch the current epoch or an earlier one
     * @return the sequence, 0 if nothing was committed in the epoch; empty if the answer is no longer known because a
     *     later owner has committed and the context was then taken over again, or because an owner was closed while the
     *     context held nothing
     * @throws BackendException if the answer could not be determined now
     */
    OptionalLong lastCommit(String context, long epoch);

    /**
     * Makes each later takeover of any context return an epoch above a number, durably. A restore calls it for a store
     * that holds no context yet, so that a process that owned contexts of the former store at the same place cannot
     * commit to the restored ones (R84).
     *
     * <p>By default, does nothing. Then such a process may be able to commit.
     *
     * @param floor the number, at least 0
     * @throws BackendException if it is not certain that this was written
     */
    default void raiseEpochs(long floor) {}

    /**
     * Returns the last owner of a context, and whether it is alive. Takes nothing over, and changes nothing: for tools
     * that look at a store alongside its owner.
     *
     * @param context the name of the context
     * @return the owner; empty if the context was never taken over, or its owner was closed while it held nothing
     * @throws BackendException if the owner could not be determined
     */
    Optional<ContextOwner> owner(String context);
}
