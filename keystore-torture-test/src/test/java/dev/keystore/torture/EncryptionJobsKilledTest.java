package dev.keystore.torture;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.StoreOpenException;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.encryption.KeyFile;
import dev.keystore.testkit.PlaintextSearch;
import dev.keystore.torture.child.EncryptionJobChild;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Kills processes that encrypt a store, rotate its keys or decrypt it, while another process has it open. */
class EncryptionJobsKilledTest {

    private static final int CONTEXTS = 4;
    private static final int ENTRIES = 300;
    private static final String SECRET = "a value that is long enough to be recognized ";
    private static final List<String> JOBS = List.of("encrypt", "rotate", "decrypt");
    private static final int KILLS = Integer.getInteger("keystore.kills", 20);
    private static final int LONGEST_MILLIS = 600;
    private static final int ATTEMPTS = 20;

    /** How often a job calls its listener at least: once for each 64 entries. */
    private static final int CALLS_OF_LISTENER = CONTEXTS * ENTRIES / 64;

    @TempDir
    Path folder;

    private final long seed = Long.getLong("keystore.seed", System.nanoTime());
    private final Random random = new Random(seed);
    private final int[] acknowledged = new int[2];
    private String url = "";
    private String key = "";

    /** How many contexts another process has written. */
    private int others;

    @ParameterizedTest
    @ValueSource(strings = "jdbc:sqlite:")
    @Timeout(600)
    @DisplayName("R74 jobs of encryption that are killed continue and end right; no commit is lost, of no process")
    void killed(String scheme) throws IOException, InterruptedException {
        onStore(scheme, () -> {
            for (String job : JOBS) {
                int kills = run(job, job.equals("rotate") ? this::killAtRandom : this::killInTheMiddle);
                assertThat(kills).as("kills of %s before its end", job).isPositive();
            }
        });
    }

    @ParameterizedTest
    @ValueSource(strings = {"jdbc:sqlite:", "mapdb:", "jdbc:postgresql:"})
    @Tag("long")
    @Timeout(1_800)
    @DisplayName("R74 jobs of encryption that are killed at random moments, again and again, continue and end right")
    void killed_often(String scheme) throws IOException, InterruptedException {
        onStore(scheme, () -> {
            int kills = 0;
            while (kills < KILLS) {
                for (String job : JOBS) {
                    kills += run(job, this::killUntilItEnds);
                }
            }
        });
    }

    private interface Work {
        void run() throws IOException, InterruptedException;
    }

    private interface Kills {
        int of(String job) throws IOException, InterruptedException;
    }

    private void onStore(String scheme, Work work) throws IOException, InterruptedException {
        System.out.println("EncryptionJobsKilledTest from seed " + seed + " (keystore.seed)");
        Path file = folder.resolve("root.key");
        KeyFile.create(file);
        key = "key-file:" + file;
        if (!scheme.equals("jdbc:postgresql:")) {
            url = scheme + folder.resolve("store");
            fill();
            work.run();
            return;
        }
        try (EmbeddedPostgres server = EmbeddedPostgres.builder()
                .setPGStartupWait(Duration.ofMinutes(1))
                .start()) {
            url = "jdbc:postgresql://localhost:" + server.getPort() + "/postgres?user=postgres&sslmode=disable";
            fill();
            work.run();
        }
    }

    /** Kills a job, lets it end, compares the store with what was acknowledged, and returns the number of kills. */
    private int run(String job, Kills killing) throws IOException, InterruptedException {
        int kills;
        try (SignalKeyDatabase other = openOther(job)) {
            kills = killing.of(job);
            run(job, 0, -1);
            System.out.println(url + " " + job + ": killed before its end: " + kills);
            if (other != null) {
                commitFromOther(other, job);
            }
        }
        assertComplete(job);
        if (!job.equals("decrypt") && !url.startsWith("jdbc:postgresql:")) {
            assertNoValueInFiles();
        }
        return kills;
    }

    private int killInTheMiddle(String job) throws IOException, InterruptedException {
        return run(job, 1 + random.nextInt(CALLS_OF_LISTENER), random.nextInt(LONGEST_MILLIS / 10)) ? 1 : 0;
    }

    /** Kills a rotation at a random moment. If it has ended by then, another one begins. */
    private int killAtRandom(String job) throws IOException, InterruptedException {
        for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
            if (run(job, 0, random.nextInt(LONGEST_MILLIS))) {
                return 1;
            }
        }
        return 0;
    }

    private int killUntilItEnds(String job) throws IOException, InterruptedException {
        int kills = 0;
        while (run(job, 0, random.nextInt(LONGEST_MILLIS))) {
            kills++;
        }
        return kills;
    }

    /** Opens the store in this process before a job, without a context; null on MapDB, which refuses that. */
    private @Nullable SignalKeyDatabase openOther(String job) {
        return url.startsWith("mapdb:") ? null : builder(!job.equals("encrypt")).open();
    }

    private SignalKeyDatabase.Builder builder(boolean encrypted) {
        SignalKeyDatabase.Builder builder = SignalKeyDatabase.builder().url(url);
        return encrypted ? builder.property("encryption.key", key) : builder;
    }

    /** Commits to a new context as a process that knows nothing of the job. */
    private void commitFromOther(SignalKeyDatabase other, String job) {
        if (job.equals("rotate")) {
            other.forContext("other").put(KeyTypes.SESSION, "x", SECRET.getBytes(UTF_8));
            others = 1;
        } else {
            assertThatThrownBy(() -> other.forContext("refused")).isInstanceOf(StoreOpenException.class);
        }
    }

    private void assertNoValueInFiles() throws IOException {
        for (Path file : PlaintextSearch.filesBelow(folder)) {
            assertThat(new String(Files.readAllBytes(file), ISO_8859_1).contains(SECRET))
                    .as("a value in plaintext in %s", file)
                    .isFalse();
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
     * @param held the number of the call of its listener at which the job stops in the middle, while commits continue,
     *     so that it cannot end before the kill; 0 if it continues
     * @param millis kills it after this time, from its beginning or from where it stopped, unless it is negative
     * @return whether it was killed before it ended
     */
    private boolean run(String job, int held, int millis) throws IOException, InterruptedException {
        Path output = Files.createTempFile(folder, "child", ".txt");
        List<String> arguments = List.of(url, key, job, Integer.toString(held));
        boolean killed = KillableJvm.run(EncryptionJobChild.class, arguments, output, held > 0 ? "held" : "", millis);
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
                int number = Integer.parseInt(parts[0]);
                int count = Integer.parseInt(parts[1]);
                assertThat(count).as("counter %s", number).isGreaterThan(acknowledged[number]);
                acknowledged[number] = count;
            });
        }
        return printed.endsWith("done\n");
    }

    private void assertComplete(String job) {
        try (SignalKeyDatabase database = builder(!job.equals("decrypt")).open()) {
            try (Stream<String> contexts = database.contexts()) {
                assertThat(contexts).hasSize(CONTEXTS + others);
            }
            if (others > 0) {
                assertThat(database.forContext("other").find(KeyTypes.SESSION, "x"))
                        .hasValue(SECRET.getBytes(UTF_8));
            }
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
