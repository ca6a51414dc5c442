package dev.keystore.spi;

import java.util.OptionalLong;

/**
 * A backend that several processes share, and that lets one of them at a time commit to a context (R53).
 *
 * <p>It keeps an epoch for each context, 0 to begin with, which rises with each takeover. A commit whose
 * {@link Batch#epoch()} is not the context's is refused with {@link dev.keystore.OwnershipLostException}, checked within
 * the same atomic write. Saves and deletes of single entries are not checked; the engine does not use them here.
 *
 * <p>It also keeps, written with each commit, the id of the last commit of each context that has an owner: epoch and
 * {@link Batch#sequence()} (R54). What is sent again with the ids it was written with is not written again, and its commit
 * returns as if it had been: so the engine finds out what became of a commit whose outcome is unknown. With each takeover it
 * keeps the id of the last commit before that as well, so that this also holds for a former owner; {@link #lastCommit}
 * says how far.
 */
public interface ContextOwnership extends AtomicCommit {

    /**
     * Takes a context over: raises its epoch, durably, so that every former owner's commits are refused. Called from any
     * thread, also beside a commit. The engine tries again after a failure that is
     * {@link BackendException.Kind#TRANSIENT}, such as a lock that another process does not let go in time.
     *
     * @return the new epoch, at least 1
     * @throws BackendException if the context could not be taken over; its epoch is as it was, or one higher
     */
    long takeOver(String context);

    /**
     * Takes a context over unless its owner lives: another opened backend, in this process or another, that has taken it
     * over last, and was neither closed nor has died. Of several that call this at once for a context without a living
     * owner, one takes it over.
     *
     * <p>Whether an owner lives is told by what ends with it, such as a lock that its process or its connection holds, and
     * not by clocks. One that has lost its connection may be taken for dead: it is fenced then, as by {@link #takeOver}.
     *
     * @return the new epoch, at least 1
     * @throws dev.keystore.ContextOwnedException if its owner lives, and says who that is; nothing was changed
     * @throws BackendException as {@link #takeOver} says
     */
    long takeOverUnlessOwned(String context);

    /**
     * Returns the sequence of the last commit to a context with an epoch, 0 if there was none. Asked about an epoch whose
     * commits are refused: there will be no others.
     *
     * @return empty if that is not known any more: a later owner has committed, and the context was taken over again
     * @throws BackendException if the backend can't tell now
     */
    OptionalLong lastCommit(String context, long epoch);
}
