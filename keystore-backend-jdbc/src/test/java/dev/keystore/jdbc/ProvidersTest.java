package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

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

/** How the backends of this module are found, and which artifacts they need. */
final class ProvidersTest {

    @TempDir
    Path folder;

    @Test
    @DisplayName("R62 on the class path, each provider is found by its scheme")
    void classPath() {
        assertThat(ServiceLoader.load(BackendProvider.class).stream()
                        .map(ServiceLoader.Provider::get)
                        .filter(provider ->
                                provider.getClass().getModule() == getClass().getModule())
                        .map(provider -> provider.scheme() + " " + provider.name()))
                .contains("jdbc:sqlite SQLite", "jdbc:postgresql PostgreSQL");
    }

    @Test
    @DisplayName("R62 on the module path, the providers are found and the backends work")
    void modulePath() throws Exception {
        for (String url :
                List.of("jdbc:sqlite:" + folder.resolve("keys.db"), PostgresFixture.url(PostgresFixture.newSchema()))) {
            assertThat(probe(url)).as(url).contains("module dev.keystore.jdbc lists [session/bob]");
        }
    }

    private static String probe(String url) throws Exception {
        Map<Boolean, List<String>> entries = Arrays.stream(
                        System.getProperty("java.class.path").split(File.pathSeparator, -1))
                .filter(entry -> Files.exists(Path.of(entry)))
                .collect(Collectors.partitioningBy(entry -> entry.endsWith("test-classes")));
        return SqliteFixture.java(
                "--module-path",
                String.join(File.pathSeparator, entries.get(false)),
                "--patch-module",
                "dev.keystore.jdbc=" + String.join(File.pathSeparator, entries.get(true)),
                "--module",
                "dev.keystore.jdbc/" + ModuleProbe.class.getName(),
                url);
    }

    @ParameterizedTest
    @CsvSource({
        "jdbc:sqlite, new/keys.db, sqlite-jdbc-, org.xerial:sqlite-jdbc",
        "jdbc:postgresql, //localhost/none, postgresql-, org.postgresql:postgresql"
    })
    @DisplayName("R62 without its driver a provider loads, and opening names the artifact to add")
    void missingDriver(String scheme, String location, String jar, String artifact) throws Exception {
        try (URLClassLoader loader = new URLClassLoader(classPathWithout(jar), ClassLoader.getPlatformClassLoader())) {
            Class<?> service = loader.loadClass(BackendProvider.class.getName());
            Object provider = null;
            for (Object found : ServiceLoader.load(service, loader)) {
                provider = service.getMethod("scheme").invoke(found).equals(scheme) ? found : provider;
            }
            Object opened = provider;
            Object config = loader.loadClass(BackendConfig.class.getName())
                    .getConstructor(String.class, Map.class)
                    .newInstance(
                            scheme + ":" + (location.startsWith("//") ? location : folder.resolve(location)), Map.of());

            assertThatExceptionOfType(InvocationTargetException.class)
                    .isThrownBy(
                            () -> service.getMethod("open", config.getClass()).invoke(opened, config))
                    .havingCause()
                    .satisfies(e -> assertThat(e.getClass().getName()).isEqualTo(StoreOpenException.class.getName()))
                    .withMessageContaining(artifact);
        }
        assertThat(folder).isEmptyDirectory();
    }

    private static URL[] classPathWithout(String jar) throws Exception {
        List<URL> urls = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator, -1)) {
            if (!Path.of(entry).getFileName().toString().startsWith(jar) && Files.exists(Path.of(entry))) {
                urls.add(Path.of(entry).toUri().toURL());
            }
        }
        return urls.toArray(URL[]::new);
    }
}
