package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyStores;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A child process commits pairs of entries and is killed; what it acknowledged must be there, and no pair torn. */
class CrashTest {

    private static final int THREADS = 4;
    private static final int KILLS = 30;

    @TempDir
    private Path folder;

    @Test
    @Timeout(300)
    @DisplayName("R11 R12 a process killed at 30 random moments loses nothing acknowledged, and tears no pair")
    void kill_atRandomMoments_losesAndTearsNothing() throws Exception {
        long seed = Long.getLong("crash.seed", System.nanoTime());
        System.out.println("crash.seed=" + seed);
        Random random = new Random(seed);
        String url = "jdbc:sqlite:" + folder.resolve("keys.db");
        long[] acknowledged = new long[THREADS];
        long acknowledgedInAll = 0;
        for (int kill = 1; kill <= KILLS; kill++) {
            acknowledgedInAll += runAndKill(url, acknowledged, random);
            try (SignalKeyStores stores = SignalKeyStores.open(url)) {
                SignalKeyStore store = stores.forContext("crash");
                assertThat(store.verify()).as("kill %d: damaged entries", kill).isEmpty();
                for (int thread = 0; thread < THREADS; thread++) {
                    long left = number(store, "left-" + thread);
                    long right = number(store, "right-" + thread);
                    assertThat(left)
                            .as("kill %d: pair of thread %d", kill, thread)
                            .isEqualTo(right);
                    assertThat(left)
                            .as("kill %d: last acknowledged of thread %d", kill, thread)
                            .isBetween(acknowledged[thread], acknowledged[thread] + 1);
                    acknowledged[thread] = left;
                }
            }
        }
        System.out.printf("%d kills, %d acknowledged commits, nothing lost, nothing torn%n", KILLS, acknowledgedInAll);
        assertThat(acknowledgedInAll).isGreaterThan(KILLS);
    }

    /** Runs a child until a random moment after its first acknowledgement, and notes what it acknowledged. */
    private static long runAndKill(String url, long[] acknowledged, Random random) throws Exception {
        Process child = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx128m",
                        "-XX:TieredStopAtLevel=1",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Child.class.getName(),
                        url)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        long count = 0;
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(child.getInputStream(), StandardCharsets.UTF_8))) {
            long aliveNanos = random.nextLong(Duration.ofMillis(300).toNanos());
            Thread killer = null;
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (killer == null) {
                    killer = new Thread(() -> {
                        LockSupport.parkNanos(aliveNanos);
                        // Not through Process, which would close the pipe with acknowledgements in it.
                        child.toHandle().destroyForcibly();
                    });
                    killer.start();
                }
                String[] words = line.split(" ", -1);
                // The last line may be cut short by the kill: only whole ones are acknowledgements.
                if (words.length == 3 && words[2].equals("ok")) {
                    acknowledged[Integer.parseInt(words[0])] = Long.parseLong(words[1]);
                    count++;
                }
            }
            assertThat(killer).as("the child acknowledged something").isNotNull();
            killer.join();
        }
        assertThat(child.waitFor(30, TimeUnit.SECONDS)).isTrue();
        assertThat(child.exitValue()).as("ended by SIGKILL").isEqualTo(137);
        return count;
    }

    private static long number(SignalKeyStore store, String id) {
        return store.find(KeyTypes.SESSION, id)
                .map(value -> ByteBuffer.wrap(value).getLong())
                .orElse(0L);
    }

    /** Commits pairs from four threads until it is killed, and prints each commit once it is acknowledged. */
    static final class Child {

        private Child() {}

        public static void main(String[] args) {
            SignalKeyStore store = SignalKeyStores.open(args[0]).forContext("crash");
            for (int i = 0; i < THREADS; i++) {
                int thread = i;
                new Thread(() -> commitPairs(store, thread)).start();
            }
        }

        private static void commitPairs(SignalKeyStore store, int thread) {
            while (true) {
                long number = store.transaction("pair-" + thread, tx -> {
                    long next = tx.find(KeyTypes.SESSION, "left-" + thread)
                                    .map(value -> ByteBuffer.wrap(value).getLong())
                                    .orElse(0L)
                            + 1;
                    byte[] value = new byte[1024];
                    Arrays.fill(value, (byte) next);
                    ByteBuffer.wrap(value).putLong(next);
                    tx.put(KeyTypes.SESSION, "left-" + thread, value);
                    tx.put(KeyTypes.SESSION, "right-" + thread, value);
                    return next;
                });
                System.out.println(thread + " " + number + " ok");
            }
        }
    }
}
