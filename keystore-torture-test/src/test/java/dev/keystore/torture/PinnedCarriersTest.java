package dev.keystore.torture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Virtual threads that hold their carriers, since libsignal's native frames are on their stacks. */
@Timeout(400)
class PinnedCarriersTest {

    @TempDir
    Path folder;

    @BeforeEach
    void requireVirtualThreads() {
        assumeTrue(Runtime.version().feature() >= 21, "virtual threads need JDK 21");
    }

    @ParameterizedTest
    @ValueSource(strings = {"jdbc:sqlite", "mapdb"})
    @DisplayName(
            "R27 virtual threads that pin their only carrier in native frames do not hang, nor does any other thread")
    void converse_oneCarrier_ends(String scheme) throws Exception {
        converse(scheme + ":" + folder.resolve("keys"), 1, 60);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    @Tag("long")
    @DisplayName("R27 neither do a thousand of them on SQLite")
    void converse_onSqlite_ends(int carriers) throws Exception {
        converse("jdbc:sqlite:" + folder.resolve("keys"), carriers, 1_000);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 4})
    @Tag("long")
    @DisplayName("R27 neither do a thousand of them on MapDB")
    void converse_onMapdb_ends(int carriers) throws Exception {
        converse("mapdb:" + folder.resolve("keys"), carriers, 1_000);
    }

    @Test
    @Tag("long")
    @DisplayName("R27 neither do a thousand of them on PostgreSQL, on one carrier, two and four")
    void converse_onPostgres_ends() throws Exception {
        try (EmbeddedPostgres server = EmbeddedPostgres.builder()
                .setServerConfig("fsync", "on")
                .setServerConfig("synchronous_commit", "on")
                .start()) {
            for (int carriers : List.of(1, 2, 4)) {
                converse(server.getJdbcUrl("postgres", "postgres"), carriers, 1_000);
            }
        }
    }

    private void converse(String url, int carriers, int conversations) throws Exception {
        Path out = folder.resolve("out-" + carriers);
        Path temporary = Files.createDirectory(folder.resolve("tmp-" + carriers));
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
        boolean ended = child.waitFor(300, TimeUnit.SECONDS);
        child.destroyForcibly().waitFor();
        String printed = Files.readString(out);
        assertThat(ended).as("ended\n" + printed).isTrue();
        assertThat(printed).endsWith("closed\n");
        printed.lines().filter(line -> line.contains(" conversations ")).forEach(System.out::println);
    }
}
