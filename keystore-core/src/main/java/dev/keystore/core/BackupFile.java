package dev.keystore.core;

import dev.keystore.ContextPosition;
import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.KeyStoreException;
import dev.keystore.StoreOpenException;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.Batch;
import dev.keystore.spi.ContextSnapshots.EntryConsumer;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.StoreSealing;
import dev.keystore.spi.support.Folders;
import java.io.IOException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The file of a backup while it is being written: an SQLite store under a temporary name. It gets its name once it was
 * verified and is durable. All names in it are the stored ones, and records are kept as they are.
 *
 * <p>Memory: at most {@link #GROUP_BYTES} of records, and one more record, wait to be written.
 */
final class BackupFile implements AutoCloseable, SnapshotReader.Target {

    /** Where the position of a context is stored, in the context (R81), followed by the digest of its records. */
    static final EntryId POSITION = new EntryId(StoreSealing.MARK.type(), "position");

    private static final Logger LOG = LoggerFactory.getLogger(BackupFile.class);
    private static final String URL = "jdbc:sqlite:";
    private static final String SUFFIX = ".partial";
    private static final String LOCK_SUFFIX = ".lock";
    private static final List<String> COMPANIONS = List.of("-wal", "-shm", "-journal");
    private static final long GROUP_BYTES = 4 << 20;
    private static final int GROUP_RECORDS = 4_096;

    private final Path file;
    private final Path partial;
    private final BackupLock lock;
    private final KeyStoreOptions options;
    private final RecordDigest digest = new RecordDigest();
    private RecordDigest digestOfContext = new RecordDigest();
    private long entriesOfContext;

    /** The commits to be written as one group. */
    private List<Batch> group = new ArrayList<>();

    private long groupBytes;
    private long groupRecords;

    private @Nullable Storage storage;
    private String context = "";
    private List<Mutation> records = new ArrayList<>();

    /** Whether a part of the context's records was written. */
    private boolean partlyWritten;

    /** Whether the file has its name. */
    private boolean published;

    private BackupFile(Path file, Path partial, BackupLock lock, KeyStoreOptions options) {
        this.file = file;
        this.partial = partial;
        this.lock = lock;
        this.options = options;
    }

    /**
     * Creates the file under its temporary name, in place of one that a killed backup has left. If the path is a
     * symbolic link, the file that it leads to is the one to be written.
     *
     * @throws BackupFailedException if another backup is being written under that name, or the temporary name is that
     *     of another file
     * @throws StoreOpenException if it cannot be created
     */
    static BackupFile create(Path path, KeyStoreOptions options) {
        Path file = RealPath.of(path);
        Path partial = sibling(file, SUFFIX);
        try {
            BackupLock lock = BackupLock.acquire(sibling(partial, LOCK_SUFFIX));
            if (!lock.isContinued() && Files.exists(partial, LinkOption.NOFOLLOW_LINKS)) {
                lock.close();
                throw new IOException("its temporary file " + partial
                        + " exists, and no backup has left it; move that file away, or delete it");
            }
            BackupFile created = new BackupFile(file, partial, lock, options);
            created.open();
            return created;
        } catch (IOException e) {
            boolean isOfSystem = e instanceof FileSystemException; // its message may be nothing but a path
            throw failed(path, isOfSystem ? e.toString() : BackendFailures.reason(e), e);
        }
    }

    private void open() {
        boolean opened = false;
        try {
            delete();
            storage = open(partial, options, false);
            opened = true;
        } finally {
            if (!opened) {
                close();
            }
        }
    }

    /** Opens the store in a file. */
    static Storage open(Path file, KeyStoreOptions options, boolean mustExist) {
        Backend backend = BackendLocator.open(new BackendConfig(URL + file, Map.of(), mustExist), null);
        return new Storage(backend, options);
    }

    /**
     * Returns whether a file is a backup.
     *
     * @throws StoreOpenException if it cannot be opened as a store
     */
    static boolean isBackup(Path file, KeyStoreOptions options) {
        Storage opened = open(file, options, true);
        try {
            return stateOf(opened, options) != null;
        } finally {
            close(opened, options);
        }
    }

    /** Returns the state of a backup, or null if the store is not one. */
    static @Nullable StoreState stateOf(Storage opened, KeyStoreOptions options) {
        StoreState state = StoreState.load(opened, new Attempts(options), false);
        return state != null && state.kind() == StoreState.Kind.BACKUP ? state : null;
    }

    /** Returns the position of a context when it was backed up, by its stored name, if it was known. */
    static Optional<ContextPosition> position(Storage backup, String storedContext) {
        byte[] record = backup.readReserved(storedContext, POSITION);
        if (record == null) {
            return Optional.empty();
        }
        try {
            ByteBuffer position = ByteBuffer.wrap(Envelope.open(storedContext, POSITION.type(), POSITION.id(), record));
            return Optional.of(new ContextPosition(position.getLong(), position.getLong()));
        } catch (IllegalArgumentException | BufferUnderflowException e) {
            throw new CorruptEntryException(storedContext, POSITION, String.valueOf(e.getMessage()), e);
        }
    }

    /** Adds the position of the context, which is that of its records or an earlier one. */
    void accept(ContextPosition position) {
        accept(POSITION, record(position));
    }

    /** Returns whether the records of the context are those that an earlier backup had at the same position. */
    boolean isSameAs(Storage earlier, ContextPosition position) {
        return Arrays.equals(earlier.readReserved(context, POSITION), record(position));
    }

    private byte[] record(ContextPosition position) {
        byte[] records = digestOfContext.toBytes();
        byte[] value = ByteBuffer.allocate(2 * Long.BYTES + records.length)
                .putLong(position.epoch())
                .putLong(position.sequence())
                .put(records)
                .array();
        return Envelope.seal(context, POSITION.type(), POSITION.id(), value);
    }

    /** Returns what adds records, but not the position of a context that was backed up earlier. */
    EntryConsumer withoutPosition() {
        return (entry, record) -> {
            if (!entry.equals(POSITION)) {
                accept(entry, record);
            }
        };
    }

    /** Begins a context, whose records follow. */
    void begin(String storedContext) {
        context = storedContext;
        digestOfContext = new RecordDigest();
        entriesOfContext = 0;
        partlyWritten = false;
    }

    @Override
    public void accept(EntryId entry, byte[] record) {
        digestOfContext.add(context, entry, record);
        entriesOfContext += StoredNames.isReserved(entry.type()) ? 0 : 1;
        records.add(new Mutation.Put(entry.type(), entry.id(), record));
        groupBytes += record.length;
        groupRecords++;
        if (groupBytes >= GROUP_BYTES || groupRecords >= GROUP_RECORDS) {
            partlyWritten = true;
            write();
        }
    }

    @Override
    public void restart() {
        digestOfContext = new RecordDigest();
        entriesOfContext = 0;
        records.clear();
        if (partlyWritten) {
            records.add(new Mutation.Clear(Set.of()));
        }
    }

    /** Returns the number of the records of the context so far. */
    long recordsOfContext() {
        return digestOfContext.records();
    }

    /** Returns the number of those among them that the engine does not store for itself. */
    long entriesOfContext() {
        return entriesOfContext;
    }

    /** Ends the context, and returns the number of its records. */
    long end() {
        digest.add(digestOfContext);
        endBatch();
        return digestOfContext.records();
    }

    /** Returns the size of the records of the contexts that have ended, in bytes. */
    long bytes() {
        return digest.bytes();
    }

    private void endBatch() {
        if (!records.isEmpty()) {
            group.add(new Batch(context, 0, 0, records));
            records = new ArrayList<>();
        }
    }

    private void write() {
        endBatch();
        if (!group.isEmpty()) {
            openStorage().write(group);
            group = new ArrayList<>();
            groupBytes = 0;
            groupRecords = 0;
        }
    }

    private Storage openStorage() {
        Storage open = storage;
        if (open == null) {
            throw new IllegalStateException(partial + ": could not write: the file of the backup is closed");
        }
        return open;
    }

    /**
     * Writes what is left, and reads all of it back.
     *
     * @return the digest of all records
     * @throws BackupFailedException if what is read back is not what was written
     */
    RecordDigest complete() {
        write();
        closeStorage();
        verify();
        return digest;
    }

    /**
     * Gives the file its name, durably, in place of a former backup.
     *
     * @throws BackupFailedException if it could not be renamed; or if it was, and may lose its name with the power
     */
    void publish() {
        try {
            for (String suffix : COMPANIONS) {
                if (Files.exists(sibling(partial, suffix))) {
                    throw new IOException(sibling(partial, suffix) + " is still there");
                }
                // SQLite would take the log of a former file for that of this one.
                Files.deleteIfExists(sibling(file, suffix));
            }
            force(partial);
            Files.move(partial, file, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw failed("it could not be renamed to its name: " + e, e);
        }
        published = true;
        try {
            Folders.force(Folders.parentOf(file));
        } catch (IOException e) {
            throw new BackupFailedException(
                    "Backup " + file + ": was written, but may be lost with the power, since its folder could not be"
                            + " forced: " + e + "; check the storage device, and take another backup",
                    e);
        }
    }

    private static void force(Path written) throws IOException {
        try (FileChannel opened = FileChannel.open(written, StandardOpenOption.WRITE)) {
            opened.force(true);
        }
    }

    private void verify() {
        Storage written = open(partial, options, true);
        try {
            RecordDigest found = new RecordDigest();
            try (Stream<String> contexts = written.storedContextsWithMark()) {
                contexts.forEach(each -> written.readSnapshot(each, (entry, record) -> found.add(each, entry, record)));
            }
            if (!found.isSameAs(digest)) {
                throw failed(
                        "it was read back, and does not hold what was written: " + found.records() + " records instead"
                                + " of " + digest.records() + ", or others; check the storage device, and run the"
                                + " backup again",
                        null);
            }
        } finally {
            close(written, options);
        }
    }

    private BackupFailedException failed(String why, @Nullable Throwable cause) {
        return failed(file, why, cause);
    }

    /** Returns the exception for a backup that was not written. */
    static BackupFailedException failed(Path file, String why, @Nullable Throwable cause) {
        return new BackupFailedException("Backup " + file + ": could not be written: " + why, cause);
    }

    private void closeStorage() {
        Storage open = storage;
        storage = null;
        if (open != null) {
            close(open, options);
        }
    }

    /** Closes a store that {@link #open} has opened. */
    static void close(Storage open, KeyStoreOptions options) {
        open.close(System.nanoTime() + options.commitTimeout().toNanos());
    }

    /**
     * Deletes the file under its temporary name, if there is one, and lets other backups be written. A lock that could
     * not be deleted hinders none of them.
     */
    @Override
    public void close() {
        try {
            closeStorage();
        } catch (KeyStoreException e) {
            // It is deleted all the same.
        }
        try (lock) {
            if (!published) {
                delete();
            }
        } catch (IOException e) {
            LOG.warn("The lock of backup {} could not be deleted", file, e);
        }
    }

    private static Path sibling(Path path, String suffix) {
        return path.resolveSibling(path.getFileName() + suffix);
    }

    private void delete() {
        try {
            Files.deleteIfExists(partial);
            for (String suffix : COMPANIONS) {
                Files.deleteIfExists(sibling(partial, suffix));
            }
        } catch (IOException e) {
            throw failed("the temporary file " + partial + " could not be deleted: " + e, e);
        }
    }
}
