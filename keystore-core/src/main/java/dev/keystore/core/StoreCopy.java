package dev.keystore.core;

import com.google.common.hash.Hashing;
import dev.keystore.KeyStoreException;
import dev.keystore.LoadFailedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.CopyReport.ContextResult;
import dev.keystore.core.CopyReport.Outcome;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Copies contexts from one database to another, which may have different backends, encryption and hidden names (R90).
 *
 * <pre>{@code
 * try (SignalKeyDatabase source = SignalKeyDatabase.open("jdbc:sqlite:keys.db");
 *         SignalKeyDatabase target = SignalKeyDatabase.open("mapdb:keys")) {
 *     CopyReport report = StoreCopy.from(source).to(target).run();
 * }
 * }</pre>
 *
 * <p>All entries of a context are carried, as bytes: those of every type, also of types that this process does not use,
 * and the credentials. They are opened with the keys of the source and sealed with those of the target; the keys and
 * the mark of an encrypted store are not carried. Contexts without entries are not copied.
 *
 * <p><b>Atomicity.</b> All entries of a context are written to the target in one commit, so the context appears there
 * whole or not at all. Small contexts share a commit. If the copy fails or is interrupted, or the process is killed,
 * the contexts that were copied stay in the target. Run the copy again to continue it: a context whose entries are in
 * the target already is compared, and counts as copied. On a backend that implements no
 * {@link dev.keystore.spi.AtomicCommit}, a kill may leave a part of one context; the next run refuses it as different,
 * unless {@link #replacing} is set.
 *
 * <p><b>The target</b> need not be empty. If it holds different entries of a context, the context is refused and left
 * as it is, unless {@link #replacing} is set. A context that the target refuses because of a {@link StoreMove} is
 * refused in any case. If the target database has not opened the context, the context is taken over from its owner when
 * it is written.
 *
 * <p><b>The source</b> is owned during the copy: on a backend with ownership, each context is taken over before it is
 * read. All of its stores that were opened before, in other processes and in this one, are fenced, and their next
 * commit fails with {@link dev.keystore.OwnershipLostException}; {@link SignalKeyDatabase#takeOver} returns a store
 * that can commit. With {@link SignalKeyDatabase.Builder#refuseOwned()}, a context whose owner is alive in another
 * process is not taken over, and the copy fails. On a backend without ownership, a writer cannot be fenced; a change is
 * detected only if it happens before the context is verified. A thread of this process that opens a context during its
 * copy waits until this context and the others in the same commit are copied, at most {@code commitTimeout}. Other
 * processes can still create contexts: at the end, the source is listed once more, and new contexts are copied, too. A
 * context that is created after that stays in the source, so end the processes that use the source first.
 *
 * <p><b>Verification.</b> After it was written, each context is read back from the target, and compared with what was
 * read of the source in both directions: same ids, same bytes, no extra entries (R91). If another process may have
 * written to the source during the copy, the source is read once more. Caches are not filled. Other threads write the
 * contexts of one commit, and verify them, while the next contexts are read.
 *
 * <p><b>Memory.</b> At any time, memory holds one large context, or two groups of at most 256 contexts with 8 MiB of
 * values each: every id twice and every record once. The backend of the target needs additional memory for a commit of
 * that size. Memory does not depend on the number of contexts. {@code commitTimeout} of the target has to suffice for a
 * commit of its largest context.
 *
 * <p><b>Failures.</b> A context that cannot be copied, for a reason that concerns only this context, does not stop the
 * others. At the end, {@link #run} throws {@link CopyIncompleteException}, since callers that ignore a report would
 * take a copy without some accounts for a complete one. A database that cannot be reached, a living owner and an
 * interrupt end the copy at once.
 *
 * <p>Listeners are called on the calling thread, and must not use the two databases; what they throw ends the copy. Not
 * thread-safe. An object can be run several times.
 */
public final class StoreCopy {

    private static final int MAXIMUM_GROUP_SIZE = 256;

    private final SignalKeyDatabase source;
    private final SignalKeyDatabase target;
    private @Nullable Set<String> contexts;
    private boolean replacing;
    private @Nullable Consumer<? super CopyProgress> listener;
    private Consumer<? super ContextResult> onContext = result -> {};
    private @Nullable Restoration restoration;
    private @Nullable BiFunction<String, ContextCopy.Listener, ContextMove> move;
    private BiConsumer<ContextResult, Restoration.OfContext> onRestored = (result, carried) -> {};

    private StoreCopy(SignalKeyDatabase source, SignalKeyDatabase target) {
        this.source = source;
        this.target = target;
    }

    /**
     * Begins to describe a copy.
     *
     * @param source the database to copy from
     * @return a copy that still needs its target
     */
    public static Origin from(SignalKeyDatabase source) {
        return new Origin(Objects.requireNonNull(source, "source"));
    }

    /** A copy without a target. */
    public static final class Origin {

        private final SignalKeyDatabase source;

        private Origin(SignalKeyDatabase source) {
            this.source = source;
        }

        /**
         * Returns a copy of all contexts; nothing is copied until {@link #run}.
         *
         * @param target the database to copy to
         * @return a new copy
         * @throws IllegalArgumentException if it is the source
         */
        public StoreCopy to(SignalKeyDatabase target) {
            if (Objects.requireNonNull(target, "target").equals(source)) {
                throw new IllegalArgumentException("target must not be the source: open the database to copy to");
            }
            return new StoreCopy(source, target);
        }
    }

    /**
     * Restricts the copy to some contexts. By default, all contexts that {@link SignalKeyDatabase#contexts()} of the
     * source lists are copied, in its order, and then all that have been created during the copy.
     *
     * @param names their names; copied. They are copied in the order of their names
     * @return this copy
     * @throws IllegalArgumentException if the source or the target cannot have such a context
     */
    public StoreCopy contexts(Set<String> names) {
        Set<String> checked = new TreeSet<>(Objects.requireNonNull(names, "names"));
        checked.forEach(name -> {
            source.checkContext(name);
            target.checkContext(name);
        });
        contexts = checked;
        return this;
    }

    /**
     * Replaces the contexts of which the target holds other entries than the source: in one commit, they are erased and
     * written. What the target held of them is lost. By default, they are refused. Contexts that the target refuses
     * because of a move are not replaced.
     *
     * @return this copy
     */
    public StoreCopy replacing() {
        replacing = true;
        return this;
    }

    /**
     * Registers a listener that is called with the progress: after each page of at most 64 entries and each context.
     * With a listener, the contexts are counted first.
     *
     * @param progress the listener, in place of any former one
     * @return this copy
     */
    public StoreCopy listener(Consumer<? super CopyProgress> progress) {
        listener = Objects.requireNonNull(progress, "progress");
        return this;
    }

    /**
     * Registers a listener that is called with the outcome of each context, once that is known, with the digests of its
     * types.
     *
     * @param results the listener, in place of any former one
     * @return this copy
     */
    public StoreCopy onContext(Consumer<? super ContextResult> results) {
        onContext = Objects.requireNonNull(results, "results");
        return this;
    }

    /**
     * Carries only what a restore does.
     *
     * @param onRestored called for each context whose backup was read
     */
    StoreCopy restoring(Restoration rules, BiConsumer<ContextResult, Restoration.OfContext> onRestored) {
        this.restoration = rules;
        this.onRestored = onRestored;
        return this;
    }

    /** Moves each context instead of copying it. */
    void moving(BiFunction<String, ContextCopy.Listener, ContextMove> how) {
        move = how;
    }

    /**
     * Copies the contexts, and verifies them. Blocks until that is done.
     *
     * @return what was done; all contexts are in the target as they are in the source
     * @throws CopyIncompleteException if contexts were not copied; all others were, and the report says which
     * @throws dev.keystore.ContextOwnedException if {@code refuseOwned} is set, for the source or the target, and the
     *     owner of a context is alive; this context was not changed, and what was copied before stays
     * @throws dev.keystore.LoadFailedException if a backend could not be reached, the contexts could not be listed, or
     *     a context was not verified within ten times the {@code commitTimeout} of the target; what was copied before
     *     stays
     * @throws KeyStoreException as for a commit and for {@link SignalKeyDatabase#forContext}; what was copied before
     *     stays. After {@link dev.keystore.CommitOutcomeUnknownException}, run the copy again
     * @throws UnsupportedOperationException if no contexts were named, and the backend of the source can't list them;
     *     nothing was changed
     * @throws OperationInterruptedException if the thread was interrupted; what was copied before stays
     * @throws IllegalArgumentException if the target has the id of the source: it is the same store, opened by another
     *     path, or a plain copy of its files; nothing was changed
     * @throws IllegalStateException if a database is closed
     */
    public CopyReport run() {
        CopyReport report = new CopyRun(false).run();
        if (!report.isComplete()) {
            throw new CopyIncompleteException(report);
        }
        return report;
    }

    /**
     * Reads and compares what {@link #run} would, takes no context over, and changes nothing, in either database (R94).
     * Does not check whether owners are alive.
     *
     * @return what would be done; contexts that would not be copied are in {@link CopyReport#notCopied}
     * @throws dev.keystore.LoadFailedException as for {@link #run}
     * @throws UnsupportedOperationException as for {@link #run}
     * @throws OperationInterruptedException if the thread was interrupted
     * @throws IllegalArgumentException as for {@link #run}
     * @throws IllegalStateException if a database is closed
     */
    public CopyReport dryRun() {
        return new CopyRun(true).run();
    }

    /**
     * Refuses a target that is the source, opened by another path, or a plain copy of its files: marks of moves tell
     * stores apart by their ids.
     */
    private void requireOtherStore() {
        Optional<String> id = knownId(source);
        if (id.isPresent() && id.equals(knownId(target))) {
            throw new IllegalArgumentException("The target has the id of the source (" + id.get()
                    + "), and nothing was changed: it is the same store by another path, or a plain copy of its files;"
                    + " name another store");
        }
    }

    /** Returns the id of a store; empty if it has none, or it cannot be read: damaged stores are copied, too. */
    private static Optional<String> knownId(SignalKeyDatabase database) {
        try {
            return database.engine().id.known();
        } catch (LoadFailedException | UnreadableEntryException e) {
            return Optional.empty();
        }
    }

    /** One run, on its thread. */
    private final class CopyRun {

        private final boolean dry;
        private final Map<Outcome, Long> outcomes = new EnumMap<>(Outcome.class);
        private final List<ContextResult> notCopied = new ArrayList<>();

        /** The contexts that are not begun. */
        private final List<ContextCopy> waiting = new ArrayList<>();

        /** The contexts that are begun, of which something was read. */
        private final Map<String, ContextCopy> reading = new HashMap<>();

        /** The contexts that were read last, and are written while the next ones are read; or null. */
        private @Nullable CopyGroup writing;

        /** The contexts that were written last, while they are verified; or null. */
        private @Nullable CopyGroup verifying;

        /** How many contexts are copied together. */
        private int groupSize = 1;

        /** The sum of the hashes of the contexts that were listed first. */
        private long listed;

        private long allContexts;
        private long done;
        private long entriesRead;
        private long bytesRead;
        private long entriesCopied;
        private long bytesCopied;

        /** What the listener threw while a context was being copied, which must not be taken for its failure. */
        private @Nullable KeyStoreException listenerFailure;

        CopyRun(boolean dry) {
            this.dry = dry;
        }

        CopyReport run() {
            source.engine().checkOpen();
            target.engine().checkOpen();
            if (restoration == null) {
                requireOtherStore();
            }
            if (listener != null) {
                allContexts = count();
            }
            try {
                copyListed(this::addListed, this::unnamed);
                if (contexts == null && !dry && restoration == null && sumOfHashes() != listed) {
                    Set<String> left =
                            notCopied.stream().map(ContextResult::context).collect(Collectors.toSet());
                    copyListed(name -> addIfNew(name, left), unnamed -> {});
                }
            } catch (KeyStoreException e) {
                endAfter(e);
                throw !dry && e instanceof OperationInterruptedException
                        ? new OperationInterruptedException(
                                "contexts to be copied",
                                "those that were copied before stay in the target; run it again",
                                e)
                        : e;
            } finally {
                close(writing);
                close(verifying);
            }
            return new CopyReport(dry, outcomes, entriesCopied, bytesCopied, notCopied);
        }

        private long count() {
            AtomicLong count = new AtomicLong();
            forEachContext(name -> count.incrementAndGet(), unnamed -> count.incrementAndGet());
            return count.get();
        }

        /** Lists the contexts again. The sum is the one of before, if the same contexts are listed. */
        private long sumOfHashes() {
            AtomicLong sum = new AtomicLong();
            forEachContext(name -> sum.addAndGet(hash(name)), unnamed -> {});
            return sum.get();
        }

        private static long hash(String name) {
            return Hashing.farmHashFingerprint64().hashUnencodedChars(name).asLong();
        }

        private void addListed(String name) {
            listed += hash(name);
            add(name);
        }

        private void copyListed(Consumer<String> named, Consumer<UnreadableEntryException> unnamed) {
            forEachContext(named, unnamed);
            while (!waiting.isEmpty()) {
                copyGroup();
            }
            endWriting();
            endVerifying();
        }

        /** Adds a context that was created while the others were copied: the target holds nothing of it. */
        private void addIfNew(String name, Set<String> left) {
            if (!left.contains(name) && !ContextReader.holdsEntries("target", target.engine(), name)) {
                add(name);
            }
        }

        /** Calls with each name; and with the failure at the end if a context has a hidden name that is unknown. */
        private void forEachContext(Consumer<String> named, Consumer<UnreadableEntryException> unnamed) {
            Set<String> chosen = contexts;
            if (chosen != null) {
                chosen.forEach(named);
                return;
            }
            try (Stream<String> listed = source.contexts()) {
                Iterator<String> names = listed.iterator();
                while (hasNext(names, unnamed)) {
                    named.accept(names.next());
                }
            }
        }

        private boolean hasNext(Iterator<String> names, Consumer<UnreadableEntryException> unnamed) {
            try {
                return names.hasNext();
            } catch (UnreadableEntryException e) {
                unnamed.accept(e);
                return false;
            }
        }

        private void add(String name) {
            if (move != null) {
                LoadFailures.throwIfInterrupted(name);
                ContextMove moved = move.apply(name, this::read);
                ended(name, dry ? moved.dryRun() : moved.run(), null);
                return;
            }
            ContextCopy copy = new ContextCopy(source, target, name, replacing, restoration, this::read);
            if (dry) {
                LoadFailures.throwIfInterrupted(name);
                ended(name, copy.dryRun(), copy.carried());
                return;
            }
            waiting.add(copy);
            while (waiting.size() >= groupSize) {
                copyGroup();
            }
        }

        /**
         * Reads contexts that wait: one at first, then more at a time, as long as they are small. Meanwhile, the group
         * before them is written, and the one before that is verified.
         */
        private void copyGroup() {
            LoadFailures.throwIfInterrupted(waiting.get(0).name());
            CopyGroup group =
                    new CopyGroup(source, target, List.copyOf(waiting.subList(0, Math.min(groupSize, waiting.size()))));
            boolean read = false;
            try {
                group.prepare(); // both use the connection that writes, so before the commit
                startWriting();
                waiting.subList(0, group.read()).clear();
                adaptGroupSize(group.bytes());
                endWriting();
                writing = group;
                read = true;
            } finally {
                if (!read) {
                    group.close();
                }
            }
        }

        /** Begins to write what was read last; a large context is written before others are read. */
        private void startWriting() {
            CopyGroup group = writing;
            if (group != null && group.bytes() <= 2 * CopyGroup.MAXIMUM_BYTES) {
                group.startCommit();
            } else {
                endWriting();
            }
        }

        private void endWriting() {
            CopyGroup group = writing;
            writing = null;
            if (group == null) {
                return;
            }
            boolean started = false;
            try {
                group.commit();
                endVerifying();
                group.startVerifying();
                verifying = group;
                started = true;
            } finally {
                if (!started) {
                    group.close();
                }
            }
        }

        /** Ends what was begun before a failure, so that it is reported. */
        private void endAfter(KeyStoreException failure) {
            try {
                endWriting();
                endVerifying();
            } catch (RuntimeException e) {
                if (!e.equals(failure)) {
                    failure.addSuppressed(e);
                }
            }
        }

        private static void close(@Nullable CopyGroup group) {
            if (group != null) {
                group.close();
            }
        }

        private void adaptGroupSize(long bytes) {
            if (bytes <= CopyGroup.MAXIMUM_BYTES / 2) {
                int limit = Math.min(MAXIMUM_GROUP_SIZE, target.engine().storage.groupLimit());
                groupSize = Math.min(2 * groupSize, limit);
            } else if (bytes > CopyGroup.MAXIMUM_BYTES) {
                groupSize = Math.max(groupSize / 2, 1);
            }
        }

        private void endVerifying() {
            CopyGroup group = verifying;
            verifying = null;
            if (group != null) {
                try (group) {
                    group.finish().forEach(copy -> ended(copy.name(), copy.result(), copy.carried()));
                }
            }
        }

        private void ended(String name, ContextResult result, Restoration.@Nullable OfContext carried) {
            reading.remove(name);
            if (listenerFailure != null) {
                throw listenerFailure;
            }
            if (carried != null) {
                onRestored.accept(result, carried);
            }
            boolean named = contexts != null && carried == null;
            if (result.outcome() != Outcome.NOT_FOUND
                    || named) { // otherwise it was emptied meanwhile, or all is dropped
                ended(result);
            }
        }

        private void unnamed(UnreadableEntryException failure) {
            String reason = String.valueOf(failure.getMessage());
            ended(new ContextResult(failure.context(), Outcome.UNREADABLE, Map.of(), List.of(failure.entry()), reason));
        }

        private void ended(ContextResult result) {
            outcomes.merge(result.outcome(), 1L, Long::sum);
            done++;
            entriesRead += result.entries();
            bytesRead += result.bytes();
            if (result.outcome().isCopied()) {
                entriesCopied += result.entries();
                bytesCopied += result.bytes();
            } else {
                notCopied.add(result);
            }
            onContext.accept(result);
            report();
        }

        private void read(ContextCopy copy) {
            if (listener != null) {
                reading.put(copy.name(), copy);
                report();
            }
        }

        private void report() {
            if (listener == null) {
                return;
            }
            if (listenerFailure != null) {
                throw listenerFailure; // it was taken for the failure of a context whose group is not finished
            }
            long entries = entriesRead;
            long bytes = bytesRead;
            for (ContextCopy copy : reading.values()) {
                entries += copy.entriesRead();
                bytes += copy.bytesRead();
            }
            try {
                listener.accept(new CopyProgress(done, Math.max(done, allContexts), entries, bytes));
            } catch (KeyStoreException e) {
                listenerFailure = e;
                throw e;
            }
        }
    }
}
