package dev.keystore.core;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.keystore.ContextPosition;
import dev.keystore.EntryId;
import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import dev.keystore.StoreOpenException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.CopyReport.ContextResult;
import dev.keystore.core.CopyReport.Outcome;
import dev.keystore.core.RestoreReport.LeftOutContext;
import dev.keystore.core.RestoreReport.RestoredContext;
import dev.keystore.core.StoreState.Kind;
import dev.keystore.spi.RestoreRules;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes a live store of a backup that {@link StoreBackup} has written (R84).
 *
 * <pre>{@code
 * try (SignalKeyDatabase backup = SignalKeyDatabase.builder().url("jdbc:sqlite:keys.backup").readingBackup().open()) {
 *     RestoreReport report = StoreRestore.from(backup)
 *             .to(SignalKeyDatabase.builder().url("jdbc:sqlite:keys.db"))
 *             .run();
 * }
 * }</pre>
 *
 * <p>A restore is not a copy. Since the backup was taken, messages were sent and received, and pre-keys were used. A
 * ratchet that goes back to that time uses keys a second time, and an id that is issued again belongs to another key.
 * So:
 *
 * <ul>
 *   <li>sessions, sender keys, sender-key memory and one-time pre-keys are dropped. Contacts are answered in new
 *       sessions, and new pre-keys have to be uploaded;
 *   <li>counters of ids are advanced by a margin ({@link #idMargin});
 *   <li>identity, credentials, signed and last-resort pre-keys, identities of others, mappings, app-state keys and all
 *       other entries stay as they are;
 *   <li>the target is a new store, with a new store id and higher epochs than the backup. Commits of a process that
 *       still believes that it owns a context are refused.
 * </ul>
 *
 * <p>{@link dev.keystore.spi.RestoreRules} on the class path say what becomes of entries whose form only their author
 * knows. Those of {@code keystore-libsignal} have to be there for its accounts. If the credentials or other entries of
 * another client hold counters, write some.
 *
 * <p><b>Make sure that no process uses the lost store any more.</b> If it is still there, move it instead.
 *
 * <p><b>The target</b> is a new store on any backend, encrypted or not as its builder says; values are opened with the
 * keys of the backup and sealed with those of the target. One that exists has to be empty; it gets another store id. A
 * freshness anchor of its builder is neither read nor written: all contexts are new to it when they are opened. The
 * target is marked while it is being restored, and cannot be opened until all contexts are in it, and were read back
 * and compared. If the restore fails or the process is killed, run it again with the same backup and options, and it
 * continues.
 *
 * <p>Listeners are called on the calling thread; what they throw ends the restore. Not thread-safe.
 */
public final class StoreRestore {

    private static final Logger LOG = LoggerFactory.getLogger(StoreRestore.class);
    private static final int DEFAULT_ID_MARGIN = 1_000_000;

    /** How many takeovers of a context may have come after the backup. */
    private static final long EPOCH_MARGIN = 1_000_000;

    private static final int LARGEST_ID_MARGIN = 8_000_000;

    private static final EntryId CREDENTIALS = new EntryId("credentials", "credentials");

    /** An entry that the rules of {@code keystore-libsignal} apply to, on which this module does not depend. */
    private static final EntryId LAST_PRE_KEY_ID = new EntryId("libsignal-last-key-id", "pre-key");

    /** Types of which an account of {@code keystore-libsignal} has entries. */
    private static final List<KeyType<byte[]>> OF_LIBSIGNAL = List.of(
            KeyType.ofBytes(LAST_PRE_KEY_ID.type()), KeyType.ofBytes("libsignal-account"), OneTimePreKeys.KYBER_MARK);

    /** What credentials of {@code keystore-libsignal} begin with; those of its first format hold counters. */
    private static final byte[] LIBSIGNAL_CREDENTIALS = "KSLS".getBytes(US_ASCII);

    private final SignalKeyDatabase backup;
    private final SignalKeyDatabase.Builder target;
    private int idMargin = DEFAULT_ID_MARGIN;
    private @Nullable Set<String> contexts;
    private @Nullable Consumer<? super CopyProgress> listener;
    private Consumer<? super RestoredContext> onContext = restored -> {};
    private boolean begun;

    private StoreRestore(SignalKeyDatabase backup, SignalKeyDatabase.Builder target) {
        this.backup = backup;
        this.target = target;
    }

    /**
     * Begins to describe a restore.
     *
     * @param backup the backup, opened with {@link SignalKeyDatabase.Builder#readingBackup()}
     * @return a restore that still needs its target
     * @throws IllegalArgumentException if it was opened without that setting
     */
    public static Origin from(SignalKeyDatabase backup) {
        if (Objects.requireNonNull(backup, "backup").engine().state() == null) {
            throw new IllegalArgumentException("backup must be a backup that was opened with readingBackup(), and is a"
                    + " live store: copy it with StoreCopy, or move it");
        }
        return new Origin(backup);
    }

    /** A restore without a target. */
    public static final class Origin {

        private final SignalKeyDatabase backup;

        private Origin(SignalKeyDatabase backup) {
            this.backup = backup;
        }

        /**
         * Returns a restore of all contexts; nothing is written until {@link #run}.
         *
         * @param target opens the target, which {@link #run} closes again
         * @return a new restore
         */
        public StoreRestore to(SignalKeyDatabase.Builder target) {
            return new StoreRestore(backup, Objects.requireNonNull(target, "target"));
        }
    }

    /**
     * Sets how far counters of ids are advanced: further than the number of ids of one kind that were issued after the
     * backup was taken. Ids of pre-keys run up to 16,777,214, and then begin again.
     *
     * @param margin 1 to 8,000,000; 1,000,000 by default
     * @return this restore
     * @throws IllegalArgumentException if it is out of range
     */
    public StoreRestore idMargin(int margin) {
        if (margin < 1 || margin > LARGEST_ID_MARGIN) {
            throw new IllegalArgumentException("margin must be 1 to " + LARGEST_ID_MARGIN + ", was " + margin);
        }
        idMargin = margin;
        return this;
    }

    /**
     * Restores only some contexts, for example all but one whose records are damaged. By default, all are restored,
     * except contexts that were moved away, and contexts that were still being moved to the store when it was backed
     * up; the report names both.
     *
     * <p>A context of the latter kind is restored if it is named. Name it only if the store that it was moved from is
     * lost: otherwise, run the move again, which keeps its sessions.
     *
     * @param names their names; copied
     * @return this restore
     */
    public StoreRestore contexts(Set<String> names) {
        contexts = Set.copyOf(names);
        return this;
    }

    /**
     * Registers a listener that is called with the progress, as that of {@link StoreCopy#listener}.
     *
     * @param progress the listener, in place of any former one
     * @return this restore
     */
    public StoreRestore listener(Consumer<? super CopyProgress> progress) {
        listener = Objects.requireNonNull(progress, "progress");
        return this;
    }

    /**
     * Registers a listener that is called for each context that was restored, with what was dropped.
     *
     * @param restored the listener, in place of any former one
     * @return this restore
     */
    public StoreRestore onContext(Consumer<? super RestoredContext> restored) {
        onContext = Objects.requireNonNull(restored, "restored");
        return this;
    }

    /**
     * Restores the contexts, and verifies them. Blocks until that is done, and closes the target. The target can then
     * be opened.
     *
     * @return what was restored and dropped, and which contexts were left out because of a move
     * @throws CopyIncompleteException if contexts cannot be restored, for example because records of the backup are
     *     damaged; all others were. Its report names those that were left out because of a move as well. The target
     *     cannot be opened until {@link #run} has returned; restore the {@link #contexts} that can be
     * @throws StoreOpenException if the target cannot be opened, holds contexts, or is the target of another restore,
     *     or of an earlier run that has restored contexts which are not named any more; it was not changed
     * @throws dev.keystore.LoadFailedException if one of the databases could not be reached; run the restore again.
     *     Also if the file of the backup is damaged as a whole; then nothing was changed
     * @throws dev.keystore.KeyStoreException as for {@link StoreCopy#run}; run the restore again
     * @throws dev.keystore.OperationInterruptedException if the thread was interrupted; run the restore again
     * @throws IllegalStateException if the backup is closed, two {@link dev.keystore.spi.RestoreRules} apply to one
     *     entry, or the backup holds an account of {@code keystore-libsignal}, whose rules are not on the class path;
     *     then nothing was changed
     */
    public RestoreReport run() {
        List<RestoreRules> rules = Restoration.registered();
        missingRules(rules, true).ifPresent(missing -> {
            throw new IllegalStateException("Context \"" + missing.context()
                    + "\" of the backup holds an account of keystore-libsignal, and only the rules of that module"
                    + " advance its counters of pre-key ids and drop its one-time Kyber pre-keys: put"
                    + " keystore-libsignal on the class path; nothing was changed");
        });
        Restoration restoration = new Restoration(rules, idMargin, contexts != null);
        StoreState from = Objects.requireNonNull(backup.engine().state());
        long highestEpoch = highestEpoch(); // first: if the backup cannot be listed, nothing is changed
        try (SignalKeyDatabase opened = target.openToRestore()) {
            Engine engine = opened.engine();
            begin(opened, new StoreState(Kind.RESTORING, from.storeId(), from.detail()));
            begun = true;
            engine.attempts().of("the epochs to be raised", "The epochs of the store could not be raised", () -> {
                engine.storage.raiseEpochs(highestEpoch + EPOCH_MARGIN);
                return engine;
            });
            RestoreReport report = restore(opened, restoration);
            StoreState.replace(engine.storage, engine.attempts(), null);
            return report;
        }
    }

    /**
     * A context that is to be restored, but no {@link dev.keystore.spi.RestoreRules} on the class path apply to entries
     * in it that may hold counters.
     *
     * @param context its name
     * @param isOfLibsignal whether it holds an account of {@code keystore-libsignal}, which is refused; if not, it
     *     holds credentials, which are kept as they are
     */
    public record MissingRules(String context, boolean isOfLibsignal) {}

    /**
     * Returns the first context to be restored whose rules are missing, if there is one. Those that cannot be read are
     * passed over, since they are not restored. Changes nothing.
     *
     * @param acceptsCredentials whether credentials need no rules, except those of {@code keystore-libsignal}
     * @return the context; empty if all rules are there
     * @throws StoreOpenException if rules on the class path cannot be loaded
     * @throws dev.keystore.LoadFailedException if the backup could not be read
     * @throws dev.keystore.OperationInterruptedException if the thread was interrupted
     * @throws IllegalStateException if the backup is closed
     */
    public Optional<MissingRules> missingRules(boolean acceptsCredentials) {
        return missingRules(Restoration.registered(), acceptsCredentials);
    }

    private Optional<MissingRules> missingRules(List<RestoreRules> rules, boolean acceptsCredentials) {
        boolean knowsLibsignal = rules.stream().anyMatch(each -> each.applyTo(LAST_PRE_KEY_ID));
        boolean knowsCredentials = acceptsCredentials || rules.stream().anyMatch(each -> each.applyTo(CREDENTIALS));
        if (knowsLibsignal && knowsCredentials) {
            return Optional.empty();
        }
        try (Stream<String> names = contexts == null ? backup.contexts() : contexts.stream()) {
            for (Iterator<String> each = names.iterator(); each.hasNext(); ) {
                String name = each.next();
                Found found = found(name);
                boolean ofLibsignal = found == Found.LIBSIGNAL;
                if (ofLibsignal ? !knowsLibsignal : found == Found.CREDENTIALS && !knowsCredentials) {
                    return Optional.of(new MissingRules(name, ofLibsignal));
                }
            }
            return Optional.empty();
        } catch (UnreadableEntryException e) { // after the others: the name of a context that is not restored
            LOG.debug("The keys of a context of the backup are damaged, so it is not restored", e);
            return Optional.empty();
        }
    }

    /** What rules may have to apply to. */
    private enum Found {
        LIBSIGNAL,
        CREDENTIALS,
        NOTHING
    }

    private Found found(String context) {
        try {
            MoveMark mark = MoveMark.load(backup.engine().storage, context);
            return mark == null || Restoration.carries(mark, contexts != null)
                    ? backup.inspection().read(context, StoreRestore::found)
                    : Found.NOTHING;
        } catch (UnreadableEntryException e) {
            LOG.debug("Context \"{}\" of the backup is damaged, so it is not restored", context, e);
            return Found.NOTHING;
        }
    }

    private static Found found(KeyReader context) {
        Optional<byte[]> credentials = context.credentials();
        if (OF_LIBSIGNAL.stream().anyMatch(type -> holds(context, type))
                || credentials.filter(StoreRestore::isOfLibsignal).isPresent()) {
            return Found.LIBSIGNAL;
        }
        return credentials.isPresent() ? Found.CREDENTIALS : Found.NOTHING;
    }

    private static boolean holds(KeyReader context, KeyType<byte[]> type) {
        try (Stream<String> ids = context.ids(type, "")) {
            return ids.findAny().isPresent();
        }
    }

    private static boolean isOfLibsignal(byte[] credentials) {
        return credentials.length >= LIBSIGNAL_CREDENTIALS.length
                && Arrays.equals(LIBSIGNAL_CREDENTIALS, Arrays.copyOf(credentials, LIBSIGNAL_CREDENTIALS.length));
    }

    private void begin(SignalKeyDatabase opened, StoreState restoring) {
        Engine engine = opened.engine();
        if (engine.state() == null) {
            requireNew(opened);
            begun = true;
            engine.id.renew(engine.attempts()); // the store may have been used, and was emptied
            StoreState.replace(engine.storage, engine.attempts(), restoring);
        } else if (!engine.state().equals(restoring)) {
            throw new StoreOpenException(
                    "The target belongs to the restore of another backup, taken "
                            + engine.state().detail() + ", which has not ended; name another store",
                    null);
        } else {
            begun = true;
            requireAllNamed(opened);
        }
    }

    /** Throws if an earlier run has restored contexts that this one would neither verify nor report. */
    private void requireAllNamed(SignalKeyDatabase opened) {
        Set<String> named = contexts;
        if (named == null) {
            return;
        }
        try (Stream<String> restored = opened.contexts()) {
            restored.filter(name -> !named.contains(name)).findAny().ifPresent(name -> {
                throw new StoreOpenException(
                        "The target of the restore holds context \"" + name + "\" from an earlier run, which is not"
                                + " named any more; name it as well, or name another store",
                        null);
            });
        }
    }

    private static void requireNew(SignalKeyDatabase opened) {
        try (Stream<String> names = opened.contexts()) {
            names.findAny().ifPresent(name -> {
                throw new StoreOpenException(
                        "The target of a restore has to be a new store, but it holds context \"" + name
                                + "\", and nothing was changed; name another store",
                        null);
            });
        }
        try (Stream<String> names = opened.engine().storage.storedContexts()) {
            names.findAny().ifPresent(name -> {
                throw new StoreOpenException(
                        "The target of a restore has to be a new store, but it has held context \"" + name
                                + "\", of which entries of the engine are left, and nothing was changed; name another"
                                + " store",
                        null);
            });
        }
    }

    /** Returns the highest epoch of a context in the backup, of those that can be read. */
    private long highestEpoch() {
        try (Stream<String> names = backup.engine().storage.storedContextsWithMark()) {
            return names.mapToLong(this::epoch).max().orElse(0);
        }
    }

    private long epoch(String storedContext) {
        try {
            return BackupFile.position(backup.engine().storage, storedContext)
                    .map(ContextPosition::epoch)
                    .orElse(0L);
        } catch (UnreadableEntryException e) {
            LOG.warn("The backup is damaged: the position of a context could not be read", e);
            return 0;
        }
    }

    private RestoreReport restore(SignalKeyDatabase opened, Restoration restoration) {
        Map<String, Long> dropped = new TreeMap<>();
        Map<String, Long> changed = new TreeMap<>();
        StoreCopy copy = StoreCopy.from(backup).to(opened).restoring(restoration, (result, carried) -> {
            if (result.outcome().isCopied() || result.outcome() == Outcome.NOT_FOUND) {
                carried.dropped().forEach((type, count) -> dropped.merge(type, count, Long::sum));
                carried.changed().forEach((type, count) -> changed.merge(type, count, Long::sum));
                onContext.accept(restoredContext(result, carried));
            }
        });
        if (contexts != null) {
            copy.contexts(contexts);
        }
        if (listener != null) {
            copy.listener(listener);
        }
        CopyReport report = run(copy, restoration);
        long restored = report.contexts(Outcome.COPIED) + report.contexts(Outcome.ALREADY_THERE);
        return new RestoreReport(restored, report.entries(), report.bytes(), dropped, changed, leftOut(restoration));
    }

    /** Runs a copy, and adds the contexts that were left out to its failure if others could not be copied. */
    private CopyReport run(StoreCopy copy, Restoration restoration) {
        try {
            return copy.run();
        } catch (CopyIncompleteException e) {
            CopyReport report = e.report();
            List<ContextResult> notCopied = new ArrayList<>(report.notCopied());
            leftOut(restoration)
                    .forEach(each -> notCopied.add(
                            new ContextResult(each.context(), Outcome.NOT_FOUND, Map.of(), List.of(), each.reason())));
            throw new CopyIncompleteException(
                    new CopyReport(report.dryRun(), report.contexts(), report.entries(), report.bytes(), notCopied));
        }
    }

    /** Returns what was left out; nothing if contexts were named, since those of them are failures. */
    private List<LeftOutContext> leftOut(Restoration restoration) {
        return contexts == null ? restoration.leftOut() : List.of();
    }

    /**
     * Returns whether {@link #run} has begun to change the target, or found it changed by an earlier restore of the
     * backup. If the restore failed nevertheless, the target cannot be opened until it is run again.
     *
     * @return whether it has
     */
    public boolean hasBegun() {
        return begun;
    }

    private static RestoredContext restoredContext(ContextResult result, Restoration.OfContext carried) {
        return new RestoredContext(result.context(), result.entries(), carried.dropped(), carried.changed());
    }
}
