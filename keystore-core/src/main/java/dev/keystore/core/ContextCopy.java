package dev.keystore.core;

import dev.keystore.CommitFailedException;
import dev.keystore.EntryId;
import dev.keystore.KeyStoreException;
import dev.keystore.LoadFailedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.CopyReport.ContextResult;
import dev.keystore.core.CopyReport.Outcome;
import dev.keystore.core.CopyReport.TypeDigest;
import dev.keystore.spi.Mutation;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Copies one context, or says what copying it would do.
 *
 * <p>Threads of this process that open the context wait meanwhile, in both databases. So no store of it is opened that
 * could cache what the target held before, and not learn of the commit that writes the context.
 */
final class ContextCopy {

    /** How many entries that cannot be read a result names. */
    private static final int ENTRIES_NAMED = 100;

    /** Called with what was read of the context so far, from the beginning each time it has to be read again. */
    interface Listener {

        /** A page of entries was read. */
        void read(long entries, long bytes);
    }

    private final SignalKeyDatabase source;
    private final SignalKeyDatabase target;
    private final String name;
    private final boolean replacing;
    private final @Nullable Restoration restoration;
    private final Listener listener;
    private final List<Mutation> marks = new ArrayList<>();
    private boolean written;

    /** The epoch with which this process has taken the source over; 0 on a backend without ownership. */
    private long sourceEpoch;

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

    /** Copies it, as the owner of the context in the source; throws what {@link StoreCopy#run} does. */
    ContextResult run() {
        return orNotCopied(() -> source.withoutOpening(name, () -> {
            Engine engine = source.engine();
            sourceEpoch = engine.takeovers.epoch(name, source.refusesOwned(), engine.attempts());
            return target.withoutOpening(name, () -> unlessMoved(this::copy));
        }));
    }

    /**
     * Copies it as a part of a move, and writes this mark to the target as well.
     *
     * @param epoch the epoch with which the move has taken the source over
     */
    ContextResult copyMarked(Mutation putMark, long epoch) {
        marks.add(putMark);
        sourceEpoch = epoch;
        return copy();
    }

    private ContextResult unlessMoved(Supplier<ContextResult> work) {
        MoveMark mark = ContextReader.mark("source", source.engine(), name);
        if (mark == null) {
            return work.get();
        }
        return restoration == null
                ? moved(mark)
                : result(Outcome.NOT_FOUND, Map.of(), "it was moved to " + mark.target());
    }

    private ContextResult moved(MoveMark mark) {
        return result(
                Outcome.REFUSED, Map.of(), String.valueOf(mark.refusal(name).getMessage()));
    }

    /** Returns what was carried of the source; null if all of it, or it was not read. */
    Restoration.@Nullable OfContext carried() {
        return carried;
    }

    /** Reads and compares what {@link #run} would, and changes nothing. */
    ContextResult dryRun() {
        return orNotCopied(() -> {
            try (Readers readers = new Readers()) {
                return unlessMoved(() -> {
                    ContextResult found = compareUnlessEmpty(readers);
                    return found != null ? found : readOnly(readers);
                });
            }
        });
    }

    /** Turns a failure that concerns only this context into its result. */
    ContextResult orNotCopied(Supplier<ContextResult> work) {
        try {
            target.checkContext(name);
        } catch (IllegalArgumentException e) {
            return result(Outcome.REFUSED, Map.of(), "the target cannot hold it: " + e.getMessage());
        }
        try {
            return ContextReader.holdsEntries("source", source.engine(), name) ? work.get() : notFound();
        } catch (LoadFailedException e) {
            return result(written ? Outcome.NOT_VERIFIED : Outcome.UNREADABLE, Map.of(), reasonUnlessTransient(e));
        } catch (CommitFailedException | OwnershipLostException e) {
            return result(Outcome.NOT_WRITTEN, Map.of(), reasonUnlessTransient(e));
        } catch (UnreadableEntryException e) { // the data keys of the target: entries are collected by the readers
            return result(Outcome.NOT_WRITTEN, Map.of(), "target: " + e.getMessage());
        }
    }

    private static String reasonUnlessTransient(KeyStoreException failure) {
        if (BackendFailures.isTransient(failure.getCause())) {
            throw failure; // the database as a whole cannot be reached now
        }
        return String.valueOf(failure.getMessage());
    }

    private ContextResult copy() {
        try (Readers readers = new Readers()) {
            ContextResult found = compareUnlessEmpty(readers);
            if (found != null && found.outcome() != Outcome.REPLACED) {
                return found;
            }
            Context context = readers.opened != null ? readers.opened : takeOverTarget(readers);
            return write(readers, context, found == null ? Outcome.COPIED : Outcome.REPLACED);
        }
    }

    /** Takes the context over in the target. What was loaded of its keys before is not used any more. */
    private Context takeOverTarget(Readers readers) {
        Engine engine = target.engine();
        long epoch = engine.takeovers.epoch(name, target.refusesOwned(), engine.attempts());
        return new Context(name, epoch, readers.forgetTargetKeys());
    }

    /** Returns the result if the target holds entries, which is {@code REPLACED} if they have to be; else null. */
    private @Nullable ContextResult compareUnlessEmpty(Readers readers) {
        if (!ContextReader.holdsEntries("target", target.engine(), name)) {
            return null;
        }
        MoveMark mark = marks.isEmpty() ? ContextReader.mark("target", target.engine(), name) : null;
        if (mark != null) {
            return moved(mark);
        }
        ContextComparison found = readers.compare();
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
                        "the target holds other entries of it, which replacing() would replace: " + found.difference());
    }

    private ContextResult readOnly(Readers readers) {
        ContextReader reader = readers.source();
        Map<String, TypeDigest> types = read(reader, page -> true);
        carried = reader.carried();
        return reader.unreadable().isEmpty()
                ? types.isEmpty() ? notFound() : result(Outcome.COPIED, types, "")
                : unreadable(types, reader.unreadable());
    }

    /** What is done with each page of the source. */
    private interface PageWork {

        /** Returns whether to go on with the next page. */
        boolean accept(Map<EntryId, byte[]> values);
    }

    private Map<String, TypeDigest> read(ContextReader reader, PageWork work) {
        ContextDigest digest = new ContextDigest();
        long entries = 0;
        long bytes = 0;
        for (List<EntryId> page : ContextReader.pages(reader.entries())) {
            Map<EntryId, byte[]> values = reader.values(page);
            values.forEach(digest::add);
            entries += values.size();
            bytes += values.values().stream().mapToLong(value -> value.length).sum();
            listener.read(entries, bytes);
            if (!work.accept(values)) {
                break;
            }
        }
        return digest.digests();
    }

    private ContextResult write(Readers readers, Context context, Outcome outcome) {
        boolean erasing = outcome == Outcome.REPLACED;
        while (true) {
            ContextReader reader = readers.source();
            ValueSealer sealer = ContextImport.sealerOf(context, erasing);
            List<Mutation> puts = new ArrayList<>();
            boolean[] outdated = {false};
            Map<String, TypeDigest> types = Map.of();
            boolean complete = false;
            try {
                types = read(reader, values -> {
                    outdated[0] = reader.unreadable().isEmpty() && !seal(sealer, values, puts);
                    return !outdated[0];
                });
                complete =
                        !outdated[0] && !types.isEmpty() && reader.unreadable().isEmpty();
            } finally {
                if (!complete) {
                    context.sealer().recordUnwritten(sealer);
                }
            }
            carried = reader.carried();
            if (!reader.unreadable().isEmpty()) {
                return unreadable(types, reader.unreadable());
            }
            if (types.isEmpty()) {
                return notFound();
            }
            if (complete) {
                ContextImport content = new ContextImport(context, erasing, sealer, marks, puts);
                long timeoutNanos = target.options().commitTimeout().toNanos();
                target.engine().commit(new CommitRequest(content, timeoutNanos));
                switch (content.result()) {
                    case WRITTEN -> {
                        written = true;
                        return verify(readers, types, outcome);
                    }
                    case NOT_EMPTY -> {
                        return result(
                                Outcome.REFUSED, types, "another thread wrote entries of it to the target meanwhile");
                    }
                    case OUTDATED -> {}
                }
            }
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

    /**
     * Compares what the target holds now with what was read. The digests are equal only if ids and values are, and none
     * is missing or added. Without ownership, the source may have changed since, so it is read once more.
     */
    private ContextResult verify(Readers readers, Map<String, TypeDigest> read, Outcome outcome) {
        if (isStillOwned() && read.equals(ContextComparison.digestsOf(readers.target()))) {
            return result(outcome, read, "");
        }
        ContextComparison now = readers.compare();
        if (!now.unreadable().isEmpty() || !now.source().equals(read)) {
            return result(
                    Outcome.NOT_VERIFIED,
                    now.source(),
                    "the source was changed while it was copied; close what writes to it, and copy the context again"
                            + " with replacing()");
        }
        return now.difference() == null
                ? result(outcome, read, "")
                : result(
                        Outcome.NOT_VERIFIED,
                        read,
                        "the target does not hold what was written to it: " + now.difference()
                                + "; make sure that nothing else writes to it, check its storage device, and copy the"
                                + " context again with replacing()");
    }

    /** Returns whether nobody else can have written to the source since it was taken over. */
    private boolean isStillOwned() {
        return sourceEpoch > 0
                && source.engine().storage.owner(name).stream().anyMatch(owner -> owner.epoch() == sourceEpoch);
    }

    private ContextResult notFound() {
        return result(Outcome.NOT_FOUND, Map.of(), "the source holds no entry of it");
    }

    private ContextResult unreadable(Map<String, TypeDigest> types, List<EntryId> entries) {
        List<EntryId> named = entries.subList(0, Math.min(entries.size(), ENTRIES_NAMED));
        String reason = "entries of the source that cannot be read: " + entries.size() + ", " + named.get(0)
                + " among them; list them with verify(), and delete them";
        return new ContextResult(name, Outcome.UNREADABLE, types, named, reason);
    }

    private ContextResult result(Outcome outcome, Map<String, TypeDigest> types, String reason) {
        return new ContextResult(name, outcome, types, List.of(), reason);
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
