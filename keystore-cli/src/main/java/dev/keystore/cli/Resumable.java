package dev.keystore.cli;

/** Ends a command that failed after it had changed something. The same command continues. */
final class Resumable extends RuntimeException {

    private static final long serialVersionUID = 1L;

    Resumable(RuntimeException cause) {
        super(cause.getMessage(), cause);
    }
}
