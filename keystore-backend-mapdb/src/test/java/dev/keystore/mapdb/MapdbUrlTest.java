package dev.keystore.mapdb;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.BackendProvider;
import java.nio.file.Path;
import java.util.Map;
import java.util.ServiceLoader;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class MapdbUrlTest {

    @TempDir
    Path folder;

    @Test
    @DisplayName("R62 ServiceLoader finds the provider by its scheme")
    void provider() {
        assertThat(ServiceLoader.load(BackendProvider.class).stream().map(ServiceLoader.Provider::get))
                .filteredOn(provider -> provider.scheme().equals("mapdb"))
                .singleElement()
                .extracting(BackendProvider::name)
                .isEqualTo("MapDB");
    }

    @ParameterizedTest
    @ValueSource(strings = {"mapdb:", "mapdb: ", "mapdb", "jdbc:mapdb:store"})
    @DisplayName("a URL of another form is refused")
    void refused(String url) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new MapdbBackendProvider().open(new BackendConfig(url, Map.of())))
                .withMessageContaining("url")
                .withMessageContaining("mapdb:");
    }

    @Test
    @DisplayName("an unknown property is refused")
    void unknownProperty() {
        assertRefused(Map.of("password", "x1y", "checkpointBytes", "100000"), "[password]");
    }

    @ParameterizedTest
    @ValueSource(strings = {"65535", "-1", "", "64m", "99999999999999999999"})
    @DisplayName("the property checkpointBytes must be a number of bytes, and not too small")
    void checkpointBytes(String value) {
        assertRefused(Map.of("checkpointBytes", value), "checkpointBytes must be");
    }

    private void assertRefused(Map<String, String> properties, String why) {
        BackendConfig config = new BackendConfig("mapdb:" + folder.resolve("store"), properties);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new MapdbBackendProvider().open(config))
                .withMessageContaining(why)
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("x1y"));
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    @DisplayName("a path may contain characters that are special in a URI")
    void oddPath() {
        Path path = folder.resolve("a b%20#c&d=+;?x");
        try (MapdbBackend backend = Mapdb.open(path)) {
            backend.save("alice", "session", "bob", new byte[] {1});
        }
        try (MapdbBackend backend = Mapdb.open(path)) {
            assertThat(backend.load("alice", "session", "bob")).contains(new byte[] {1});
        }
        assertThat(folder).isDirectoryNotContaining(file -> !file.equals(path));
    }
}
