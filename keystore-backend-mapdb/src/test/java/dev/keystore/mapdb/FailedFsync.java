package dev.keystore.mapdb;

import dev.keystore.spi.BackendException;
import java.nio.file.Path;

/**
 * A process that commits three pairs and exits without closing the store. The test makes the fsync of the second pair's
 * record fail, and no other.
 */
final class FailedFsync {

    static final String OUTCOME = "outcome of the second commit: ";
    static final String DONE = "third commit acknowledged";

    private FailedFsync() {}

    public static void main(String[] arguments) {
        MapdbBackend backend = Mapdb.open(Path.of(arguments[0]));
        backend.commit(Mapdb.pair("alice", 0, new byte[1]));
        try {
            backend.commit(Mapdb.pair("alice", 1, new byte[1]));
        } catch (BackendException e) {
            System.out.println(OUTCOME + e.kind() + ": " + e.getMessage());
        }
        backend.commit(Mapdb.pair("alice", 2, new byte[1]));
        System.out.println(DONE);
        Runtime.getRuntime().halt(0);
    }
}
