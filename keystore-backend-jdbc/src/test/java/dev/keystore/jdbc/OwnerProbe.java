package dev.keystore.jdbc;

import dev.keystore.ContextOwnedException;
import dev.keystore.core.SignalKeyDatabase;

/** A second process that opens a context unless its owner is alive, and prints the outcome. */
final class OwnerProbe {

    static final String OWNED = "owned: ";
    static final String TAKEN = "taken over";

    private OwnerProbe() {}

    /** The arguments are a URL and a context. */
    public static void main(String[] arguments) {
        try (SignalKeyDatabase database =
                SignalKeyDatabase.builder().url(arguments[0]).refuseOwned().open()) {
            database.forContext(arguments[1]);
            System.out.println(TAKEN);
        } catch (ContextOwnedException e) {
            System.out.println(OWNED + e.getMessage());
        }
    }
}
