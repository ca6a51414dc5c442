package dev.keystore.torture.child;

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

/**
 * A process that holds a conversation in an encrypted store, and searches its own heap for the values that were stored:
 * before and after it closes the store. It prints how many it has found.
 */
public final class HeapDumpChild {

    private HeapDumpChild() {}

    /** Runs with the URL of the store, the file of the root key, and a file for dumps, which it deletes. */
    public static void main(String[] args) throws Exception {
        PlaintextSearch search = new PlaintextSearch();
        Path file = Path.of(args[2]);
        SignalKeyDatabase database = SignalKeyDatabase.builder()
                .url(args[0])
                .encryption(search.observed(Encryption.with(KeyFile.at(Path.of(args[1])))))
                .open();
        ConversationOfTwo.hold(database, "alice", "bob");
        System.out.println("stored " + search.size());
        System.out.println("open " + found(search, file, true));
        database.close();
        System.out.println("garbage " + found(search, file, false)); // first: the other dump collects it
        System.out.println("closed " + found(search, file, true));
        if (database.stats().commits() == 0) {
            throw new AssertionError("the database must be reachable until here");
        }
    }

    /** Dumps the heap, and returns how many values are in it. */
    private static int found(PlaintextSearch search, Path file, boolean onlyReachable) throws IOException {
        ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class).dumpHeap(file.toString(), onlyReachable);
        try {
            return search.in(List.of(file)).getOrDefault(file, 0);
        } finally {
            Files.delete(file);
        }
    }
}
