package dev.keystore.interop;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The file of an account of signal-cli, which signal-cli locks while it uses the account. It is opened for reading,
 * with a shared lock, so that signal-cli does not start before it is closed.
 */
final class SignalCliFile implements AutoCloseable {

    /** The file holds the identities, and a few texts. */
    private static final int MAXIMUM_BYTES = 1 << 20;

    private final Path file;
    private final FileChannel channel;
    private final byte[] document;

    private SignalCliFile(Path file, FileChannel channel, byte[] document) {
        this.file = file;
        this.channel = channel;
        this.document = document;
    }

    /** Opens a file, or throws if it is not a file that can be read, or if signal-cli uses it. */
    static SignalCliFile open(Path file) {
        FileChannel channel = null;
        try {
            if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
                throw SqliteCopy.failed(file, "it does not exist, or is not a file", null);
            }
            channel = FileChannel.open(file, StandardOpenOption.READ, LinkOption.NOFOLLOW_LINKS);
            if (channel.tryLock(0, Long.MAX_VALUE, true) == null) {
                throw inUse(file, channel);
            }
            return new SignalCliFile(file, channel, read(file, channel));
        } catch (OverlappingFileLockException e) {
            throw inUse(file, channel);
        } catch (IOException e) {
            close(file, channel);
            throw SqliteCopy.failed(file, e.getClass().getSimpleName() + "; check the path and its permissions", e);
        } catch (ForeignStoreException e) {
            close(file, channel);
            throw e;
        }
    }

    private static ForeignStoreException inUse(Path file, @Nullable FileChannel channel) {
        close(file, channel);
        return SqliteCopy.failed(file, "signal-cli is using it, which has locked it; stop signal-cli first", null);
    }

    /** Reads through the locked channel, since closing any other one on the file would release its lock. */
    private static byte[] read(Path file, FileChannel channel) throws IOException {
        ByteArrayOutputStream document = new ByteArrayOutputStream();
        ByteBuffer part = ByteBuffer.allocate(1 << 13);
        while (channel.read(part) >= 0) {
            document.write(part.array(), 0, part.position());
            part.clear();
            if (document.size() > MAXIMUM_BYTES) {
                throw SqliteCopy.failed(file, "it has more than " + MAXIMUM_BYTES + " bytes", null);
            }
        }
        return document.toByteArray();
    }

    byte[] document() {
        return document;
    }

    /** Throws if the file differs from what was read before, or if signal-cli uses it now. */
    static void checkUnchanged(Path file, byte[] before) {
        try (SignalCliFile now = open(file)) {
            if (!Arrays.equals(now.document, before)) {
                throw SqliteCopy.failed(
                        file, "it was changed while it was read; stop signal-cli, and import it again", null);
            }
        }
    }

    @Override
    public void close() {
        close(file, channel);
    }

    private static void close(Path file, @Nullable FileChannel channel) {
        try {
            if (channel != null) {
                channel.close();
            }
        } catch (IOException e) {
            throw new ForeignStoreException(
                    file + ": could not close the file: " + e.getClass().getSimpleName(), e);
        }
    }
}
