package dev.keystore.core;

import dev.keystore.core.CopyReport.ContextResult;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/**
 * Moves contexts from one database to another, for example to another backend or machine (R84).
 *
 * <pre>{@code
 * try (SignalKeyDatabase source = SignalKeyDatabase.open("jdbc:sqlite:keys.db");
 *         SignalKeyDatabase target = SignalKeyDatabase.open("jdbc:postgresql://db1/keys")) {
 *     CopyReport report = StoreMove.from(source).to(target, "the database keys on db1").run();
 * }
 * }</pre>
 *
 * <p>Like {@link StoreCopy}, it carries all entries of a context in one commit, with their values sealed by the keys of
 * the target, reads both sides back and compares them. In addition, it marks the context in the source as moved, in one
 * commit. From then on, the source refuses to open the context and to write to it, in every process and after it is
 * opened again: with {@link dev.keystore.ContextMovedException}, which names the target. Sessions and counters continue
 * in the target where they were.
 *
 * <p><b>Where a context can be written.</b> In the source until it is marked as moved there, and in the target once its
 * mark there is deleted; never in both. If the move is killed between these two commits, the context can be written in
 * neither until the move is run again. At any time, at least one of the stores holds all entries.
 *
 * <p><b>The source</b> keeps its entries; they can be read by stores that are open. Delete the store once it is no
 * longer needed, or {@linkplain #eraseMoved erase} what it holds of the contexts that were moved. Back the target up
 * first: the source refuses the contexts even if the target is lost. Each context is taken over before it is read, as
 * in a copy. <b>The target</b> must not hold entries of a context, with two exceptions: entries of a move that has not
 * ended, and entries that remained when the context was moved away from the target. Both are replaced. A move that has
 * not ended is continued from its source only; a move from another store is refused.
 *
 * <p>If the move fails or is interrupted, or the process is killed, run it again with the same two databases to
 * continue it. If the source is lost before that, the context cannot be opened in the target, because the source may
 * have been written after it was read. Back the target up, restore the context by its name with {@link StoreRestore},
 * which drops what must not be used twice, and {@link #abandon} it in the target. A context that was not moved does not
 * stop the others. Memory, listeners and threads are those of a {@link StoreCopy}.
 */
public final class StoreMove {

    private final StoreCopy copy;

    /** Set by the thread that runs the move. */
    private final AtomicBoolean begun;

    private StoreMove(StoreCopy copy, AtomicBoolean begun) {
        this.copy = copy;
        this.begun = begun;
    }

    /**
     * Begins to describe a move.
     *
     * @param source the database to move from
     * @return a move that still needs its target
     */
    public static Origin from(SignalKeyDatabase source) {
        return new Origin(Objects.requireNonNull(source, "source"));
    }

    /** A move without a target. */
    public static final class Origin {

        private final SignalKeyDatabase source;

        private Origin(SignalKeyDatabase source) {
            this.source = source;
        }

        /**
         * Returns a move of all contexts; nothing is moved until {@link #run}.
         *
         * @param target the database to move to
         * @param name the name of the target in messages of the source, without a password; stored in the source
         * @return a new move
         * @throws IllegalArgumentException if the target is the source, or the name is blank
         */
        public StoreMove to(SignalKeyDatabase target, String name) {
            if (Objects.requireNonNull(name, "name").isBlank()) {
                throw new IllegalArgumentException("name must not be blank: call the target something");
            }
            StoreCopy copy = StoreCopy.from(source).to(target);
            AtomicBoolean begun = new AtomicBoolean();
            copy.moving((context, listener) ->
                    new ContextMove(source, target, context, name, listener, () -> begun.set(true)));
            return new StoreMove(copy, begun);
        }
    }

    /**
     * Restricts the move to some contexts. By default, all are moved.
     *
     * @param names their names; copied
     * @return this move
     * @throws IllegalArgumentException if the source or the target cannot have such a context
     */
    public StoreMove contexts(Set<String> names) {
        copy.contexts(names);
        return this;
    }

    /**
     * Registers a listener that is called with the progress, as that of {@link StoreCopy#listener}.
     *
     * @param progress the listener, in place of any former one
     * @return this move
     */
    public StoreMove listener(Consumer<? super CopyProgress> progress) {
        copy.listener(progress);
        return this;
    }

    /**
     * Registers a listener that is called with the outcome of each context, as that of {@link StoreCopy#onContext}.
     * Contexts that are copied are moved.
     *
     * @param results the listener, in place of any former one
     * @return this move
     */
    public StoreMove onContext(Consumer<? super ContextResult> results) {
        copy.onContext(results);
        return this;
    }

    /**
     * Moves the contexts. Blocks until that is done.
     *
     * @return what was done; all contexts were moved, now or by an earlier run
     * @throws CopyIncompleteException if contexts were not moved; all others were, and the report says which
     * @throws dev.keystore.KeyStoreException as for {@link StoreCopy#run}; what was moved before stays so, and the move
     *     can be run again
     * @throws UnsupportedOperationException as for {@link StoreCopy#run}
     * @throws IllegalArgumentException as for {@link StoreCopy#run}
     * @throws IllegalStateException if a database is closed
     */
    public CopyReport run() {
        return copy.run();
    }

    /**
     * Returns whether {@link #run} has begun to change one of the databases: to write entries or marks. Contexts that
     * it has only taken over count as unchanged.
     *
     * @return whether it has
     */
    public boolean hasBegun() {
        return begun.get();
    }

    /**
     * Reads and compares what {@link #run} would, takes no context over, and changes nothing, in either database (R94).
     * Does not check whether owners are alive.
     *
     * @return what would be done: {@link #run} has the same outcomes, as long as nothing else is written meanwhile
     * @throws dev.keystore.LoadFailedException as for {@link #run}
     * @throws UnsupportedOperationException as for {@link #run}
     * @throws dev.keystore.OperationInterruptedException if the thread was interrupted
     * @throws IllegalArgumentException as for {@link #run}
     * @throws IllegalStateException if a database is closed
     */
    public CopyReport dryRun() {
        return copy.dryRun();
    }

    /**
     * Erases what a move that has not ended has written of a context to its target. The context can then be created
     * there, or moved there from another store.
     *
     * <p>Call it only if the source is lost: if that has marked the context as moved already, it refuses the context
     * from then on. On a backend with ownership, a move that is running is not disturbed.
     *
     * @param target the database that the context was being moved to
     * @param context its name
     * @return whether it was erased; false if no move of it to this database has begun, or the move has ended. Nothing
     *     was changed then
     * @throws dev.keystore.ContextOwnedException if the owner of the context is alive, such as a move that is running;
     *     nothing was changed
     * @throws dev.keystore.KeyStoreException as for a commit and for {@link SignalKeyDatabase#forContext}
     * @throws IllegalArgumentException if the database cannot have such a context
     * @throws IllegalStateException if the database is closed
     */
    public static boolean abandon(SignalKeyDatabase target, String context) {
        target.engine().checkOpen();
        target.checkContext(Objects.requireNonNull(context, "context"));
        return ContextMove.abandon(target, context);
    }

    /**
     * Erases what the source still holds of a context that was moved away: all entries, the credentials and its data
     * key included, in one commit. The source refuses the context as before, with
     * {@link dev.keystore.ContextMovedException}; it can be moved back.
     *
     * <p>The target has held all of it since the move marked the source. Whether the target still exists is not
     * checked: if it is lost, the source may hold the only entries of the account that are left. Nor is it checked
     * whether the move has ended: if it has not, run it again, so that the target can open the context. If names are
     * hidden, {@linkplain #contexts name} the context then, since the source does not know its name any more.
     *
     * @param source the database that the context was moved from, in which this process has not opened it
     * @param context its name
     * @return whether it was erased; false if it was not moved away from this database. Nothing was changed then
     * @throws dev.keystore.ContextOwnedException if the owner of the context is alive, such as a move that is running;
     *     nothing was changed
     * @throws dev.keystore.KeyStoreException as for a commit and for {@link SignalKeyDatabase#forContext}
     * @throws IllegalArgumentException if the database cannot have such a context
     * @throws IllegalStateException if the database is closed, or this process has opened the context in it
     */
    public static boolean eraseMoved(SignalKeyDatabase source, String context) {
        source.engine().checkOpen();
        source.checkContext(Objects.requireNonNull(context, "context"));
        return ContextMove.eraseMoved(source, context);
    }
}
