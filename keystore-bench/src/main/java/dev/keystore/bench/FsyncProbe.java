package dev.keystore.bench;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.TimeUnit;

/** Measures the fsync rate: how often 4 KiB can be appended to a file and forced, one after the other. */
public final class FsyncProbe {

    private static final int BYTES = 4_096;
    private static final long NANOS = TimeUnit.MILLISECONDS.toNanos(250);

    private final Path file;

    /** Creates a probe that writes to a temporary file in {@code folder}. */
    public FsyncProbe(Path folder) {
        this.file = folder.resolve("probe");
    }

    /** Returns the fsyncs per second. */
    public double rate() throws IOException {
        try (FileChannel out = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            long begin = System.nanoTime();
            long now = begin;
            int fsyncs = 0;
            while (now - begin < NANOS) {
                ByteBuffer block = ByteBuffer.allocate(BYTES);
                while (block.hasRemaining()) {
                    out.write(block);
                }
                out.force(false);
                fsyncs++;
                now = System.nanoTime();
            }
            return fsyncs * (double) TimeUnit.SECONDS.toNanos(1) / (now - begin);
        } finally {
            Files.deleteIfExists(file);
        }
    }
}
