package dev.keystore.encryption;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** Reads small files that hold secrets, without leaving further copies in memory. */
final class SecretFiles {

    private SecretFiles() {}

    /**
     * Returns the content of a file, which the caller overwrites.
     *
     * @throws IOException if it cannot be read or has more than {@code maximumBytes}
     */
    static byte[] read(Path file, int maximumBytes) throws IOException {
        byte[] buffer = new byte[maximumBytes + 1];
        try (InputStream in = Files.newInputStream(file)) {
            int length = in.readNBytes(buffer, 0, buffer.length);
            if (length > maximumBytes) {
                throw new IOException("it has more than " + maximumBytes + " bytes");
            }
            return Arrays.copyOf(buffer, length);
        } finally {
            Arrays.fill(buffer, (byte) 0);
        }
    }
}
