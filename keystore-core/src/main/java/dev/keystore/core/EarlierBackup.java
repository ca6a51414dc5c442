package dev.keystore.core;

import dev.keystore.ContextPosition;
import dev.keystore.LoadFailedException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.spi.BackendException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * An earlier backup of the store that is being backed up. The new one may take contexts from it that have not changed
 * since, and must not replace it if it is newer than the store.
 *
 * <p>Contexts are compared by their positions, and named by their stored names. A context that cannot be read in the
 * earlier backup counts as one that it does not have.
 */
final class EarlierBackup implements AutoCloseable {

    private static final Logger LOG = LoggerFactory.getLogger(EarlierBackup.class);

    private final Path file;
    private final Storage storage;
    private final KeyStoreOptions options;

    private EarlierBackup(Path file, Storage storage, KeyStoreOptions options) {
        this.file = file;
        this.storage = storage;
        this.options = options;
    }

    /**
     * Opens a file.
     *
     * @throws dev.keystore.StoreOpenException if it cannot be opened as a store
     */
    static EarlierBackup open(Path file, KeyStoreOptions options) {
        return new EarlierBackup(file, BackupFile.open(file.toAbsolutePath(), options, true), options);
    }

    /** Returns what the store in the file is, if it is a backup; else null. */
    @Nullable
    StoreState state() {
        return BackupFile.stateOf(storage, options);
    }

    /**
     * Makes sure that the backup has no commit that the store lacks. A context that the store holds nothing of must
     * have been erased there.
     *
     * @param reached how far the store has come with a context; empty if it has never held anything of it
     * @param newFile the backup that is being written, for the message
     * @throws BackupFailedException if it has: the store is an old copy
     */
    void requireNotNewer(Function<String, Optional<ContextPosition>> reached, Path newFile) {
        try (Stream<String> contexts = contexts()) {
            Iterator<String> names = contexts.iterator();
            while (hasNext(names)) {
                String name = names.next();
                position(name).ifPresent(backedUp -> requireReached(name, backedUp, reached.apply(name), newFile));
            }
        }
    }

    private void requireReached(
            String context, ContextPosition backedUp, Optional<ContextPosition> reached, Path newFile) {
        if (reached.isPresent() && backedUp.compareTo(reached.get()) <= 0) {
            return;
        }
        String found = reached.filter(position -> position.sequence() < Long.MAX_VALUE)
                .map(position -> "\" is at position " + position)
                .orElse("\" has never been in it");
        throw BackupFile.failed(
                newFile,
                "the store is older than the earlier backup " + file + ": context \"" + context + found
                        + ", and was backed up at " + backedUp
                        + ". Keys in the store have been used since, so never copy an old store into place. Open"
                        + " the newest copy of the store; if that is lost, restore the earlier backup with"
                        + " StoreRestore (keystore restore). To keep a backup of this copy, name another file",
                null);
    }

    private Stream<String> contexts() {
        try {
            return storage.storedContexts();
        } catch (LoadFailedException e) {
            warnUnlisted(e);
            return Stream.empty();
        }
    }

    private boolean hasNext(Iterator<String> names) {
        try {
            return names.hasNext();
        } catch (LoadFailedException e) {
            warnUnlisted(e);
            return false;
        }
    }

    private void warnUnlisted(LoadFailedException failure) {
        LOG.warn("The earlier backup {} is damaged: not all contexts in it could be listed", file, failure);
    }

    /**
     * Adds the records of a context to a new backup, if it has not changed since this one.
     *
     * @param position where the context is in the store
     * @return false if it has changed, or its records are not those that were written: the file is damaged. Then the
     *     new backup has none of them
     */
    boolean copyUnchanged(String context, ContextPosition position, BackupFile target) {
        if (!position(context).equals(Optional.of(position))) {
            return false;
        }
        try {
            storage.readSnapshot(context, target.withoutPosition());
            if (target.isSameAs(storage, position)) {
                return true;
            }
        } catch (BackendException | LoadFailedException | UnreadableEntryException e) {
            LOG.debug("A context could not be read in the earlier backup {}", file, e);
        }
        LOG.warn("The earlier backup {} is damaged: a context is read from the source again", file);
        target.restart();
        return false;
    }

    private Optional<ContextPosition> position(String context) {
        try {
            return BackupFile.position(storage, context);
        } catch (LoadFailedException | UnreadableEntryException e) {
            LOG.warn("The earlier backup {} is damaged: a position could not be read", file, e);
            return Optional.empty();
        }
    }

    @Override
    public void close() {
        BackupFile.close(storage, options);
    }
}
