package dev.keystore.torture;

import dev.keystore.core.modelbased.ModelPrograms;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.BackendProvider;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.function.Supplier;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Runs the programs of the model on real backends with encryption on. {@code -Dmodel.seed=} repeats one, and
 * {@code -Dmodel.programs=} sets the number of programs of the long test.
 */
@Timeout(1_200)
class EncryptedModelTest {

    @TempDir
    private Path folder;

    @ParameterizedTest
    @CsvSource({"jdbc:sqlite, 6", "mapdb, 6", "jdbc:postgresql, 3"})
    @DisplayName("R12 R13 R75 with encryption on, a store on a real backend behaves like a map, also concurrently")
    void sample(String scheme, int programs) throws Exception {
        run(scheme, programs);
    }

    @ParameterizedTest
    @CsvSource({"jdbc:sqlite", "mapdb", "jdbc:postgresql"})
    @Tag("long")
    @DisplayName("R12 R13 R75 with encryption on, a store on a real backend behaves like a map, also concurrently")
    void many(String scheme) throws Exception {
        run(scheme, Integer.getInteger("model.programs", 300));
    }

    private void run(String scheme, int programs) throws Exception {
        try (Urls urls = new Urls()) {
            ModelPrograms model = ModelPrograms.encryptedOn(() -> opening(
                    scheme,
                    urls.create(
                            scheme, Files.createTempDirectory(folder, "store").resolve("store"))));
            model.sequential(programs);
            model.concurrent(programs);
        }
    }

    private static Supplier<Backend> opening(String scheme, String url) {
        BackendProvider provider = ServiceLoader.load(BackendProvider.class).stream()
                .map(ServiceLoader.Provider::get)
                .filter(each -> each.scheme().equals(scheme))
                .findFirst()
                .orElseThrow();
        return () -> provider.open(new BackendConfig(url, Map.of()));
    }
}
