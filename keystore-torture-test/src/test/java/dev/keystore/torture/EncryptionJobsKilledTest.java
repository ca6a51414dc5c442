package dev.keystore.torture;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.encryption.KeyFile;
import dev.keystore.torture.child.EncryptionJobChild;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Kills processes that encrypt a store, rotate its keys or decrypt it, at random moments. */
class EncryptionJobsKilledTest {

    private static final int CONTEXTS = 4;
    private static final int ENTRIES = 300;
    private static final String SECRET = "a value that is long enough to be recognized ";
    private static final int KILLS = Integer.getInteger("keystore.kills", 1);
    private static final int LONGEST_MILLIS = 600;

    @TempDir
    Path folder;

    private final long seed = Long.getLong("keystore.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private final int[] acknowledged = new int[2];
    private String url = "";
    private String key = "";

    @ParameterizedTest
    @CsvSource({"jdbc:sqlite:,store.db", "mapdb:,store"})
    @Timeout(600)
    @DisplayName("R74 jobs of encryption that are killed at random moments go on and end right; no commit is lost")
    void killed(String scheme, String name) throws IOException, InterruptedException {
        System.out.println("EncryptionJobsKilledTest.killed from seed " + seed + " (keystore.seed), kills of each job: "
                + KILLS + " (keystore.kills)");
        url = scheme + folder.resolve(name);
        Path file = folder.resolve("root.key");
        KeyFile.create(file);
        key = "key-file:" + file;
        fill();
        for (String job : List.of("encrypt", "rotate", "decrypt")) {
            int kills = 0;
            for (int i = 0; i < KILLS && run(job, random.nextInt(LONGEST_MILLIS)); i++) {
                kills++;
            }
            run(job, -1);
            System.out.println(scheme + " " + job + ": killed before its end: " + kills);
            assertComplete(job);
            if (!job.equals("decrypt")) {
                assertNoValueInFiles();
            }
        }
    }

    private void assertNoValueInFiles() throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                assertThat(new String(Files.readAllBytes(file), ISO_8859_1).contains(SECRET))
                        .as("a value in plaintext in %s", file)
                        .isFalse();
            }
        }
    }

    private void fill() {
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url)) {
            for (int context = 0; context < CONTEXTS; context++) {
                database.forContext("context " + context).useTransaction("k", tx -> {
                    for (int i = 0; i < ENTRIES; i++) {
                        tx.put(KeyTypes.SESSION, "bob." + i, (SECRET + i).getBytes(UTF_8));
                    }
                });
            }
        }
    }

    /**
     * Runs a job in a process.
     *
     * @param millis kills it after this time, unless it is negative
     * @return whether it was killed before it ended
     */
    private boolean run(String job, int millis) throws IOException, InterruptedException {
        Path output = Files.createTempFile(folder, "child", ".txt");
        boolean killed = KillableJvm.run(EncryptionJobChild.class, List.of(url, key, job), output, millis);
        boolean done = acknowledge(output);
        if (!killed) {
            assertThat(done).as("%s has printed its end", job).isTrue();
        }
        return killed;
    }

    /** Reads what a process has printed; the last line may be cut off. Returns whether it has ended. */
    private boolean acknowledge(Path output) throws IOException {
        String printed = Files.readString(output);
        try (BufferedReader lines =
                new BufferedReader(new StringReader(printed.substring(0, printed.lastIndexOf('\n') + 1)))) {
            lines.lines().filter(line -> line.contains(" ")).forEach(line -> {
                String[] parts = line.split(" ", -1);
                acknowledged[Integer.parseInt(parts[0])] = Integer.parseInt(parts[1]);
            });
        }
        return printed.endsWith("done\n");
    }

    private void assertComplete(String job) {
        SignalKeyDatabase.Builder builder = SignalKeyDatabase.builder().url(url);
        if (!job.equals("decrypt")) {
            builder.property("encryption.key", key);
        }
        try (SignalKeyDatabase database = builder.open()) {
            for (int context = 0; context < CONTEXTS; context++) {
                String name = "context " + context;
                SignalKeyStore store = database.forContext(name);
                for (int i = 0; i < ENTRIES; i++) {
                    assertThat(store.find(KeyTypes.SESSION, "bob." + i))
                            .as("%s bob.%s", name, i)
                            .hasValueSatisfying(
                                    value -> assertThat(value).asString(UTF_8).startsWith(SECRET));
                }
                if (!job.equals("decrypt")) {
                    assertThat(database.encryption().entriesByKey(name))
                            .as("%s by key", name)
                            .hasSize(1)
                            .doesNotContainKeys("plain", "unreadable");
                }
                assertThat(store.verify()).isEmpty();
            }
            for (int i = 0; i < acknowledged.length; i++) {
                int found = database.forContext("context " + i)
                        .find(KeyTypes.SESSION, "counter")
                        .map(value -> Integer.parseInt(new String(value, UTF_8)))
                        .orElse(0);
                assertThat(found).as("counter %s", i).isBetween(acknowledged[i], acknowledged[i] + 1);
                acknowledged[i] = found;
            }
        }
    }
}
