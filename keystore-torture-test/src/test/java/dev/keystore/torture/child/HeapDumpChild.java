package dev.keystore.torture.child;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.management.HotSpotDiagnosticMXBean;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import dev.keystore.testkit.PlaintextSearch;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;

/**
 * A process that holds a conversation in an encrypted store, and searches its own heap for the values that were stored,
 * and for the names of the two users, which are those of contexts and in ids: before and after it closes the store. It
 * prints how many it has found.
 */
public final class HeapDumpChild {

    private HeapDumpChild() {}

    /**
     * Runs with the URL of the store, the file of the root key, a file for dumps, which it deletes, and whether names
     * are hidden.
     */
    public static void main(String[] args) throws Exception {
        PlaintextSearch values = new PlaintextSearch();
        PlaintextSearch names = new PlaintextSearch();
        Path file = Path.of(args[2]);
        Encryption encryption = Encryption.with(KeyFile.at(Path.of(args[1])));
        SignalKeyDatabase database = SignalKeyDatabase.builder()
                .url(args[0])
                .encryption(values.observed(Boolean.parseBoolean(args[3]) ? encryption.hidingNames() : encryption))
                .open();
        hold(database, names);
        System.out.println("stored " + values.size());
        report("open", values, names, file, true);
        database.close();
        report("garbage", values, names, file, false); // first: the other dump collects it
        report("closed", values, names, file, true);
        if (database.stats().commits() == 0) {
            throw new AssertionError("the database must be reachable until here");
        }
    }

    /** Holds a conversation of users whose names only the store knows afterwards. */
    private static void hold(SignalKeyDatabase database, PlaintextSearch names) throws Exception {
        String alice = "alice " + UUID.randomUUID();
        String bob = "bob " + UUID.randomUUID();
        names.add(alice.getBytes(UTF_8));
        names.add(bob.getBytes(UTF_8));
        ConversationOfTwo.hold(database, alice, bob);
    }

    private static void report(
            String when, PlaintextSearch values, PlaintextSearch names, Path file, boolean onlyReachable)
            throws IOException {
        ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class).dumpHeap(file.toString(), onlyReachable);
        try {
            System.out.println(when + " " + values.in(List.of(file)).getOrDefault(file, 0));
            System.out.println("names" + when + " " + names.in(List.of(file)).getOrDefault(file, 0));
        } finally {
            Files.delete(file);
        }
    }
}
