package dev.keystore.torture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Virtual threads that pin their carriers, since native frames of libsignal are on their stacks. */
@Timeout(value = 40, unit = TimeUnit.MINUTES)
class PinnedCarriersTest {

    @TempDir
    Path folder;

    @BeforeEach
    void requireVirtualThreads() {
        assumeTrue(Runtime.version().feature() >= 21, "virtual threads need JDK 21");
    }

    @ParameterizedTest
    @ValueSource(strings = {"jdbc:sqlite", "mapdb"})
    @DisplayName("R27 virtual threads that pin the only carrier in native frames do not hang, nor do other threads")
    void converse_oneCarrier_ends(String scheme) throws Exception {
        converse(scheme + ":" + folder.resolve("keys"), 1, 60);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    @Tag("long")
    @DisplayName("R27 a thousand virtual threads that pin all carriers do not hang on SQLite")
    void converse_onSqlite_ends(int carriers) throws Exception {
        converse("jdbc:sqlite:" + folder.resolve("keys"), carriers, 1_000);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    @Tag("long")
    @DisplayName("R27 a thousand virtual threads that pin all carriers do not hang on MapDB")
    void converse_onMapdb_ends(int carriers) throws Exception {
        converse("mapdb:" + folder.resolve("keys"), carriers, 1_000);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    @Tag("long")
    @DisplayName("R27 a thousand virtual threads that pin all carriers do not hang on PostgreSQL")
    void converse_onPostgres_ends(int carriers) throws Exception {
        try (EmbeddedPostgres server = EmbeddedPostgres.builder()
                .setPGStartupWait(Duration.ofMinutes(1))
                .setServerConfig("fsync", "on")
                .setServerConfig("synchronous_commit", "on")
                .start()) {
            converse(server.getJdbcUrl("postgres", "postgres"), carriers, 1_000);
        }
    }

    private void converse(String url, int carriers, int conversations) throws Exception {
        Path out = folder.resolve("out");
        Path temporary = Files.createDirectory(folder.resolve("tmp"));
        Process child = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-Djdk.virtualThreadScheduler.parallelism=" + carriers,
                        "-Djdk.virtualThreadScheduler.maxPoolSize=" + carriers,
                        "-Djava.io.tmpdir=" + temporary,
                        "-cp",
                        System.getProperty("java.class.path"),
                        PinnedCarriers.class.getName(),
                        url,
                        String.valueOf(conversations))
                .redirectErrorStream(true)
                .redirectOutput(out.toFile())
                .start();
        boolean ended = child.waitFor(30, TimeUnit.MINUTES);
        child.destroyForcibly().waitFor();
        String printed = Files.readString(out);
        assertThat(ended).as("ended\n" + printed).isTrue();
        assertThat(printed).endsWith("closed\n");
        printed.lines().filter(line -> line.contains(" conversations, ")).forEach(System.out::println);
    }
}
