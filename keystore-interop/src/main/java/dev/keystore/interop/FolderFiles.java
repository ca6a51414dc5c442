package dev.keystore.interop;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/** The files of a folder, read with limits, without following links, and checked for changes afterwards. */
final class FolderFiles {

    /** No file of a folder of keys comes near this size. */
    static final int MAXIMUM_FILE_BYTES = 16 << 20;

    private static final long MAXIMUM_FOLDER_BYTES = 1L << 30;
    private static final int MAXIMUM_FILES = 2_000_000;

    private final Path folder;
    private final Map<String, State> files;
    private final Map<String, byte[]> digests = new HashMap<>();

    /** What the file system says about a file. */
    record State(boolean regular, boolean link, long size, long modifiedNanos, Object key) {

        /** Says why something that is not a regular file is not read. */
        String whyNotRead() {
            return link ? "it is a link, which is not followed" : "it is not a file";
        }
    }

    private FolderFiles(Path folder, Map<String, State> files) {
        this.folder = folder;
        this.files = files;
    }

    static FolderFiles list(Path folder) {
        return new FolderFiles(folder, states(folder));
    }

    private static Map<String, State> states(Path folder) {
        Map<String, State> states = new TreeMap<>();
        long bytes = 0;
        try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder)) {
            for (Path entry : entries) {
                State state = state(entry);
                states.put(entry.getFileName().toString(), state);
                bytes += state.regular() ? Math.min(state.size(), MAXIMUM_FILE_BYTES) : 0;
                if (states.size() > MAXIMUM_FILES || bytes > MAXIMUM_FOLDER_BYTES) {
                    throw new ForeignStoreException(
                            folder + ": could not read the folder: it holds more than " + MAXIMUM_FILES + " files or "
                                    + MAXIMUM_FOLDER_BYTES + " bytes; check that it is the folder of one account",
                            null);
                }
            }
        } catch (IOException | DirectoryIteratorException e) {
            throw new ForeignStoreException(folder + ": could not read the folder: " + name(e) + "; check the path", e);
        }
        return states;
    }

    private static State state(Path entry) throws IOException {
        BasicFileAttributes found = Files.readAttributes(entry, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS);
        return new State(
                found.isRegularFile(),
                found.isSymbolicLink(),
                found.size(),
                found.lastModifiedTime().to(TimeUnit.NANOSECONDS),
                Objects.requireNonNullElse(found.fileKey(), ""));
    }

    private static String name(Exception e) {
        return e instanceof NoSuchFileException
                ? "it does not exist"
                : e.getClass().getSimpleName();
    }

    /** Returns the names, sorted, with what the file system says about each. */
    Map<String, State> files() {
        return files;
    }

    byte[] read(String name) throws DamagedException {
        State state = files.get(name);
        if (state != null && state.size() > MAXIMUM_FILE_BYTES) {
            throw new DamagedException("it has " + state.size() + " bytes, more than " + MAXIMUM_FILE_BYTES);
        }
        byte[] bytes;
        try {
            bytes = bytes(name);
        } catch (IOException e) {
            throw new DamagedException("it cannot be read: " + name(e));
        }
        digests.put(name, Sha256.of(bytes));
        return bytes;
    }

    private byte[] bytes(String name) throws IOException {
        try (InputStream in =
                Files.newInputStream(folder.resolve(name), StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS)) {
            byte[] bytes = in.readNBytes(MAXIMUM_FILE_BYTES + 1);
            if (bytes.length > MAXIMUM_FILE_BYTES) {
                throw new IOException("the file has become larger");
            }
            return bytes;
        }
    }

    /** Lists the folder and reads its files again, and throws if anything has changed (R92). */
    void checkUnchanged() {
        Map<String, State> now = states(folder);
        if (!now.keySet().equals(files.keySet())) {
            throw changed("files were added or removed");
        }
        files.forEach((name, state) -> {
            if (!state.equals(now.get(name))) {
                throw changed("\"" + name + "\" was written");
            }
        });
        digests.forEach((name, digest) -> {
            byte[] bytes;
            try {
                bytes = bytes(name);
            } catch (IOException e) {
                throw changed("\"" + name + "\" cannot be read any more");
            }
            if (!Arrays.equals(Sha256.of(bytes), digest)) {
                throw changed("\"" + name + "\" was written");
            }
        });
    }

    private ForeignStoreException changed(String what) {
        return new ForeignStoreException(
                folder + ": could not import it: it was changed while it was read: " + what
                        + "; stop what uses it, and import it again",
                null);
    }
}
