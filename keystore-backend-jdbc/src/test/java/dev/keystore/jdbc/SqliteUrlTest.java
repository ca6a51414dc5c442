package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.keystore.StoreOpenException;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.BackendProvider;
import java.io.File;
import java.lang.reflect.InvocationTargetException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.stream.Collectors;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SqliteUrlTest {

    @TempDir
    Path folder;

    @Test
    @DisplayName("R62 ServiceLoader finds the provider by its scheme")
    void provider() {
        assertThat(ServiceLoader.load(BackendProvider.class).stream().map(ServiceLoader.Provider::get))
                .filteredOn(provider -> provider.scheme().equals("jdbc:sqlite"))
                .singleElement()
                .extracting(BackendProvider::name)
                .isEqualTo("SQLite");
    }

    @Test
    @DisplayName("R62 on the module path, the provider is found and the backend works")
    void modulePath() throws Exception {
        Map<Boolean, List<String>> entries = Arrays.stream(
                        System.getProperty("java.class.path").split(File.pathSeparator, -1))
                .filter(entry -> Files.exists(Path.of(entry)))
                .collect(Collectors.partitioningBy(entry -> entry.endsWith("test-classes")));

        assertThat(Sqlite.java(
                        "--module-path",
                        String.join(File.pathSeparator, entries.get(false)),
                        "--patch-module",
                        "dev.keystore.jdbc=" + String.join(File.pathSeparator, entries.get(true)),
                        "--module",
                        "dev.keystore.jdbc/" + ModuleProbe.class.getName(),
                        folder.resolve("keys.db").toString()))
                .contains("module dev.keystore.jdbc lists [session/bob]");
    }

    @ParameterizedTest
    @CsvSource({
        "jdbc:sqlite:, names no file",
        "'jdbc:sqlite: ', names no file",
        "jdbc:sqlite::memory:, is not durable",
        "jdbc:sqlite::resource:keys.db, is not durable",
        "jdbc:sqlite:file:keys.db, holds a file: URI",
        "jdbc:sqlite:keys.db?password=x1y, holds options",
        "jdbc:sqlite, must begin with",
        "jdbc:other:keys.db, must begin with"
    })
    @DisplayName("a URL of another form is refused")
    void refused(String url, String why) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new SqliteBackendProvider().open(new BackendConfig(url, Map.of())))
                .withMessageContaining("url")
                .withMessageContaining(why)
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("x1y"));
    }

    @Test
    @DisplayName("properties are refused: there are none, and one that is ignored would be a trap")
    void properties() {
        BackendConfig config = new BackendConfig("jdbc:sqlite:" + folder.resolve("keys.db"), Map.of("password", "x1y"));

        assertThatIllegalArgumentException()
                .isThrownBy(() -> new SqliteBackendProvider().open(config))
                .withMessageContaining("[password]")
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("x1y"));
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    @DisplayName("a path may hold what is special in a URI")
    void oddPath() {
        Path path = folder.resolve("a b%20#c&d=+;.db");
        try (JdbcBackend backend = Sqlite.open(path)) {
            backend.save("alice", "session", "bob", new byte[] {1});
        }
        try (JdbcBackend backend = Sqlite.open(path)) {
            assertThat(backend.load("alice", "session", "bob")).contains(new byte[] {1});
        }
        assertThat(folder).isDirectoryNotContaining(file -> !file.getFileName().equals(path.getFileName()));
    }

    @Test
    @DisplayName("R62 without the driver the provider loads, and opening names the artifact to add")
    void missingDriver() throws Exception {
        try (URLClassLoader loader = new URLClassLoader(withoutDriver(), ClassLoader.getPlatformClassLoader())) {
            Class<?> service = loader.loadClass(BackendProvider.class.getName());
            Object provider = ServiceLoader.load(service, loader).findFirst().orElseThrow();
            Object config = loader.loadClass(BackendConfig.class.getName())
                    .getConstructor(String.class, Map.class)
                    .newInstance("jdbc:sqlite:" + folder.resolve("new/keys.db"), Map.of());

            assertThat(service.getMethod("scheme").invoke(provider)).isEqualTo("jdbc:sqlite");
            assertThatExceptionOfType(InvocationTargetException.class)
                    .isThrownBy(
                            () -> service.getMethod("open", config.getClass()).invoke(provider, config))
                    .havingCause()
                    .satisfies(e -> assertThat(e.getClass().getName()).isEqualTo(StoreOpenException.class.getName()))
                    .withMessageContaining("org.xerial:sqlite-jdbc");
        }
        assertThat(folder).isEmptyDirectory();
    }

    private static URL[] withoutDriver() throws Exception {
        List<URL> urls = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
            if (!Path.of(entry).getFileName().toString().startsWith("sqlite-jdbc") && Files.exists(Path.of(entry))) {
                urls.add(Path.of(entry).toUri().toURL());
            }
        }
        return urls.toArray(URL[]::new);
    }
}
