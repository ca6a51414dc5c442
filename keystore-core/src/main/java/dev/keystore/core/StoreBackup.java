package dev.keystore.core;

import dev.keystore.ContextPosition;
import dev.keystore.EntryId;
import dev.keystore.OperationInterruptedException;
import dev.keystore.StoreOpenException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.StoreState.Kind;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.ContextSnapshots.EntryConsumer;
import dev.keystore.spi.StoreSealing;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Backs a database up into a file while it is in use (R80).
 *
 * <pre>{@code
 * try (SignalKeyDatabase database = SignalKeyDatabase.open("jdbc:sqlite:keys.db")) {
 *     BackupReport report = StoreBackup.of(database).to(Path.of("keys.backup")).run();
 * }
 * }</pre>
 *
 * <p><b>The backup</b> is an SQLite store that is marked as a backup. It cannot be opened as a live store, because keys
 * in it will have been used since: {@link StoreRestore} creates a new store from it, and
 * {@link SignalKeyDatabase.Builder#readingBackup()} opens it for reading. It holds the records of all contexts as they
 * are stored: a backup of an encrypted store is encrypted under the same keys, and hides the same names. Nothing else
 * is in the file, and there is no other file; only its owner can access it.
 *
 * <p><b>Consistency.</b> Each context is in the backup as of one point in time after {@link #run} was called, with all
 * of each commit or nothing. Different contexts may be as of different points in time. No context is taken over, so
 * another process may own and change them: on SQLite and PostgreSQL, run the backup in any process; on MapDB, in the
 * one that has the store open. Commits do not wait, except on a backend without
 * {@link dev.keystore.spi.ContextSnapshots}, such as MapDB, if a context changes each time it is read: they then wait
 * while that context is read once more.
 *
 * <p><b>Verification.</b> The file is written under a temporary name, its name plus {@code .partial}, closed, opened
 * again, and read as a whole. If it holds what was read from the source, it becomes durable and gets its name. If
 * anything fails before that, or the process is killed, the former file under that name, if any, is unchanged.
 *
 * <p><b>One backup at a time</b> is written under a name: a second one, of any process, fails at once. For that, a lock
 * file exists during the backup, whose name ends in {@code .partial.lock}. The next backup under the name replaces both
 * files of a killed process. A temporary file without a lock file is not from a killed backup: the backup then fails,
 * and leaves the file.
 *
 * <p><b>Links.</b> If the path is a symbolic link, the file that it leads to is written or replaced, and the link
 * stays. The temporary file is next to that file.
 *
 * <p><b>Memory.</b> About 4 MiB of records and one more record, however large the contexts are; on a PostgreSQL source,
 * 32 records in addition.
 *
 * <p>The listener is called on the calling thread; what it throws ends the backup. Not thread-safe. An object can be
 * run several times.
 */
public final class StoreBackup {

    private static final Logger LOG = LoggerFactory.getLogger(StoreBackup.class);

    private final SignalKeyDatabase source;
    private final Path file;
    private boolean replacing;
    private @Nullable Path former;
    private @Nullable Consumer<? super CopyProgress> listener;

    private StoreBackup(SignalKeyDatabase source, Path file) {
        this.source = source;
        this.file = file;
    }

    /**
     * Begins to describe a backup.
     *
     * @param source the database to back up
     * @return a backup that still needs its file
     */
    public static Origin of(SignalKeyDatabase source) {
        return new Origin(Objects.requireNonNull(source, "source"));
    }

    /** A backup without a file. */
    public static final class Origin {

        private final SignalKeyDatabase source;

        private Origin(SignalKeyDatabase source) {
            this.source = source;
        }

        /**
         * Returns a backup of all contexts; nothing is written until {@link #run}.
         *
         * @param file the file of the backup, which must not exist unless {@link #replacing} is set
         * @return a new backup
         * @throws IllegalArgumentException if it has no name
         */
        public StoreBackup to(Path file) {
            if (Objects.requireNonNull(file, "file").getFileName() == null) {
                throw new IllegalArgumentException("file must be the path of a file, was \"" + file + "\"");
            }
            return new StoreBackup(source, file);
        }
    }

    /**
     * Replaces the file if it exists and is a backup, once the new one is complete; but not if it is one of this store
     * and newer than the store, which is an old copy then. By default, a file that exists is left as it is, and the
     * backup fails.
     *
     * @return this backup
     */
    public StoreBackup replacing() {
        replacing = true;
        return this;
    }

    /**
     * Takes contexts that have not changed since an earlier backup from that file, instead of reading them from the
     * source. A context is taken from the file if its position is the same ({@link SignalKeyDatabase#position}), and
     * its records in the file are intact. The result is a complete backup, which does not need the earlier one. By
     * default, all contexts are read from the source, as they are if the backend keeps no positions.
     *
     * <p>If the position of a context is higher in the earlier backup than in the source, or the source has never held
     * the context, the source is an old copy of the store, and the backup fails. A context that was erased in the
     * source is left out.
     *
     * @param former the file of a backup of the same store; with {@link #replacing}, it may be the one to be written
     * @return this backup
     */
    public StoreBackup since(Path former) {
        this.former = Objects.requireNonNull(former, "former");
        return this;
    }

    /**
     * Registers a listener that is called with the progress, after each context. With a listener, the contexts are
     * counted first.
     *
     * @param progress the listener, in place of any former one
     * @return this backup
     */
    public StoreBackup listener(Consumer<? super CopyProgress> progress) {
        listener = Objects.requireNonNull(progress, "progress");
        return this;
    }

    /**
     * Writes the backup, and verifies it. Blocks until that is done.
     *
     * @return what was written
     * @throws BackupFailedException if the file exists; if the earlier backup is of another store, or newer than this
     *     one; if another backup is being written under the name; if the new one could not be written, for example
     *     because the disk is full, or does not hold what was written; or if the keys of an encrypted store were
     *     rotated meanwhile, or a job of {@link StoreEncryption} began or ended
     * @throws dev.keystore.StaleStoreException if the database has a freshness anchor, and a context is older than
     *     that; to back such a copy up, open it without the anchor
     * @throws dev.keystore.LoadFailedException if the source could not be read
     * @throws UnsupportedOperationException if the backend of the source can't list its contexts
     * @throws OperationInterruptedException if the thread was interrupted
     * @throws IllegalStateException if the database is closed. After each exception, the source is unchanged, and there
     *     is no new backup, unless the message of a {@link BackupFailedException} says that it was written: then it may
     *     lose its name with the power
     */
    public BackupReport run() {
        return new BackupRun().run();
    }

    /** One run, on its thread. */
    private final class BackupRun {

        private final Engine engine = source.engine();
        private final SnapshotReader reader = new SnapshotReader(engine);
        private long allContexts;
        private long contextsRead;
        private long contexts;
        private long records;
        private long unchanged;

        /** The earlier backups of the source that must not be newer: the former one, and the one to be replaced. */
        private final List<EarlierBackup> earlier = new ArrayList<>();

        /** The one of them that contexts are taken from, or null. */
        private @Nullable EarlierBackup formerBackup;

        BackupReport run() {
            engine.checkOpen();
            try {
                requireFresh();
                if (listener != null) {
                    forEachContext(name -> allContexts++);
                }
                try (BackupFile backup = BackupFile.create(file, engine.options)) {
                    requireReplaceable(); // now that no other backup gets this name
                    try {
                        openEarlier();
                        write(backup);
                    } finally {
                        earlier.forEach(EarlierBackup::close);
                        earlier.clear();
                    }
                    RecordDigest written = backup.complete();
                    requireReplaceable(); // again: another program may have created a file since
                    backup.publish();
                    return new BackupReport(file, contexts, unchanged, written.records(), written.bytes());
                }
            } catch (BackendException | StoreOpenException e) {
                throw BackupFile.failed(file, BackendFailures.reason(e), e);
            }
        }

        private void requireReplaceable() {
            if (!Files.exists(file)) {
                return;
            }
            if (!replacing) {
                throw BackupFile.failed(file, "the file exists; name another one, or set replacing()", null);
            }
            if (!BackupFile.isBackup(file, engine.options)) {
                throw BackupFile.failed(file, "the file exists, and is not a backup; name another one", null);
            }
        }

        private String storeId() {
            return engine.id.get().orElse("");
        }

        private void openEarlier() {
            openFormer();
            if (engine.storage.keepsPositions()) {
                earlier.forEach(each -> each.requireNotNewer(this::reached, file));
            }
        }

        /**
         * Returns how far the source has come with a context, by its name in a backup of it; empty if it has never held
         * anything of it.
         */
        private Optional<ContextPosition> reached(String nameInBackup) {
            String name = engine.storage.servesManyContexts() ? nameInBackup : SignalKeyDatabase.DEFAULT_CONTEXT;
            Optional<ContextPosition> position = engine.storage.positionStored(name);
            if (position.isEmpty()) {
                engine.takeovers.compareMissing(name, engine.attempts());
            }
            return position.or(() -> engine.storage.highestForgotten(name));
        }

        private void openFormer() {
            if (former != null) {
                formerBackup = openEarlier(former);
                if (!isOfSource(formerBackup)) {
                    throw BackupFile.failed(
                            file, "the earlier backup " + former + " is not one of this store; name another one", null);
                }
            }
            if (Files.exists(file) && !file.equals(former)) {
                EarlierBackup replaced = openEarlier(file);
                if (!isOfSource(replaced)) {
                    earlier.remove(replaced);
                    replaced.close();
                }
            }
        }

        private EarlierBackup openEarlier(Path backup) {
            EarlierBackup opened = EarlierBackup.open(backup, engine.options);
            earlier.add(opened);
            return opened;
        }

        private boolean isOfSource(EarlierBackup backup) {
            StoreState state = backup.state();
            return state != null && !storeId().isEmpty() && state.storeId().equals(storeId());
        }

        /** Compares the source with its freshness anchor, if it has one. What cannot be compared is backed up. */
        private void requireFresh() {
            if (!engine.takeovers.hasAnchor()) {
                return;
            }
            try (Stream<String> names = engine.contexts()) {
                names.forEach(name -> {
                    try {
                        engine.takeovers.compare(name, engine.attempts());
                    } catch (UnreadableEntryException e) {
                        LOG.warn("Context {} could not be compared with the freshness anchor", name, e);
                    }
                });
            } catch (UnreadableEntryException e) {
                LOG.warn("A context without a readable name could not be compared with the freshness anchor", e);
            }
        }

        /** Calls with the stored name of each context, except that of the mark. */
        private void forEachContext(Consumer<String> work) {
            try (Stream<String> names = engine.storage.storedContextsWithMark()) {
                names.filter(name -> !name.equals(StoreSealing.MARK.type())).forEach(work);
            }
        }

        /**
         * Writes the backup. The mark of an encrypted store has the keys that the data keys of contexts are sealed
         * with; it must not change between reading it and them.
         */
        private void write(BackupFile backup) {
            Map<EntryId, byte[]> reserved = readReserved();
            backup.begin(StoreSealing.MARK.type());
            reserved.forEach((entry, record) ->
                    backup.accept(entry, entry.equals(StoreSealing.MARK) ? markOfBackup(record) : record));
            backup.accept(StoreEntry.STATE, new StoreState(Kind.BACKUP, storeId(), now()).encode());
            records += backup.end();
            forEachContext(name -> copy(backup, name));
            if (!Arrays.equals(reserved.get(StoreSealing.MARK), readReserved().get(StoreSealing.MARK))) {
                throw rotated();
            }
        }

        private byte[] markOfBackup(byte[] found) {
            SealedStore keys = engine.encrypted();
            if (keys == null) {
                throw BackupFile.failed(
                        file,
                        "another process has encrypted the store since it was opened; open it again with the root key",
                        null);
            }
            keys.refresh(engine.attempts()); // another process may have rotated the keys
            return keys.markOfBackup(found).orElseThrow(this::rotated);
        }

        private BackupFailedException rotated() {
            return BackupFile.failed(
                    file,
                    "the keys of the store were rotated meanwhile, or it began or ended to be encrypted or decrypted;"
                            + " run the backup again",
                    null);
        }

        /** Returns what the store holds about itself, in addition to its contexts. */
        private Map<EntryId, byte[]> readReserved() {
            Map<EntryId, byte[]> found = new LinkedHashMap<>();
            if (engine.storage.servesManyContexts()) {
                reader.read(StoreSealing.MARK.type(), new SnapshotReader.Target() {

                    @Override
                    public void accept(EntryId entry, byte[] record) {
                        found.put(entry, record);
                    }

                    @Override
                    public void restart() {
                        found.clear();
                    }
                });
            } else {
                byte[] mark = engine.storage.read(SignalKeyDatabase.DEFAULT_CONTEXT, StoreSealing.MARK);
                if (mark != null) {
                    found.put(StoreSealing.MARK, mark);
                }
                byte[] id = HexFormat.of().parseHex(storeId());
                if (id.length > 0) {
                    found.put(StoreEntry.ID, StoreId.record(StoreSealing.MARK.type(), id));
                }
            }
            found.remove(StoreEntry.STATE);
            return found;
        }

        private void copy(BackupFile backup, String storedContext) {
            LoadFailures.throwIfInterrupted(storedContext);
            String name = nameInBackup(storedContext);
            // Before the records, which may be newer: then the next backup since this one reads them again.
            Optional<ContextPosition> position = engine.storage.positionStored(storedContext);
            backup.begin(name);
            EarlierBackup taken = formerBackup;
            boolean isUnchanged =
                    taken != null && position.isPresent() && taken.copyUnchanged(name, position.get(), backup);
            if (!isUnchanged) {
                read(backup, storedContext);
            }
            if (backup.entriesOfContext() > 0) {
                contexts++;
                unchanged += isUnchanged ? 1 : 0;
            }
            if (backup.recordsOfContext() > 0) {
                position.ifPresent(backup::accept);
            }
            records += backup.end();
            contextsRead++;
            if (listener != null) {
                long all = Math.max(contextsRead, allContexts);
                listener.accept(new CopyProgress(contextsRead, all, records, backup.bytes()));
            }
        }

        private void read(BackupFile backup, String storedContext) {
            EntryConsumer records = backup.withoutPosition();
            reader.read(storedContext, new SnapshotReader.Target() {

                @Override
                public void accept(EntryId entry, byte[] record) {
                    boolean isOfStore = entry.equals(StoreSealing.MARK)
                            || entry.equals(StoreEntry.ID)
                            || entry.equals(StoreEntry.STATE); // in the context of a backend that has a single one
                    if (!isOfStore) {
                        records.accept(entry, record);
                    }
                }

                @Override
                public void restart() {
                    backup.restart();
                }
            });
        }

        /** Returns the stored name of a context in the backup, which has many contexts even if the source has one. */
        private String nameInBackup(String storedContext) {
            SealedStore keys = engine.encrypted();
            return keys == null || engine.storage.servesManyContexts()
                    ? storedContext
                    : keys.sealing()
                            .names()
                            .map(names -> names.context(storedContext))
                            .orElse(storedContext);
        }
    }

    private static String now() {
        return "at " + Instant.now().truncatedTo(ChronoUnit.SECONDS);
    }
}
