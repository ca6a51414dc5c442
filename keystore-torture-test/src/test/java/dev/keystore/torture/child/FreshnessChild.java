package dev.keystore.torture.child;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.keystore.KeyTypes;
import dev.keystore.core.SignalKeyDatabase;
import java.util.ArrayList;
import java.util.List;

/** Opens a store with a freshness anchor and commits to several contexts, until it is killed or has done enough. */
public final class FreshnessChild {

    private static final int THREADS = 3;

    private FreshnessChild() {}

    /**
     * Takes the URL of the store, that of the anchor, the number of commits of each context, and how many of them are
     * made before it prints that it has started and opens the store again; if none, it prints that first.
     */
    public static void main(String[] args) throws InterruptedException {
        int before = Integer.parseInt(args[3]);
        if (before > 0) {
            use(args[0], args[1], before);
        }
        System.out.println("started");
        use(args[0], args[1], Integer.parseInt(args[2]));
    }

    private static void use(String url, String anchor, int commits) throws InterruptedException {
        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                .url(url)
                .property("freshness.anchor", anchor)
                .open()) {
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                String context = "account " + i;
                Thread thread = new Thread(() -> commit(database, context, commits));
                thread.setUncaughtExceptionHandler((failed, failure) -> {
                    failure.printStackTrace();
                    Runtime.getRuntime().halt(1);
                });
                threads.add(thread);
                thread.start();
            }
            for (Thread thread : threads) {
                thread.join();
            }
        }
    }

    private static void commit(SignalKeyDatabase database, String context, int commits) {
        for (int i = 0; i < commits; i++) {
            database.forContext(context).put(KeyTypes.SESSION, "bob." + i % 10, ("ratchet " + i).getBytes(UTF_8));
        }
    }
}
