package dev.keystore.spi.support;

import java.io.File;
import java.io.IOException;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.function.Consumer;

/** Creates folders, and makes the names of the files in them survive power loss. */
public final class Folders {

    /** Windows can't open folders, and writes their entries through to the disk. */
    private static final boolean CAN_BE_OPENED = File.separatorChar == '/';

    private Folders() {}

    /**
     * Forces a folder to the storage device: on return, files that were created, renamed or deleted in it stay so after
     * power loss. On Windows this does nothing.
     *
     * <p>An interrupt has no effect: unlike a {@link java.nio.channels.FileChannel}, the channel used here is not
     * closed by one.
     *
     * @param folder an existing folder
     * @throws IOException if the folder can't be opened or forced; its names may not survive power loss
     */
    public static void force(Path folder) throws IOException {
        if (!CAN_BE_OPENED) {
            return;
        }
        try (AsynchronousFileChannel channel = AsynchronousFileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }

    /**
     * Creates a folder and its missing parents, accessible to their owner only, and forces the folder that each is
     * created in. A folder that another process creates at the same time is left as it is.
     *
     * @param folder an absolute path
     * @param created is called with each folder that was created, parents first, before its name is forced
     * @throws IOException if a folder can't be created or forced; those passed to {@code created} exist
     */
    public static void createMissing(Path folder, Consumer<Path> created) throws IOException {
        if (Files.exists(folder)) {
            return;
        }
        Path parent = parentOf(folder);
        createMissing(parent, created);
        try {
            OwnerOnly.createFolder(folder);
        } catch (FileAlreadyExistsException e) {
            return;
        }
        created.accept(folder);
        force(parent);
    }

    /**
     * Returns a path if it exists, and otherwise the nearest folder above it that exists.
     *
     * @param path an absolute path
     * @return a path that exists
     */
    public static Path nearestExisting(Path path) {
        Path existing = path;
        while (!Files.exists(existing)) {
            existing = parentOf(existing);
        }
        return existing;
    }

    /**
     * Returns the folder that a path is in.
     *
     * @param path an absolute path
     * @return its parent; for the root, the root itself, which always exists
     */
    public static Path parentOf(Path path) {
        Path parent = path.getParent();
        return parent == null ? path : parent;
    }
}
