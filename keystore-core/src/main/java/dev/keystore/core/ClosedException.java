package dev.keystore.core;

/** The store is closed: what its calls throw from then on (R28). */
final class ClosedException extends IllegalStateException {

    private static final long serialVersionUID = 1L;

    ClosedException() {
        super("The store is closed; nothing was read or written");
    }
}
