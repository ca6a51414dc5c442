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
import dev.keystore.torture.child.EncryptionJobChild;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Kills processes that encrypt a store, rotate its keys or decrypt it, while another process has it open. */
class EncryptionJobsKilledTest {

    private static final int CONTEXTS = 4;
    private static final int ENTRIES = 300;
    private static final String SECRET = "a value that is long enough to be recognized ";
    private static final int KILLS = Integer.getInteger("keystore.kills", 1);
    private static final int LONGEST_MILLIS = 600;

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
    @ValueSource(strings = {"jdbc:sqlite:", "mapdb:", "jdbc:postgresql:"})
    @Timeout(600)
    @DisplayName("R74 jobs of encryption that are killed go on and end right; no commit is lost, of no process")
    void killed(String scheme) throws IOException, InterruptedException {
        System.out.println("EncryptionJobsKilledTest.killed from seed " + seed + " (keystore.seed), kills of each job: "
                + KILLS + " (keystore.kills)");
        if (!scheme.equals("jdbc:postgresql:")) {
            url = scheme + folder.resolve("store");
            killed();
            return;
        }
        try (EmbeddedPostgres server = EmbeddedPostgres.builder().start()) {
            url = "jdbc:postgresql://localhost:" + server.getPort() + "/postgres?user=postgres";
            killed();
        }
    }

    private void killed() throws IOException, InterruptedException {
        Path file = folder.resolve("root.key");
        KeyFile.create(file);
        key = "key-file:" + file;
        fill();
        for (String job : List.of("encrypt", "rotate", "decrypt")) {
            try (SignalKeyDatabase other = openOther(job)) {
                int kills = 0;
                for (int i = 0; i < KILLS && run(job, i, random.nextInt(LONGEST_MILLIS)); i++) {
                    kills++;
                }
                assertThat(kills).as("kills of %s before its end", job).isPositive();
                run(job, -1, -1);
                System.out.println(url + " " + job + ": killed before its end: " + kills);
                if (other != null) {
                    commitFromOther(other, job);
                }
            }
            assertComplete(job);
            if (!job.equals("decrypt") && !url.startsWith("jdbc:postgresql:")) {
                assertNoValueInFiles();
            }
        }
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
     * Runs a job in a process. At the first attempt, the job stops in the middle, while commits go on, so that it
     * cannot end before the kill.
     *
     * @param millis kills it after this time, unless it is negative
     * @return whether it was killed before it ended
     */
    private boolean run(String job, int attempt, int millis) throws IOException, InterruptedException {
        Path output = Files.createTempFile(folder, "child", ".txt");
        int held = attempt == 0 ? 1 + random.nextInt(CALLS_OF_LISTENER) : 0;
        List<String> arguments = List.of(url, key, job, Integer.toString(held));
        boolean killed = KillableJvm.run(
                EncryptionJobChild.class, arguments, output, held > 0 ? "held" : "", held > 0 ? millis / 10 : millis);
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
