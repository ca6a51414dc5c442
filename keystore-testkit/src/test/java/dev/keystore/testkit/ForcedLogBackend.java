package dev.keystore.testkit;

import dev.keystore.spi.Batch;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

/**
 * A correct backend, for tests that break it: a {@link LogBackend} that survives power loss. Its records have
 * checksums. It forces the log after each group and after recovery, and the folder after creating the log. After
 * forcing has failed, the state of the disk is unknown, so it refuses further writes.
 */
class ForcedLogBackend extends LogBackend {

    private final Path folder;
    private boolean failed;

    ForcedLogBackend(Path folder) {
        this(folder, new MemoryBackend());
    }

    ForcedLogBackend(Path folder, MemoryBackend memory) {
        super(folder, memory);
        this.folder = folder;
        try {
            forceRecovered();
            forceFolder();
        } catch (IOException e) {
            close();
            throw new UncheckedIOException(e);
        }
    }

    @Override
    void append(List<Batch> group) {
        if (failed) {
            throw new IllegalStateException("the log could not be forced; open it again");
        }
        super.append(group);
        try {
            forceAppended();
        } catch (IOException e) {
            failed = true;
            throw new UncheckedIOException(e);
        }
    }

    /** Makes the recovered records durable before anything depends on them. */
    void forceRecovered() throws IOException {
        log.force(true);
    }

    void forceAppended() throws IOException {
        log.force(true);
    }

    void forceFolder() throws IOException {
        force(folder);
    }

    static void force(Path folder) throws IOException {
        try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
            channel.force(true);
        }
    }
}
