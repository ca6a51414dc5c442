package dev.keystore.mapdb;

import java.io.IOException;
import java.nio.file.Path;

/** A journal or checkpoint is damaged. The message names the file, the place, and what would be lost. */
final class DamagedFileException extends IOException {

    private static final long serialVersionUID = 1L;

    /** An old copy would restore ratchet states and keys that were used since (R46). */
    private static final String ADVICE =
            "; never copy an old folder into place: keys and ratchet states in it were used since";

    DamagedFileException(Path file, long offset, String what) {
        super(file + " is damaged at offset " + offset + ": " + what + ADVICE);
    }

    /** Reports a file that is missing, or ends too early. */
    DamagedFileException(String what) {
        super(what + ADVICE);
    }
}
