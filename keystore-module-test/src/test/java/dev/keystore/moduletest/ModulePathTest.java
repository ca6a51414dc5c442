package dev.keystore.moduletest;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.encryption.KeyFile;
import dev.keystore.spi.BackendProvider;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.ServiceLoader;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** Runs a user's module in a JVM with everything on the module path and an empty class path. */
@Timeout(120)
class ModulePathTest {

    static final List<String> SCHEMES = List.of("jdbc:sqlite", "jdbc:postgresql", "mapdb", "files");

    @TempDir
    private Path folder;

    @ParameterizedTest
    @FieldSource("SCHEMES")
    @DisplayName("on the module path, a database of each backend can be opened by its URL, written and read")
    void modulePath_eachBackend_opensDatabase(String scheme) throws Exception {
        String opened =
                "module dev.keystore.moduletest with module dev.keystore.core reads [bob.1], pre-key left: false\n";
        if (scheme.equals("jdbc:postgresql")) {
            try (EmbeddedPostgres server = EmbeddedPostgres.builder()
                    .setPGStartupWait(Duration.ofMinutes(1))
                    .start()) {
                assertThat(run(server.getJdbcUrl("postgres", "postgres") + "&sslmode=disable"))
                        .endsWith(opened);
            }
        } else {
            assertThat(run(scheme + ":" + folder.resolve("store"))).endsWith(opened);
        }
    }

    @Test
    @DisplayName("R70 on the module path, the property encryption.key encrypts a database")
    void modulePath_encrypted_opensDatabase() throws Exception {
        Path key = folder.resolve("root.key");
        KeyFile.create(key);
        String url = "jdbc:sqlite:" + folder.resolve("store");

        assertThat(run(url, "key-file:" + key)).contains("reads [bob.1]");
        assertThat(run(url)).contains("KeyUnavailableException");
    }

    @Test
    @DisplayName("R70 on the module path, the property encryption.key derives the root key from a passphrase")
    void modulePath_passphrase_opensDatabase() throws Exception {
        Path passphrase = Files.writeString(folder.resolve("phrase"), "correct horse battery staple");

        assertThat(run("jdbc:sqlite:" + folder.resolve("store"), "passphrase-file:" + passphrase))
                .contains("reads [bob.1]");
    }

    @Test
    @DisplayName("R62 on the module path, an unknown scheme is refused with an error that lists all backends")
    void modulePath_unknownScheme_namesAllBackends() throws Exception {
        assertThat(run("none:store"))
                .contains("No backend is registered for scheme \"none\"")
                .contains(SCHEMES);
    }

    @Test
    @DisplayName("these tests cover all backends")
    void schemes_areThoseOfTheClassPath() {
        assertThat(ServiceLoader.load(BackendProvider.class).stream()
                        .map(provider -> provider.get().scheme()))
                .containsExactlyInAnyOrderElementsOf(SCHEMES);
    }

    private String run(String... arguments) throws Exception {
        Path output = folder.resolve("output");
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Djava.io.tmpdir=" + folder,
                "--module-path",
                modulePath(),
                "--module",
                "dev.keystore.moduletest/" + OpenDatabase.class.getName()));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(output.toFile())
                .start();
        try {
            assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        } finally {
            process.destroyForcibly();
        }
        return Files.readString(output);
    }

    private static String modulePath() {
        return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator, -1))
                .filter(entry -> Files.exists(Path.of(entry)) && !entry.endsWith("test-classes"))
                .collect(Collectors.joining(File.pathSeparator));
    }
}
