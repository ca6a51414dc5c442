package dev.keystore.interop;

/** Thrown if a part of a foreign store cannot be used. The message says why, without a byte of it. */
final class DamagedException extends Exception {

    private static final long serialVersionUID = 1L;

    DamagedException(String reason) {
        super(reason);
    }

    String reason() {
        return String.valueOf(getMessage());
    }
}
