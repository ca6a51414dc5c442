package dev.keystore.mapdb;

import java.io.IOException;
import java.nio.file.Path;

/**
 * Thrown when a journal or checkpoint is damaged or missing. The message names the file, the place, and what would be
 * lost.
 */
final class DamagedFileException extends IOException {

    private static final long serialVersionUID = 1L;

    /** An older copy would bring back keys and ratchet states that have since been used (R46). */
    private static final String NEVER_COPY =
            "; never copy an older folder into place: its keys and ratchet states have since been used";

    DamagedFileException(Path file, long offset, String what) {
        super(file + " is damaged at offset " + offset + ": " + what + NEVER_COPY);
    }

    /** Reports a file that is missing. */
    DamagedFileException(String what) {
        super(what + NEVER_COPY);
    }
}
