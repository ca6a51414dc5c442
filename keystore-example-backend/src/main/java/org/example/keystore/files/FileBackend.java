package org.example.keystore.files;

import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.ContextListing;
import dev.keystore.spi.support.Interrupts;
import dev.keystore.spi.support.RunningOperations;
import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Iterator;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Stores each entry in a file: a header, which {@link EntryName} encodes, and then the value.
 *
 * <p>Durability: a single entry is written atomically; see {@link StoreFolder#replace}. A commit of several entries may
 * be left partly written by a crash, since this backend does not implement {@link dev.keystore.spi.AtomicCommit}.
 *
 * <p>Concurrency: {@link #close} waits for running operations before it releases the folder, so that nothing is written
 * once another process may have opened it. Files are replaced and never changed, so readers need no lock.
 */
final class FileBackend implements ContextAwareBackend, ContextListing {

    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(30);

    private final StoreFolder folder;
    private final RunningOperations operations;

    FileBackend(StoreFolder folder) {
        this.folder = folder;
        this.operations = new RunningOperations(folder.toString());
    }

    @Override
    public Optional<byte[]> load(String context, String type, String id) {
        EntryName name = new EntryName(context, type, id);
        return call("load " + name, () -> {
            folder.makeDurable(EntryName.folderName(context));
            Path file = fileOf(name);
            try {
                return Optional.of(valueOf(name, Files.readAllBytes(file)));
            } catch (NoSuchFileException e) {
                folder.requireStore();
                return Optional.empty();
            }
        });
    }

    @Override
    public void save(String context, String type, String id, byte[] value) {
        EntryName name = new EntryName(context, type, id);
        call("save " + name, () -> {
            folder.createContext(EntryName.folderName(context));
            folder.replace(fileOf(name), name.header(), value);
            return null;
        });
    }

    @Override
    public void delete(String context, String type, String id) {
        EntryName name = new EntryName(context, type, id);
        call("delete " + name, () -> {
            folder.remove(fileOf(name));
            return null;
        });
    }

    @Override
    public Stream<EntryId> list(String context) {
        String operation = "list the entries of context \"" + context + "\"";
        return call(operation, () -> {
            folder.makeDurable(EntryName.folderName(context));
            DirectoryStream<Path> files;
            try {
                files = Files.newDirectoryStream(folder.ofContext(EntryName.folderName(context)));
            } catch (NoSuchFileException e) {
                folder.requireStore();
                return Stream.empty();
            }
            Iterator<Path> rest = files.iterator();
            return Stream.iterate(0, i -> i + 1)
                    .map(i -> call(operation, () -> next(rest)))
                    .takeWhile(Objects::nonNull)
                    .map(name -> new EntryId(name.type(), name.id()))
                    .onClose(() -> close(operation, files));
        });
    }

    @Override
    public Stream<String> contexts() {
        String operation = "list the contexts";
        return call(operation, () -> {
            folder.requireStore();
            DirectoryStream<Path> folders = Files.newDirectoryStream(folder.ofEntries());
            Iterator<Path> rest = folders.iterator();
            return Stream.iterate(0, i -> i + 1)
                    .map(i -> call(operation, () -> nextContext(rest)))
                    .takeWhile(Objects::nonNull)
                    .onClose(() -> close(operation, folders));
        });
    }

    @Override
    public void close() {
        operations.refuseMore();
        if (!operations.awaitIdle(CLOSE_TIMEOUT)) {
            throw BackendException.permanent(
                    folder + ": could not close: an operation is still running after " + CLOSE_TIMEOUT.toSeconds()
                            + " s, and the folder stays locked; close the backend again later",
                    null);
        }
        try {
            folder.close();
        } catch (IOException e) {
            throw BackendException.permanent(folder + ": could not close: " + e, e);
        }
    }

    private Path fileOf(EntryName name) {
        return folder.ofContext(EntryName.folderName(name.context())).resolve(name.fileName());
    }

    /** Returns the value of an entry. A file with the header of another entry is reported as damaged. */
    private static byte[] valueOf(EntryName name, byte[] file) {
        byte[] header = name.header();
        if (file.length < header.length || !Arrays.equals(header, 0, header.length, file, 0, header.length)) {
            EntryId entry = new EntryId(name.type(), name.id());
            throw new CorruptEntryException(
                    name.context(), entry, "its file " + name.fileName() + " has the header of another entry", null);
        }
        return Arrays.copyOfRange(file, header.length, file.length);
    }

    /** Returns the context of the next folder that has an entry, or null after the last one. */
    private String nextContext(Iterator<Path> folders) throws IOException {
        while (folders.hasNext()) {
            Path ofContext = folders.next();
            Interrupts.uninterrupted(() -> {
                folder.makeDurable(ofContext.getFileName().toString());
                return ofContext;
            });
            try (DirectoryStream<Path> files = Files.newDirectoryStream(ofContext)) {
                EntryName first = next(files.iterator());
                if (first != null) {
                    return first.context();
                }
            }
        }
        return null;
    }

    /** Returns the entry of the next file, or null after the last one. Skips a file that was deleted meanwhile. */
    private static EntryName next(Iterator<Path> files) throws IOException {
        while (files.hasNext()) {
            Path file = files.next();
            try {
                EntryName name = Interrupts.uninterrupted(() -> EntryName.read(file));
                if (!file.endsWith(Path.of(EntryName.folderName(name.context()), name.fileName()))) {
                    throw new IOException(file + " has the header of another entry");
                }
                return name;
            } catch (NoSuchFileException e) {
                continue;
            }
        }
        return null;
    }

    private void close(String operation, DirectoryStream<Path> listing) {
        try {
            listing.close();
        } catch (IOException e) {
            throw BackendException.permanent(folder + ": could not " + operation + " to the end: " + e, e);
        }
    }

    private <T> T call(String operation, Interrupts.FileAccess<T> access) {
        try {
            return operations.run(operation, () -> Interrupts.uninterrupted(access));
        } catch (IOException | DirectoryIteratorException e) {
            throw BackendException.permanent(folder + ": could not " + operation + ": " + e, e);
        }
    }
}
