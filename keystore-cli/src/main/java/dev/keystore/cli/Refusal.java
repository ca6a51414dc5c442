package dev.keystore.cli;

/** Ends a command that is refused, before anything was changed. The message is for the user. */
final class Refusal extends RuntimeException {

    private static final long serialVersionUID = 1L;

    Refusal(String message) {
        super(message);
    }
}
