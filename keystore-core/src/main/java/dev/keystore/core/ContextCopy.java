package dev.keystore.core;

import dev.keystore.CommitFailedException;
import dev.keystore.EntryId;
import dev.keystore.KeyStoreException;
import dev.keystore.LoadFailedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.ContextImport.ImportResult;
import dev.keystore.core.CopyReport.ContextResult;
import dev.keystore.core.CopyReport.Outcome;
import dev.keystore.core.CopyReport.TypeDigest;
import dev.keystore.spi.Mutation;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Copies one context, or says what copying it would do. A {@link CopyGroup} calls the steps in their order:
 * {@link #begin}, {@link #lockInSource}, {@link #lockInTarget}, {@link #compare}, {@link #takenOver}, {@link #read},
 * {@link #commit}, {@link #committed}, {@link #verify} and {@link #close}. Once the result is known, the others do
 * nothing.
 *
 * <p>A failure that concerns only this context becomes its result; any other one is thrown, and ends the copy.
 */
final class ContextCopy implements AutoCloseable {

    /** How many entries that cannot be read a result names. */
    private static final int ENTRIES_NAMED = 100;

    /** Called with what was read of the context so far, from the beginning each time it has to be read again. */
    interface Listener {

        /** A page of entries was read. */
        void read(ContextCopy copy);
    }

    /** A part of the work. */
    interface Step {

        /** Returns the result if it is known now, else null. */
        @Nullable
        ContextResult run();
    }

    private final SignalKeyDatabase source;
    private final SignalKeyDatabase target;
    private final String name;
    private final boolean replacing;
    private final @Nullable Restoration restoration;
    private final Listener listener;
    private final List<Mutation> marks = new ArrayList<>();

    private @Nullable ContextResult result;
    private @Nullable Readers readers;
    private LockTable.@Nullable Held sourceLock;
    private LockTable.@Nullable Held targetLock;

    /** Whether it replaces other entries in the target. */
    private boolean erasing;

    /** The epoch with which this process has taken the source over; 0 on a backend without ownership. */
    private long sourceEpoch;

    /** The context as this process writes it in the target. */
    private @Nullable Context context;

    /** What was read and has to be committed, with the sealer of its records. */
    private @Nullable ContextImport content;

    private @Nullable ValueSealer sealer;
    private Map<String, TypeDigest> types = Map.of();
    private boolean written;
    private long entriesRead;
    private long bytesRead;

    /** What was carried of the source when it was last read; null if all of it, or it was not read. */
    private Restoration.@Nullable OfContext carried;

    /**
     * Creates a copy.
     *
     * @param restoration what is carried of the entries; null if all are, as they are
     */
    ContextCopy(
            SignalKeyDatabase source,
            SignalKeyDatabase target,
            String name,
            boolean replacing,
            @Nullable Restoration restoration,
            Listener listener) {
        this.source = source;
        this.target = target;
        this.name = name;
        this.replacing = replacing;
        this.restoration = restoration;
        this.listener = listener;
    }

    /** Writes a mark of the engine to the target as well, in the same commit. */
    void addMark(Mutation put) {
        marks.add(put);
    }

    String name() {
        return name;
    }

    /** Returns whether the result is not known yet. */
    boolean isUndecided() {
        return result == null;
    }

    /** Returns the result, once it is known. */
    ContextResult result() {
        return Objects.requireNonNull(result);
    }

    /** Returns what was carried of the source; null if all of it, or it was not read. */
    Restoration.@Nullable OfContext carried() {
        return carried;
    }

    /** Returns how many entries were read to be copied. */
    long entriesRead() {
        return entriesRead;
    }

    /** Returns their size, in bytes. */
    long bytesRead() {
        return bytesRead;
    }

    /** Checks that the target can hold it, and the source holds entries of it, or says that it was moved. */
    void begin() {
        attempt(() -> {
            try {
                target.checkContext(name);
            } catch (IllegalArgumentException e) {
                return result(Outcome.REFUSED, Map.of(), "the target cannot hold it: " + e.getMessage());
            }
            return ContextReader.holdsEntriesOrMark("source", source.engine(), name) ? null : notFound();
        });
    }

    /** Keeps other threads of this process from opening it in the source, until it is closed. */
    void lockInSource() {
        sourceLock = source.lockOpening(name);
    }

    /** Keeps other threads of this process from opening it in the target, until it is closed. */
    void lockInTarget() {
        targetLock = target.lockOpening(name);
    }

    /** Does a part of the work, if the result is not known yet; a failure of this context is its result. */
    void attempt(Step step) {
        attempt(step, () -> "target");
    }

    /**
     * Does a part of the work, as {@link #attempt(Step)}.
     *
     * @param place which database a commit that failed was written to, for the reason
     */
    void attempt(Step step, Supplier<String> place) {
        if (result != null) {
            return;
        }
        try {
            result = step.run();
        } catch (LoadFailedException e) {
            result = result(written ? Outcome.NOT_VERIFIED : Outcome.UNREADABLE, Map.of(), reasonUnlessTransient(e));
        } catch (CommitFailedException | OwnershipLostException e) {
            result = result(Outcome.NOT_WRITTEN, Map.of(), place.get() + ": " + reasonUnlessTransient(e));
        } catch (UnreadableEntryException e) { // the data keys of a database: entries are collected by the readers
            result = result(Outcome.NOT_WRITTEN, Map.of(), place.get() + ": " + e.getMessage());
        }
    }

    private static String reasonUnlessTransient(KeyStoreException failure) {
        if (BackendFailures.isTransient(failure.getCause())) {
            throw failure; // the database as a whole cannot be reached now
        }
        return String.valueOf(failure.getMessage());
    }

    /** Reads and compares what a copy would, and changes nothing. */
    ContextResult dryRun() {
        begin();
        attempt(() -> {
            try (Readers opened = new Readers()) {
                ContextResult moved = marks.isEmpty() ? resultIfMoved() : null;
                ContextResult found = moved == null ? compareUnlessEmpty(opened) : moved;
                return found == null ? readOnly(opened) : found;
            }
        });
        return result();
    }

    /**
     * Finds out whether it has to be written: it was not moved away, and the target holds nothing of it, or other
     * entries that are to be replaced.
     *
     * @param epoch the epoch with which this process has taken the source over; 0 on a backend without ownership
     */
    void compare(long epoch) {
        sourceEpoch = epoch;
        attempt(() -> {
            Readers opened = new Readers();
            readers = opened;
            context = opened.opened;
            ContextResult moved = marks.isEmpty() ? resultIfMoved() : null;
            ContextResult found = moved == null ? compareUnlessEmpty(opened) : moved;
            erasing = found != null && found.outcome() == Outcome.REPLACED;
            return erasing ? null : found;
        });
    }

    private @Nullable ContextResult resultIfMoved() {
        MoveMark mark = ContextReader.mark("source", source.engine(), name);
        if (mark == null || (restoration != null && restoration.carries(name, mark))) {
            return null;
        }
        return restoration == null
                ? moved(mark)
                : result(Outcome.NOT_FOUND, Map.of(), "it was moved to " + mark.target());
    }

    private ContextResult moved(MoveMark mark) {
        return result(
                Outcome.REFUSED, Map.of(), String.valueOf(mark.refusal(name).getMessage()));
    }

    private ContextResult refusedByTarget(MoveMark mark) {
        return result(
                Outcome.REFUSED,
                Map.of(),
                mark.side() == MoveMark.Side.MOVED
                        ? "it was moved from the target to " + mark.target()
                                + ", and the target refuses it; to bring it back, move it instead (keystore move)"
                        : "a move of it to the target has not ended, and the target refuses it; run that move again, or"
                                + " abandon it in the target (keystore erase)");
    }

    /**
     * Returns the result if the target holds entries, which is {@code REPLACED} if they have to be, or refuses the
     * context because of a move; else null.
     */
    private @Nullable ContextResult compareUnlessEmpty(Readers opened) {
        boolean moving = !marks.isEmpty();
        boolean holdsAny = moving
                ? ContextReader.holdsEntries("target", target.engine(), name)
                : ContextReader.holdsEntriesOrMark("target", target.engine(), name);
        if (!holdsAny) {
            return null;
        }
        MoveMark mark = moving ? null : ContextReader.mark("target", target.engine(), name);
        if (mark != null) {
            return refusedByTarget(mark);
        }
        ContextComparison found = opened.compare();
        if (!found.unreadable().isEmpty()) {
            return unreadable(found.source(), found.unreadable());
        }
        if (found.source().isEmpty()) {
            return notFound();
        }
        if (found.difference() == null) {
            return result(Outcome.ALREADY_THERE, found.source(), "");
        }
        return replacing
                ? result(Outcome.REPLACED, found.source(), "")
                : result(
                        Outcome.REFUSED,
                        found.source(),
                        "the target holds other entries of it"
                                + (restoration == null ? ", which replacing() would replace: " : ": ")
                                + found.difference());
    }

    private ContextResult readOnly(Readers opened) {
        ContextReader reader = opened.source();
        Reading reading = new Reading(null);
        reader.read(reading);
        Map<String, TypeDigest> found = reading.digest.digests();
        carried = reader.carried();
        return reader.unreadable().isEmpty()
                ? found.isEmpty() ? notFound() : result(Outcome.COPIED, found, "")
                : unreadable(found, reader.unreadable());
    }

    /** Returns whether it has to be taken over in the target: it has to be written, and no store of it is open. */
    boolean needsTakeOver() {
        return result == null && context == null;
    }

    /**
     * Records the epoch of the target, whose freshness anchor is kept up with it. What was loaded of its keys before is
     * not used any more.
     */
    void takenOver(long epoch) {
        Engine engine = target.engine();
        ContextFreshness freshness = engine.takeovers.startFreshness(name, engine.attempts());
        context = new Context(name, epoch, opened().forgetTargetKeys(), freshness);
    }

    private Readers opened() {
        return Objects.requireNonNull(readers);
    }

    /** Reads it in the source, and seals it for the target. */
    void read() {
        attempt(() -> {
            ContextResult found = readAndSeal();
            while (found == null && content == null) {
                found = readAndSeal();
            }
            return found;
        });
    }

    /** Sets {@link #content}, unless the result is known now, or the sealer was replaced meanwhile. */
    private @Nullable ContextResult readAndSeal() {
        Context writes = Objects.requireNonNull(context);
        dropContent();
        ContextReader reader = opened().source();
        ValueSealer current = ContextImport.sealerOf(writes, erasing);
        sealer = current;
        Reading reading = new Reading(current);
        reader.read(reading);
        types = reading.digest.digests();
        carried = reader.carried();
        if (!reader.unreadable().isEmpty()) {
            return unreadable(types, reader.unreadable());
        }
        if (types.isEmpty() && !reading.outdated) {
            return notFound();
        }
        content = reading.outdated ? null : new ContextImport(writes, erasing, current, marks, reading.puts);
        return null;
    }

    /** Records that nothing is written of what was read, for keys that were created for it. */
    private void dropContent() {
        content = null;
        if (sealer != null && context != null) {
            context.sealer().recordUnwritten(sealer);
            sealer = null;
        }
    }

    /** Seals what is read, with a sealer of the target, or only counts it. */
    private final class Reading implements PlainSnapshot.Pages {

        private final @Nullable ValueSealer sealing;
        private final ContextDigest digest = new ContextDigest();
        private final List<Mutation> puts = new ArrayList<>();
        private boolean outdated;

        Reading(@Nullable ValueSealer sealing) {
            this.sealing = sealing;
        }

        @Override
        public void begin() {
            digest.begin();
            puts.clear();
            entriesRead = 0;
            bytesRead = 0;
        }

        @Override
        public boolean accept(Map<EntryId, byte[]> values) {
            digest.accept(values);
            entriesRead += values.size();
            bytesRead +=
                    values.values().stream().mapToLong(value -> value.length).sum();
            listener.read(ContextCopy.this);
            outdated = sealing != null && !seal(sealing, values, puts);
            return !outdated;
        }
    }

    /** Adds the records of values, and returns true; or false if the sealer has been replaced. */
    private static boolean seal(ValueSealer sealer, Map<EntryId, byte[]> values, List<Mutation> puts) {
        for (Map.Entry<EntryId, byte[]> value : values.entrySet()) {
            EntryId entry = value.getKey();
            byte[] record = sealer.seal(entry.type(), entry.id(), value.getValue());
            if (record == null) {
                return false;
            }
            puts.add(new Mutation.Put(entry.type(), entry.id(), record));
        }
        return true;
    }

    /** Returns the commit that writes what was read. */
    CommitRequest commit() {
        return new CommitRequest(
                Objects.requireNonNull(content),
                target.options().commitTimeout().toNanos());
    }

    /**
     * Records how the commit ended.
     *
     * @param failure its failure, or null
     */
    void committed(@Nullable KeyStoreException failure) {
        sealer = null; // the commit has recorded what became of it
        attempt(() -> {
            if (failure != null) {
                throw failure;
            }
            ImportResult wrote = Objects.requireNonNull(content).result();
            content = null; // its memory is not needed any more
            if (wrote == ImportResult.NOT_EMPTY) {
                return result(Outcome.REFUSED, types, "another thread wrote entries of it to the target meanwhile");
            }
            written = wrote == ImportResult.WRITTEN;
            return null;
        });
    }

    /** Returns whether nothing was written, since the keys of the context were replaced: it has to be read again. */
    boolean isOutdated() {
        return result == null && !written;
    }

    /** Compares both databases, after it was written. */
    void verify() {
        attempt(() -> verified(opened(), erasing ? Outcome.REPLACED : Outcome.COPIED));
    }

    /**
     * Compares what the target holds now with what was read. The digests are equal only if ids and values are, and none
     * is missing or added. Without ownership, the source may have changed since, so it is read once more.
     */
    private ContextResult verified(Readers opened, Outcome outcome) {
        if (isStillOwned() && types.equals(ContextComparison.digestsOf(opened.target()))) {
            return result(outcome, types, "");
        }
        ContextComparison now = opened.compare();
        if (!now.unreadable().isEmpty() || !now.source().equals(types)) {
            return result(
                    Outcome.NOT_VERIFIED,
                    now.source(),
                    "the source was changed while it was copied; close what writes to it, and " + again());
        }
        return now.difference() == null
                ? result(outcome, types, "")
                : result(
                        Outcome.NOT_VERIFIED,
                        types,
                        "the target does not hold what was written to it: " + now.difference()
                                + "; make sure that nothing else writes to it, check its storage device, and "
                                + again());
    }

    private String again() {
        if (restoration != null) {
            return "restore the backup to another store";
        }
        return marks.isEmpty() ? "copy the context again with replacing()" : "move the context again";
    }

    /** Returns whether nobody else can have written to the source since it was taken over. */
    private boolean isStillOwned() {
        return sourceEpoch > 0
                && source.engine().storage.owner(name).stream().anyMatch(owner -> owner.epoch() == sourceEpoch);
    }

    private ContextResult notFound() {
        return result(Outcome.NOT_FOUND, Map.of(), "the source holds no entry of it");
    }

    private ContextResult unreadable(Map<String, TypeDigest> found, List<EntryId> entries) {
        List<EntryId> named = entries.subList(0, Math.min(entries.size(), ENTRIES_NAMED));
        String reason = "entries of the source that cannot be read: " + entries.size() + ", " + named.get(0)
                + " among them; list them with verify()" + (restoration == null ? ", and delete them" : "");
        return new ContextResult(name, Outcome.UNREADABLE, found, named, reason);
    }

    private ContextResult result(Outcome outcome, Map<String, TypeDigest> found, String reason) {
        return new ContextResult(name, outcome, found, List.of(), reason);
    }

    /** Overwrites the keys that were loaded for it, and lets it be opened again. It can be begun again afterwards. */
    @Override
    public void close() {
        try {
            dropContent();
            Readers opened = readers;
            readers = null;
            if (opened != null) {
                opened.close();
            }
        } finally {
            release(target, targetLock);
            release(source, sourceLock);
            targetLock = null;
            sourceLock = null;
        }
    }

    private static void release(SignalKeyDatabase database, LockTable.@Nullable Held lock) {
        if (lock != null) {
            database.unlockOpening(lock);
        }
    }

    /** How the context is read in both databases. */
    private final class Readers implements AutoCloseable {

        /** The context of a store of the target that is open, or null. */
        private final @Nullable Context opened = target.opened(name);

        private final ContextSealer sourceSealer = source.engine().unopenedSealer(name);
        private ContextSealer targetSealer = opened == null ? target.engine().unopenedSealer(name) : opened.sealer();

        ContextReader source() {
            return new ContextReader("source", source.engine(), name, sourceSealer, restoration);
        }

        ContextReader target() {
            return new ContextReader("target", target.engine(), name, targetSealer, null);
        }

        ContextComparison compare() {
            ContextReader from = source();
            ContextComparison found = ContextComparison.of(from, target());
            carried = from.carried();
            return found;
        }

        /** Returns how the context is read and written in the target, from now on with keys that are loaded again. */
        ContextSealer forgetTargetKeys() {
            targetSealer.close();
            targetSealer = target.engine().unopenedSealer(name);
            return targetSealer;
        }

        @Override
        public void close() {
            sourceSealer.close();
            if (opened == null) {
                targetSealer.close();
            }
        }
    }
}
