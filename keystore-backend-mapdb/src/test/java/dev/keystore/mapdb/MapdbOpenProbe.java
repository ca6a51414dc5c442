package dev.keystore.mapdb;

import dev.keystore.StoreOpenException;
import java.nio.file.Path;

/** A second process that says whether it can open a store. */
final class MapdbOpenProbe {

    static final String OPENED = "opened and closed";
    static final String REFUSED = "refused";

    private MapdbOpenProbe() {}

    public static void main(String[] arguments) {
        try {
            Mapdb.open(Path.of(arguments[0])).close();
            System.out.println(OPENED);
        } catch (StoreOpenException e) {
            System.out.println(REFUSED + ": " + e.getMessage());
        }
    }
}
