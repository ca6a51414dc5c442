package dev.keystore.bench.commit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;

/**
 * The entries that a peer holds when it is measured: two for each id, spread evenly over the contexts.
 *
 * @param ids the number of ids
 * @param contexts the number of contexts
 */
record Dataset(int ids, int contexts) {

    private static final long FIRST_NUMBER = 1_555_000_000_000L;
    private static final int IDS_AT_ONCE = 500;
    private static final int FILLING_THREADS = 16;
    private static final String MARK = "filled";

    /** Returns a dataset of about {@code entries} entries, with at least one id for each thread. */
    static Dataset of(int entries, int contexts, int threads) {
        return new Dataset(Math.max(entries / 2, threads), contexts);
    }

    String context(int number) {
        return "account-" + number % contexts;
    }

    /** Returns a random number of an id that only one of several threads uses. */
    int randomNumber(SplittableRandom random, int thread, int threads) {
        return thread + threads * random.nextInt((ids - thread + threads - 1) / threads);
    }

    static String id(int number) {
        return FIRST_NUMBER + number + ".1";
    }

    /** Opens a peer in a subfolder of {@code parent}, and fills it unless an earlier call did. */
    CommitPeer open(CommitPeers peer, Path parent) throws Exception {
        return open(peer, parent, true);
    }

    /** Does the same; if {@code cached} is false, the peer's cache holds nothing. */
    CommitPeer open(CommitPeers peer, Path parent, boolean cached) throws Exception {
        Path folder = Files.createDirectories(parent.resolve(peer + "-" + ids + "-" + contexts));
        CommitPeer opened = peer.open(folder, cached);
        if (Files.exists(folder.resolve(MARK))) {
            return opened;
        }
        try (CommitPeer filling = opened) {
            fill(filling);
        }
        mark(folder);
        // Anew, so that no work of filling the store is left over when it is measured.
        return peer.open(folder, cached);
    }

    private static void mark(Path folder) throws IOException {
        Files.createFile(folder.resolve(MARK));
    }

    private void fill(CommitPeer peer) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(FILLING_THREADS);
        try {
            List<Future<?>> filling = new ArrayList<>();
            for (int context = 0; context < contexts; context++) {
                int first = context;
                List<String> all = IntStream.iterate(first, number -> number < ids, number -> number + contexts)
                        .mapToObj(Dataset::id)
                        .toList();
                for (int from = 0; from < all.size(); from += IDS_AT_ONCE) {
                    List<String> some = all.subList(from, Math.min(all.size(), from + IDS_AT_ONCE));
                    filling.add(threads.submit(() -> {
                        peer.fill(context(first), some);
                        return some;
                    }));
                }
            }
            for (Future<?> one : filling) {
                one.get();
            }
        } finally {
            threads.shutdown();
        }
    }
}
