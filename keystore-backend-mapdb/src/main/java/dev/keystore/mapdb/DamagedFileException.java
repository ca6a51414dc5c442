package dev.keystore.mapdb;

import java.io.IOException;
import java.nio.file.Path;

/** A journal or checkpoint that is not what was written. Its message names the file, the place, and what would be lost. */
final class DamagedFileException extends IOException {

    private static final long serialVersionUID = 1L;

    DamagedFileException(Path file, long offset, String what) {
        super(file + " is damaged at offset " + offset + ": " + what
                + "; bring the file back from a backup of the whole folder");
    }

    /** A file that is missing, or ends too early. */
    DamagedFileException(String what) {
        super(what + "; bring the folder back from a backup");
    }
}
