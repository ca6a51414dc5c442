package dev.keystore.mapdb;

import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** Thrown when a path no longer leads to the open file: the folder or the file was moved, replaced or deleted. */
final class FileMovedException extends IOException {

    private static final long serialVersionUID = 1L;

    FileMovedException(Path file, @Nullable IOException cause) {
        super(
                file + " no longer leads to the file that this process has open ("
                        + (cause == null ? "another file is there" : cause)
                        + "): the store's folder or a file in it was moved, replaced or deleted; put it back in place,"
                        + " or close the store and open it where it is now",
                cause);
    }
}
