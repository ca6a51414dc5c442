package dev.keystore.torture;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendException.Kind;
import dev.keystore.spi.BackendProvider;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Compaction;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.GroupCommit;
import dev.keystore.spi.Mutation;
import dev.keystore.spi.Mutation.Put;
import dev.keystore.testkit.PlaintextSearch;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The time that a compaction takes, in a store of values of 1 KiB (as many MiB as {@code -Dkeystore.compaction.mib=}),
 * half of which were replaced, while another thread commits. Prints the figures, and asserts only that nothing is lost.
 */
@Tag("long")
@Timeout(1800)
final class CompactionTimeTest {

    private static final int VALUE_BYTES = 1024;
    private static final int ENTRIES_PER_COMMIT = 1024;

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({"jdbc:sqlite,keys.db,1024", "mapdb,store,300"})
    @DisplayName("R74 a compaction of a large store loses nothing, and commits wait for it")
    void large(String scheme, String name, int mib) throws Exception {
        int commits = Integer.getInteger("keystore.compaction.mib", mib);
        try (Backend backend = open(scheme, name)) {
            for (int number = 0; number < commits; number++) {
                fill(backend, number, 0);
            }
            for (int number = 0; number < commits; number += 2) {
                fill(backend, number, 1);
            }
            long before = bytes();
            ExecutorService threads = Executors.newSingleThreadExecutor();
            AtomicBoolean over = new AtomicBoolean();
            Future<Long> longest = threads.submit(() -> longestCommit(backend, over));
            long start = System.nanoTime();
            ((Compaction) backend).compact();
            double seconds = (System.nanoTime() - start) / 1e9;
            over.set(true);
            System.out.printf(
                    "%s: %d MiB of values compacted in %.1f s (%.0f MiB/s); files before %d MiB, after %d MiB; longest"
                            + " commit meanwhile %.1f s%n",
                    scheme, commits, seconds, commits / seconds, before >> 20, bytes() >> 20, longest.get() / 1e9);
            threads.shutdown();
            check((ContextAwareBackend) backend, commits);
        }
    }

    private Backend open(String scheme, String name) {
        BackendProvider provider = ServiceLoader.load(BackendProvider.class).stream()
                .map(ServiceLoader.Provider::get)
                .filter(each -> each.scheme().equals(scheme))
                .findFirst()
                .orElseThrow();
        return provider.open(new BackendConfig(scheme + ":" + folder.resolve(name), Map.of(), false));
    }

    private static void fill(Backend backend, int number, int version) {
        List<Mutation> puts = new ArrayList<>();
        for (int i = 0; i < ENTRIES_PER_COMMIT; i++) {
            puts.add(new Put("session", "bob." + number + "." + i, value(number, i, version)));
        }
        ((GroupCommit) backend).commit(List.of(new Batch("alice", 0, 1, puts)));
    }

    private static long longestCommit(Backend backend, AtomicBoolean over) {
        long longest = 0;
        while (!over.get()) {
            long start = System.nanoTime();
            retried(() -> ((ContextAwareBackend) backend).save("carol", "session", "one", new byte[VALUE_BYTES]));
            longest = Math.max(longest, System.nanoTime() - start);
        }
        return longest;
    }

    /** Repeats a write that failed as transient, as the engine does. */
    private static void retried(Runnable write) {
        while (true) {
            try {
                write.run();
                return;
            } catch (BackendException e) {
                assertThat(e.kind()).as(e.getMessage()).isEqualTo(Kind.TRANSIENT);
            }
        }
    }

    private static void check(ContextAwareBackend backend, int commits) {
        for (int number = 0; number < commits; number++) {
            for (int i = 0; i < ENTRIES_PER_COMMIT; i += 97) {
                assertThat(backend.load("alice", "session", "bob." + number + "." + i))
                        .hasValue(value(number, i, number % 2 == 0 ? 1 : 0));
            }
        }
        try (Stream<?> listed = backend.list("alice")) {
            assertThat(listed.count()).isEqualTo((long) commits * ENTRIES_PER_COMMIT);
        }
    }

    private static byte[] value(int number, int i, int version) {
        byte[] value = new byte[VALUE_BYTES];
        new SplittableRandom(31L * number + i).nextBytes(value);
        ByteBuffer.wrap(value).putInt(version);
        return value;
    }

    private long bytes() throws IOException {
        return PlaintextSearch.filesBelow(folder).stream()
                .mapToLong(file -> file.toFile().length())
                .sum();
    }
}
