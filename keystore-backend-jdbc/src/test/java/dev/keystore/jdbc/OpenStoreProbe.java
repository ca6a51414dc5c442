package dev.keystore.jdbc;

import dev.keystore.StoreOpenException;
import dev.keystore.core.SignalKeyDatabase;

/** A second process that opens a store, and prints the outcome. */
final class OpenStoreProbe {

    static final String OPENED = "opened";
    static final String REFUSED = "refused: ";

    private OpenStoreProbe() {}

    /** The argument is a URL. */
    public static void main(String[] arguments) {
        try {
            SignalKeyDatabase.open(arguments[0]).close();
            System.out.println(OPENED);
        } catch (StoreOpenException e) {
            System.out.println(REFUSED + e.getMessage());
        }
    }
}
