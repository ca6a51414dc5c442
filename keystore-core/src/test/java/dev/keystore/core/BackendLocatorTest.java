package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static dev.keystore.core.Fixture.text;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyTypes;
import dev.keystore.OperationInterruptedException;
import dev.keystore.StoreNotFoundException;
import dev.keystore.StoreOpenException;
import dev.keystore.UnsupportedFormatException;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.BackendProvider;
import dev.keystore.testkit.MemoryBackend;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Enumeration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(60)
class BackendLocatorTest {

    private static final BackendProvider SQLITE = new Named("SQLite", "jdbc:sqlite");
    private static final BackendProvider MAPDB = new Named("MapDB", "mapdb");

    @TempDir
    Path services;

    private record Named(String name, String scheme) implements BackendProvider {

        @Override
        public Backend open(BackendConfig config) {
            return new MemoryBackend();
        }
    }

    /** Records the configuration with which it was opened. */
    public static final class Recording implements BackendProvider {

        static final AtomicReference<BackendConfig> OPENED_WITH = new AtomicReference<>();

        @Override
        public String name() {
            return "Recording";
        }

        @Override
        public String scheme() {
            return "recording";
        }

        @Override
        public Backend open(BackendConfig config) {
            OPENED_WITH.set(config);
            return new MemoryBackend();
        }
    }

    /** Fails to open as the test demands. */
    public static final class Failing implements BackendProvider {

        static final AtomicReference<Supplier<RuntimeException>> FAILURES = new AtomicReference<>();

        @Override
        public String name() {
            return "Failing";
        }

        @Override
        public String scheme() {
            return "failing";
        }

        @Override
        public Backend open(BackendConfig config) {
            throw FAILURES.get().get();
        }
    }

    /** Has the same scheme as {@link Recording}. */
    public static final class Rival implements BackendProvider {

        @Override
        public String name() {
            return "Rival";
        }

        @Override
        public String scheme() {
            return "recording";
        }

        @Override
        public Backend open(BackendConfig config) {
            throw new AssertionError("opened though ambiguous");
        }
    }

    /** Cannot be instantiated, like a provider that loads a missing driver too early. */
    public static final class Broken implements BackendProvider {

        /** Fails. */
        public Broken() {
            throw new IllegalStateException("no driver");
        }

        @Override
        public String name() {
            return "Broken";
        }

        @Override
        public String scheme() {
            return "broken";
        }

        @Override
        public Backend open(BackendConfig config) {
            throw new AssertionError("was never made");
        }
    }

    /** Opens a URL on a thread whose class path registers only the named providers. */
    private SignalKeyDatabase open(String url, String... providers) throws Exception {
        return Threads.start(() -> {
                    try (URLClassLoader loader = registering(providers)) {
                        Thread.currentThread().setContextClassLoader(loader);
                        return SignalKeyDatabase.builder()
                                .url(url)
                                .property("password", "pr0p3rty")
                                .open();
                    }
                })
                .result();
    }

    private URLClassLoader registering(String... providers) throws IOException {
        Path file = services.resolve("META-INF/services").resolve(BackendProvider.class.getName());
        Files.createDirectories(file.getParent());
        Files.write(file, List.of(providers));
        return new OnlyThese(services);
    }

    /** Finds the services of a folder, not those of the class path. */
    private static final class OnlyThese extends URLClassLoader {

        OnlyThese(Path folder) throws MalformedURLException {
            super(new URL[] {folder.toUri().toURL()}, BackendLocatorTest.class.getClassLoader());
        }

        @Override
        public Enumeration<URL> getResources(String name) throws IOException {
            return name.startsWith("META-INF/services/dev.keystore") ? findResources(name) : super.getResources(name);
        }
    }

    @Test
    @DisplayName("R62 the only provider of the URL's scheme opens the URL, with the properties")
    void open_oneProvider_opensIt() throws Exception {
        try (SignalKeyDatabase database = open("recording:somewhere?password=s3cr3t", Recording.class.getName())) {
            database.forContext("alice").put(KeyTypes.SESSION, "x", bytes("1"));
            assertThat(text(database.forContext("alice").find(KeyTypes.SESSION, "x")))
                    .isEqualTo("1");
            BackendConfig config = Recording.OPENED_WITH.get();
            assertThat(config.url()).isEqualTo("recording:somewhere?password=s3cr3t");
            assertThat(config.properties()).isEqualTo(Map.of("password", "pr0p3rty"));
            assertThat(config.location("recording")).isEqualTo("somewhere?password=s3cr3t");
            assertThat(config.toString()).contains("password").doesNotContain("s3cr3t", "pr0p3rty");
        }
    }

    @Test
    @DisplayName("R62 without any provider, the error says so and names an artifact to add")
    void open_noProvider_saysWhatToAdd() {
        assertThatThrownBy(() -> open("jdbc:sqlite:keys.db"))
                .isInstanceOf(StoreOpenException.class)
                .hasMessageContaining("\"jdbc:sqlite\"")
                .hasMessageContaining("found: none")
                .hasMessageContaining("dev.keystore:keystore-backend-jdbc")
                .hasMessageContaining("dev.keystore:keystore-backend-mapdb");
    }

    @Test
    @DisplayName("R62 without a provider of the scheme, the error lists the providers found")
    void open_unknownScheme_listsProviders() {
        assertThatThrownBy(() -> open("mapdb:keys.mapdb", Recording.class.getName()))
                .isInstanceOf(StoreOpenException.class)
                .hasMessageContaining("\"mapdb\"")
                .hasMessageContaining("recording")
                .hasMessageContaining("Recording")
                .hasMessageContaining(Recording.class.getName());
        assertThatThrownBy(() -> BackendLocator.find("jdbc:postgresql://host/db", List.of(SQLITE, MAPDB)))
                .isInstanceOf(StoreOpenException.class)
                .hasMessageContaining("\"jdbc:postgresql\"")
                .hasMessageContaining("jdbc:sqlite (SQLite")
                .hasMessageContaining("mapdb (MapDB");
    }

    @Test
    @DisplayName("R62 with two providers of the scheme, the error lists both, and neither is opened")
    void open_twoProviders_listsThem() {
        assertThatThrownBy(() -> open("recording:x", Recording.class.getName(), Rival.class.getName()))
                .isInstanceOf(StoreOpenException.class)
                .hasMessageContaining("\"recording\"")
                .hasMessageContaining(Recording.class.getName())
                .hasMessageContaining(Rival.class.getName());
    }

    @Test
    @DisplayName("R62 a provider that cannot be loaded causes an error that names it")
    void open_brokenProvider_namesIt() {
        for (String broken : List.of(Broken.class.getName(), "dev.keystore.missing.Provider", Named.class.getName())) {
            assertThatThrownBy(() -> open("recording:x", Recording.class.getName(), broken))
                    .as(broken)
                    .isInstanceOf(StoreOpenException.class)
                    .hasMessageContaining(broken);
        }
    }

    @Test
    @DisplayName("R62 a scheme matches only as a whole")
    void find_similarSchemes_matchWhole() {
        BackendProvider jdbc = new Named("JDBC", "jdbc:sql");
        assertThat(BackendLocator.find("jdbc:sqlite:x", List.of(SQLITE, MAPDB, jdbc)))
                .isSameAs(SQLITE);
        assertThat(BackendLocator.find("mapdb:", List.of(SQLITE, MAPDB))).isSameAs(MAPDB);
        assertThatThrownBy(() -> BackendLocator.find("jdbc:sqlit:x", List.of(SQLITE)))
                .isInstanceOf(StoreOpenException.class);
        assertThatThrownBy(() -> BackendLocator.find("mapdb", List.of(MAPDB))).isInstanceOf(StoreOpenException.class);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "postgres://alice:s3cr3t@host:5432/db",
                "jdbc:postgresql://host/db?user=alice&password=s3cr3t",
                "jdbc://alice:s3cr3t@host/db",
                "jdbc:alice/s3cr3t@host:1521/db",
                "//alice:s3cr3t@host/db",
                "alice/s3cr3t@host:5432/db",
                "host/db?password=s3cr3t&time=10:00",
                "s3cr3t",
                "s3cr3t host:1",
                ""
            })
    @DisplayName("R62 no message shows more of a URL than its scheme, so passwords stay secret")
    void find_urlWithPassword_doesNotShowIt(String url) {
        for (List<BackendProvider> providers : List.of(List.<BackendProvider>of(), List.of(SQLITE, MAPDB))) {
            assertThatThrownBy(() -> BackendLocator.find(url, providers))
                    .isInstanceOf(StoreOpenException.class)
                    .message()
                    .doesNotContain("s3cr3t")
                    .doesNotContain("alice");
        }
        List<BackendProvider> twice = Stream.of("recording", "recording")
                .<BackendProvider>map(scheme -> new Named("Twin", scheme))
                .toList();
        assertThatThrownBy(() -> BackendLocator.find("recording:" + url, twice))
                .isInstanceOf(StoreOpenException.class)
                .message()
                .doesNotContain("s3cr3t");
    }

    @Test
    @DisplayName("R62 the error for a path without a scheme suggests the URL that was probably meant")
    void find_pathWithoutScheme_suggestsUrl() {
        Map<String, String> meant = Map.of(
                "keys.db", "jdbc:sqlite:keys.db",
                "/var/lib/app/my keys.sqlite3", "jdbc:sqlite:/var/lib/app/my keys.sqlite3",
                "../data/keys.sqlite", "jdbc:sqlite:../data/keys.sqlite",
                "C:\\x\\keys.db", "jdbc:sqlite:C:\\x\\keys.db",
                "c:/x/keys.db", "jdbc:sqlite:c:/x/keys.db",
                "data/keys.mapdb", "mapdb:data/keys.mapdb");
        meant.forEach((path, url) -> {
            for (List<BackendProvider> providers : List.of(List.<BackendProvider>of(), List.of(SQLITE, MAPDB))) {
                assertThatThrownBy(() -> BackendLocator.find(path, providers))
                        .isInstanceOf(StoreOpenException.class)
                        .hasMessageStartingWith("The URL has no scheme; did you mean " + url + "?");
            }
        });
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "keys",
                "s3cr3t.d",
                "alice:s3cr3t@host/keys.db",
                "//alice:s3cr3t@host/keys.db",
                "s3cr3t@keys.db",
                "keys.db?key=s3cr3t",
                "password=s3cr3t/keys.db",
                "s3cr3t%20/keys.db",
                "keys.db\ns3cr3t"
            })
    @DisplayName("R62 nothing is suggested for a string that may hold a password or is not a database file")
    void find_noPlainPath_suggestsNothing(String url) {
        assertThatThrownBy(() -> BackendLocator.find(url, List.of(SQLITE, MAPDB)))
                .isInstanceOf(StoreOpenException.class)
                .message()
                .doesNotContain("s3cr3t", "keys.db", "did you mean");
    }

    @Test
    @DisplayName("R58 mustExist with a backend that is already open is refused")
    void open_mustExistWithBackend_isRefused() {
        SignalKeyDatabase.Builder builder =
                SignalKeyDatabase.builder().backend(new MemoryBackend()).mustExist();

        assertThatThrownBy(builder::open)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("mustExist")
                .hasMessageContaining("set a url");
    }

    @Test
    @DisplayName("R58 mustExist reaches the backend; by default, a store may be created")
    void open_mustExist_reachesBackend() throws Exception {
        for (boolean mustExist : new boolean[] {true, false}) {
            Threads.start(() -> {
                        try (URLClassLoader loader = registering(Recording.class.getName())) {
                            Thread.currentThread().setContextClassLoader(loader);
                            SignalKeyDatabase.Builder builder =
                                    SignalKeyDatabase.builder().url("recording:x");
                            (mustExist ? builder.mustExist() : builder).open().close();
                            return true;
                        }
                    })
                    .result();
            assertThat(Recording.OPENED_WITH.get().mustExist()).isEqualTo(mustExist);
        }
    }

    @Test
    @DisplayName(
            "R58 R44 the backend's exception for a missing store or one of another kind reaches the caller unchanged")
    void open_backendRefuses_passesItOn() {
        List<RuntimeException> refusals = List.of(
                new StoreNotFoundException("there is no keys.db"),
                new UnsupportedFormatException("a text file"),
                new IllegalArgumentException("no path"),
                new StoreOpenException("locked", null),
                new IllegalStateException("a defect"));
        for (RuntimeException refusal : refusals) {
            Failing.FAILURES.set(() -> refusal);
            assertThatThrownBy(() -> open("failing:x", Failing.class.getName())).isSameAs(refusal);
        }
        for (RuntimeException refusal : refusals.subList(0, 3)) {
            Failing.FAILURES.set(() -> {
                Thread.currentThread().interrupt();
                return refusal;
            });
            assertThatThrownBy(() -> open("failing:x", Failing.class.getName())).isSameAs(refusal);
        }
    }

    @Test
    @DisplayName("R27 an interrupt that ends the opening of a store is reported as an interruption, and keeps the flag")
    @SuppressWarnings("ReferenceEquality") // the exception that was thrown, and not one like it
    void open_interrupted_saysSo() {
        RuntimeException own = new OperationInterruptedException("the file");
        for (RuntimeException failure :
                List.of(new StoreOpenException("broken off", null), new UncheckedIOException(new IOException()), own)) {
            AtomicBoolean flag = new AtomicBoolean();
            Failing.FAILURES.set(() -> {
                if (failure != own) {
                    Thread.currentThread().interrupt();
                }
                return failure;
            });
            assertThatThrownBy(() -> Threads.start(() -> {
                                try (URLClassLoader loader = registering(Failing.class.getName())) {
                                    Thread.currentThread().setContextClassLoader(loader);
                                    return SignalKeyDatabase.open("failing:x");
                                } finally {
                                    flag.set(Thread.currentThread().isInterrupted());
                                }
                            })
                            .result())
                    .isInstanceOf(OperationInterruptedException.class)
                    .satisfies(thrown -> assertThat(thrown == failure ? thrown : thrown.getCause())
                            .isSameAs(failure));
            assertThat(flag).isTrue();
        }
    }

    @Test
    @DisplayName("R62 a builder with neither a URL nor a backend, or with both, is refused")
    void open_neitherOrBoth_isRefused() {
        assertThatThrownBy(() -> SignalKeyDatabase.builder().open()).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> SignalKeyDatabase.builder()
                        .url("recording:x")
                        .backend(new MemoryBackend())
                        .open())
                .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> SignalKeyDatabase.open(null))
                .isInstanceOf(NullPointerException.class)
                .hasMessageContaining("url");
    }
}
