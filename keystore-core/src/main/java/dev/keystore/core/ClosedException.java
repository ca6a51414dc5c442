package dev.keystore.core;

/** Thrown by every call to a closed database (R28). */
final class ClosedException extends IllegalStateException {

    private static final long serialVersionUID = 1L;

    ClosedException() {
        super("The database is closed; nothing was read or written");
    }
}
