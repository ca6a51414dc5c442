package dev.keystore.core;

import dev.keystore.core.CopyReport.ContextResult;
import dev.keystore.core.CopyReport.Outcome;
import dev.keystore.spi.Mutation;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Moves one context. Each step is one commit, after which a killed move continues:
 *
 * <ol>
 *   <li>The target gets all entries and the mark {@code ARRIVING}: it cannot be opened; the source still can.
 *   <li>The source gets the mark {@code MOVED}, if it is what the target holds: it cannot be written any more.
 *   <li>The mark of the target is deleted: it can be opened.
 * </ol>
 *
 * <p>Threads of this process that open the context wait meanwhile, in both databases. Other owners are fenced by the
 * takeover of the source, before it is read.
 */
final class ContextMove {

    private static final String UNFINISHED = "; the target holds an unfinished copy, which it refuses to open: run the"
            + " move again, or abandon it in the target (keystore erase)";

    private static final String LEFT = "; the source refuses the context already: run the move again";

    private final SignalKeyDatabase source;
    private final SignalKeyDatabase target;
    private final String name;
    private final String targetName;
    private final ContextCopy.Listener listener;

    /** Called before each commit. */
    private final Runnable onChange;

    /** What has become of the context, if the move then fails; added to the reason. */
    private String reached = "";

    /** Which database the next commit is written to, for messages. */
    private String writing = "target";

    ContextMove(
            SignalKeyDatabase source,
            SignalKeyDatabase target,
            String name,
            String targetName,
            ContextCopy.Listener listener,
            Runnable onChange) {
        this.source = source;
        this.target = target;
        this.name = name;
        this.targetName = targetName;
        this.listener = listener;
        this.onChange = onChange;
    }

    /** Moves it; throws what {@link StoreMove#run} does. */
    ContextResult run() {
        return attempt(() -> source.withOpeningLock(name, () -> target.withOpeningLock(name, () -> move(false))));
    }

    /** Returns what {@link #run} would, and changes nothing; throws what {@link StoreMove#dryRun} does. */
    ContextResult dryRun() {
        return attempt(() -> move(true));
    }

    private ContextResult attempt(ContextCopy.Step step) {
        ContextCopy copy = new ContextCopy(source, target, name, false, null, listener);
        copy.begin();
        copy.attempt(step, () -> writing);
        ContextResult result = copy.result();
        return result.outcome().isCopied()
                ? result
                : new ContextResult(
                        name, result.outcome(), result.types(), result.unreadable(), result.reason() + reached);
    }

    /**
     * Erases what a move that has not ended has written to its target, with the mark; does what
     * {@link StoreMove#abandon} does.
     */
    static boolean abandon(SignalKeyDatabase target, String name) {
        return erase(target, name, MoveMark.Side.ARRIVING);
    }

    /** Erases what a move has left in its source, without the mark; does what {@link StoreMove#eraseMoved} does. */
    static boolean eraseMoved(SignalKeyDatabase source, String name) {
        return erase(source, name, MoveMark.Side.MOVED);
    }

    private static boolean erase(SignalKeyDatabase database, String name, MoveMark.Side side) {
        return database.withOpeningLock(name, () -> {
            Engine engine = database.engine();
            MoveMark mark = ContextReader.mark(side == MoveMark.Side.MOVED ? "source" : "target", engine, name);
            if (mark == null || mark.side() != side) {
                return false;
            }
            if (database.opened(name) != null) {
                throw new IllegalStateException("Context \"" + name + "\" was opened before it was moved, and may still"
                        + " be read from memory: close the database, open it again, and erase what is left then");
            }
            Context moved = takeOver(engine, name, true); // a running move is not fenced
            Mutation clear = new Mutation.Clear(moved.keptByClear(Set.of())); // keeps the mark
            MoveCommit erasing = new MoveCommit(
                    moved,
                    side == MoveMark.Side.MOVED ? List.of(clear) : List.of(clear, MoveMark.delete()),
                    () -> mark.equals(MoveMark.load(engine.storage, name)),
                    () -> {});
            commit(database, erasing);
            return erasing.isWritten();
        });
    }

    private ContextResult move(boolean dry) {
        MoveMark here = ContextReader.mark("source", source.engine(), name);
        MoveMark there = ContextReader.mark("target", target.engine(), name);
        if (here != null) {
            return continueAfter(here, there, dry);
        }
        if (target.opened(name) != null) {
            return refused("this process has opened it in the target; close that database, and move it again");
        }
        boolean replaceable = there != null;
        if (!replaceable && ContextReader.holdsEntries("target", target.engine(), name)) {
            return refused("the target holds entries of it already; erase them there, or leave it where it is");
        }
        String sourceId = idOf(source, dry);
        MoveMark arriving = there != null && there.side() == MoveMark.Side.ARRIVING
                ? there
                : new MoveMark(MoveMark.Side.ARRIVING, UUID.randomUUID().toString(), sourceId, targetName);
        if (!arriving.other().equals(sourceId)) {
            return refused("a move of it from another store to the target has not ended; run that move again");
        }
        if (there != null && there.equals(arriving)) {
            reached = UNFINISHED;
        }
        if (dry) {
            return copyOf(replaceable, arriving).dryRun();
        }
        Context from = contextOf(source); // first: if it is refused, nothing is changed
        if (there != null && !there.equals(arriving)) {
            change(target, arriving.put()); // it was moved away from there, and comes back
            reached = UNFINISHED;
        }
        ContextResult result;
        boolean moved;
        do {
            int seen = from.awaitPublications();
            result = copy(replaceable, arriving, from.epoch());
            if (!result.outcome().isCopied()) {
                reached = result.outcome() == Outcome.NOT_VERIFIED ? UNFINISHED : reached; // it was written
                return result;
            }
            replaceable = true;
            reached = UNFINISHED;
            writing = "source";
            moved = leave(
                    from, new MoveMark(MoveMark.Side.MOVED, arriving.move(), idOf(target, false), targetName), seen);
            writing = "target";
        } while (!moved);
        reached = LEFT;
        arrive();
        return result;
    }

    private ContextResult copy(boolean replacing, MoveMark arriving, long epoch) {
        ContextCopy copy = copyOf(replacing, arriving);
        try (CopyGroup group = new CopyGroup(source, target, List.of(copy))) {
            group.prepareOwned(Map.of(name, epoch));
            group.read();
            onChange.run();
            group.commit();
            group.verify();
        }
        return copy.result();
    }

    private ContextCopy copyOf(boolean replacing, MoveMark arriving) {
        ContextCopy copy = new ContextCopy(source, target, name, replacing, null, listener);
        copy.addMark(arriving.put());
        return copy;
    }

    /** Marks the source as moved, unless it has changed since, and returns whether it was marked. */
    private boolean leave(Context from, MoveMark moved, int seen) {
        Context opened = source.opened(name);
        MoveCommit commit = new MoveCommit(from, List.of(moved.put()), () -> from.unchangedSince(seen), () -> {
            from.markMoved(moved.target());
            if (opened != null) {
                opened.markMoved(moved.target());
            }
        });
        commit(source, commit);
        return commit.isWritten();
    }

    private static String idOf(SignalKeyDatabase database, boolean dry) {
        StoreId id = database.engine().id;
        return (dry ? id.known() : id.get()).orElse("");
    }

    private void arrive() {
        change(target, MoveMark.delete());
    }

    /**
     * Returns the context as this process writes it: on a backend with ownership as a new owner, on another one through
     * the store that is open, if there is one.
     */
    private Context contextOf(SignalKeyDatabase database) {
        Engine engine = database.engine();
        Context opened = engine.storage.hasOwnership() ? null : database.opened(name);
        return opened != null ? opened : takeOver(engine, name, database.refusesOwned());
    }

    private static Context takeOver(Engine engine, String name, boolean unlessOwned) {
        return engine.takeovers.openMoved(name, unlessOwned, engine.unopenedSealer(name), engine.attempts());
    }

    private void change(SignalKeyDatabase database, Mutation change) {
        MoveCommit commit = new MoveCommit(contextOf(database), List.of(change), () -> true, () -> {});
        onChange.run();
        commit(database, commit);
    }

    private static void commit(SignalKeyDatabase database, MoveCommit commit) {
        Engine engine = database.engine();
        engine.commit(new CommitRequest(commit, engine.options.commitTimeout().toNanos()));
    }

    /** Continues a move that has marked the source, or says what that would do. */
    private ContextResult continueAfter(MoveMark here, @Nullable MoveMark there, boolean dry) {
        if (here.side() == MoveMark.Side.ARRIVING) {
            return refused("a move of it to the source has not ended; run that move again");
        }
        boolean arriving = there != null
                && there.side() == MoveMark.Side.ARRIVING
                && there.move().equals(here.move());
        if (arriving) {
            if (!dry) {
                reached = LEFT;
                arrive();
            }
        } else if (there != null || !here.other().equals(idOf(target, dry))) {
            return refused("it was moved to " + here.target() + ", but the target is another store");
        } else if (!ContextReader.holdsEntries("target", target.engine(), name)) {
            return refused("it was moved to " + here.target() + ", which holds no entry of it any more");
        }
        return result(Outcome.ALREADY_THERE, "");
    }

    private ContextResult refused(String reason) {
        return result(Outcome.REFUSED, reason);
    }

    private ContextResult result(Outcome outcome, String reason) {
        return new ContextResult(name, outcome, Map.of(), List.of(), reason);
    }
}
