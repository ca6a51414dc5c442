package dev.keystore.jdbc;

import java.io.File;
import java.io.IOException;
import java.nio.channels.AsynchronousFileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Makes the names of files survive power loss. */
final class DurableNames {

    /** Windows opens no folders, and writes their entries through. */
    private static final boolean FOLDERS_OPEN = File.separatorChar == '/';

    private DurableNames() {}

    /**
     * Forces a folder, and with it the names of what was created in it, to the storage device. An interrupt has no effect
     * on it: other than a {@link java.nio.channels.FileChannel}, the channel that it uses is not closed by one.
     *
     * @throws IOException if the folder can't be opened or forced
     */
    static void force(Path folder) throws IOException {
        if (!FOLDERS_OPEN) {
            return;
        }
        try (AsynchronousFileChannel channel = AsynchronousFileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }
}
