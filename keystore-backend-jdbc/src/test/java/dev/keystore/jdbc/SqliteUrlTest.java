package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.keystore.spi.BackendConfig;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SqliteUrlTest {

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource({
        "jdbc:sqlite:, names no file",
        "'jdbc:sqlite: ', names no file",
        "jdbc:sqlite::memory:, is not the path of a file",
        "jdbc:sqlite::resource:keys.db, is not the path of a file",
        "jdbc:sqlite:file:keys.db, contains a file: URI",
        "jdbc:sqlite:keys.db?password=x1y, contains options",
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
    @DisplayName("properties are refused, since the backend has none and ignoring one would be misleading")
    void properties() {
        BackendConfig config = new BackendConfig("jdbc:sqlite:" + folder.resolve("keys.db"), Map.of("password", "x1y"));

        assertThatIllegalArgumentException()
                .isThrownBy(() -> new SqliteBackendProvider().open(config))
                .withMessageContaining("[password]")
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("x1y"));
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    @DisplayName("a path may contain the special characters of a URI")
    void oddPath() {
        Path path = folder.resolve("a b%20#c&d=+;.db");
        try (JdbcBackend backend = SqliteFixture.open(path)) {
            backend.save("alice", "session", "bob", new byte[] {1});
        }
        try (JdbcBackend backend = SqliteFixture.open(path)) {
            assertThat(backend.load("alice", "session", "bob")).contains(new byte[] {1});
        }
        assertThat(folder).isDirectoryNotContaining(file -> !file.getFileName().equals(path.getFileName()));
    }
}
