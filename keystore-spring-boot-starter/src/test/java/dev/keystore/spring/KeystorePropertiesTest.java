package dev.keystore.spring;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.core.KeyStoreOptions;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.BackendConfig;
import java.io.InputStream;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.assertj.core.api.AbstractStringAssert;
import org.assertj.core.util.Throwables;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.boot.json.JsonParserFactory;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

/** The properties: what they set, what is refused, and what an editor is offered. */
class KeystorePropertiesTest {

    private static final Set<String> GROUPS = Set.of("encryption", "freshness", "health");

    private static final Pattern PROPERTY = Pattern.compile("`(keystore\\.[a-z.-]+)`");

    @TempDir
    private Path folder;

    private String url() {
        return "keystore.url=jdbc:sqlite:" + folder.resolve("keys.db");
    }

    @Test
    @DisplayName("without properties other than the URL, the options are the defaults of the engine")
    void options_default_areThoseOfTheEngine() {
        Runners.keystore(url())
                .run(context -> assertThat(
                                context.getBean(SignalKeyDatabase.class).options())
                        .isEqualTo(KeyStoreOptions.builder().build()));
    }

    @Test
    @DisplayName("each option of the engine has a property")
    void options_set_reachTheEngine() {
        Runners.keystore(
                        url(),
                        "keystore.maximum-cache-size=3MB",
                        "keystore.lock-timeout=4s",
                        "keystore.load-timeout=5s",
                        "keystore.commit-timeout=6s",
                        "keystore.commit-attempts=7",
                        "keystore.retry-delay=8ms",
                        "keystore.maximum-group-size=9")
                .run(context -> assertThat(
                                context.getBean(SignalKeyDatabase.class).options())
                        .isEqualTo(KeyStoreOptions.builder()
                                .maximumCacheBytes(3 << 20)
                                .lockTimeout(Duration.ofSeconds(4))
                                .loadTimeout(Duration.ofSeconds(5))
                                .commitTimeout(Duration.ofSeconds(6))
                                .commitAttempts(7)
                                .retryDelay(Duration.ofMillis(8))
                                .maximumGroupSize(9)
                                .build()));
    }

    @Test
    @DisplayName("R58 the backend gets the URL, the user, the password, further properties, and whether it must exist")
    void backendProperties_reachTheBackend() {
        Runners.keystore(
                        "keystore.url=recording:somewhere",
                        "keystore.username=bob",
                        "keystore.password=s3cret",
                        "keystore.properties.connections=20",
                        "keystore.must-exist=true")
                .run(context -> {
                    assertThat(context).hasNotFailed();
                    assertThat(RecordingProvider.lastConfig())
                            .isEqualTo(new BackendConfig(
                                    "recording:somewhere",
                                    Map.of("user", "bob", "password", "s3cret", "connections", "20"),
                                    true));
                });
    }

    @ParameterizedTest
    @CsvSource({
        "keystore.lock-timeout=0s, keystore.lock-timeout, must be more than zero and at most 365 days",
        "keystore.load-timeout=-1s, keystore.load-timeout, must be more than zero",
        "keystore.commit-timeout=400d, keystore.commit-timeout, at most 365 days",
        "keystore.commit-attempts=0, keystore.commit-attempts, must be at least 1",
        "keystore.retry-delay=0, keystore.retry-delay, must be more than zero",
        "keystore.maximum-group-size=0, keystore.maximum-group-size, must be at least 1",
        "keystore.maximum-cache-size=-1B, keystore.maximum-cache-size, must be at least 0",
        "keystore.slow-transaction-threshold=-1s, keystore.slow-transaction-threshold, threshold",
        "keystore.url=, keystore.url is not set, jdbc:sqlite:keys.db",
        "keystore.url=jdbc:sqlite::memory:, keystore.url, url is not the path of a file",
        "keystore.username=bob, keystore.properties, since the SQLite backend has none",
        "keystore.encryption.hide-names=true, keystore.encryption.hide-names is set, keystore.encryption.key-file",
        "keystore.encryption.padding=256, keystore.encryption.padding is set, keystore.encryption.key-file",
        "keystore.encryption.encrypt-existing=true, keystore.encryption.encrypt-existing, KeyProvider",
        "keystore.encryption.key=secret, keystore.encryption, must be key-file:path",
        "keystore.encryption.key=${UNSET:}, keystore.encryption.key is blank, Set it",
        "keystore.encryption.key-file=${UNSET:}, keystore.encryption.key-file is blank, Set it",
        "keystore.encryption.former-key-password=env:X, keystore.encryption.former-key-password is set, KeyProvider",
        "keystore.freshness.anchor-password=env:X, keystore.freshness.anchor-password is set, FreshnessAnchor",
        "keystore.freshness.accept-lost=true, keystore.freshness.accept-lost is set, keystore.freshness.anchor",
        "keystore.properties.encryption.key=secret, properties.encryption.key is set, Set keystore.encryption.key",
        "keystore.properties.encryption.names=hidden, encryption.names is set, Set keystore.encryption.hide-names",
        "keystore.properties.encryption.nonce=1, encryption.nonce is set, begin with keystore.encryption.",
        "keystore.properties.freshness.anchor=a, freshness.anchor is set, Set keystore.freshness.anchor",
        "keystore.properties.freshness.anchor.password=env:X, is set, Set keystore.freshness.anchor-password",
        "keystore.properties.freshness.anchorLost=accept, is set, Set keystore.freshness.accept-lost",
        "keystore.health.minimum-pre-keys=-1, keystore.health.minimum-pre-keys, must be at least 0",
        "keystore.health.maximum-contexts=-1, keystore.health.maximum-contexts, must be at least 0",
        "keystore.freshness.anchor=jdbc:sqlite::memory:, keystore.freshness.anchor, url is not the path of a file",
    })
    @DisplayName("what is refused names the property, and says what is accepted")
    void invalidValue_namesProperty(String property, String name, String remedy) {
        Runners.keystore(url())
                .withPropertyValues(property)
                .run(context -> assertThat(context).getFailure().rootCause().satisfies(failure -> {
                    Throwable named = failure;
                    for (Throwable each = context.getStartupFailure(); each != null; each = each.getCause()) {
                        named = each.getClass().getSimpleName().contains("Property") ? each : named;
                    }
                    assertThat(named).hasMessageContaining(name).hasMessageContaining(remedy);
                    assertThat(named).hasMessageNotContaining("secret");
                }));
    }

    @Test
    @DisplayName("a wrong property of health is refused, also if the indicator is turned off")
    void healthProperty_invalidWithoutIndicator_isRefused() {
        Runners.keystore(url(), "management.health.keystore.enabled=false", "keystore.health.minimum-pre-keys=-1")
                .run(context -> assertThat(context)
                        .getFailure()
                        .rootCause()
                        .hasMessageContaining("keystore.health.minimum-pre-keys"));
    }

    @Test
    @DisplayName("R70 two root keys at once are refused")
    void rootKeys_two_areRefused() {
        Runners.keystore(url(), "keystore.encryption.key-file=a", "keystore.encryption.passphrase-env=B")
                .run(context -> assertThat(context)
                        .getFailure()
                        .rootCause()
                        .hasMessageContaining("keystore.encryption.key-file")
                        .hasMessageContaining("keystore.encryption.passphrase-env"));
    }

    @Test
    @DisplayName("keystore.freshness.anchor-password says where the password is, for an anchor in a database")
    void anchorPassword_reachesTheAnchor() {
        anchored("keystore.freshness.anchor=jdbc:postgresql://127.0.0.1:1/a", "env:KEYSTORE_UNSET_VARIABLE")
                .contains("environment variable KEYSTORE_UNSET_VARIABLE is not set");
        anchored("keystore.freshness.anchor=file:" + folder.resolve("anchor"), "env:KEYSTORE_UNSET_VARIABLE")
                .contains("only for an anchor in a database", "keystore.freshness.anchor and anchor-password");
        anchored("keystore.freshness.anchor=jdbc:postgresql://127.0.0.1:1/a", "s3cret")
                .contains("must be env: and the name of an environment variable")
                .doesNotContain("s3cret");
    }

    /** Returns the text of the failure of a start with an anchor. */
    private AbstractStringAssert<?> anchored(String anchor, String password) {
        AtomicReference<Throwable> failure = new AtomicReference<>();
        Runners.keystore(url(), anchor, "keystore.freshness.anchor-password=" + password)
                .run(context -> failure.set(context.getStartupFailure()));
        return assertThat(Throwables.getStackTrace(failure.get()));
    }

    @Test
    @DisplayName("R101 the text of the properties contains none of their values")
    void toString_containsNoValue() {
        new ApplicationContextRunner()
                .withUserConfiguration(OnlyProperties.class)
                .withPropertyValues(
                        "keystore.url=recording:s3cret",
                        "keystore.username=s3cret",
                        "keystore.password=s3cret",
                        "keystore.properties.connections=s3cret",
                        "keystore.encryption.key=s3cret",
                        "keystore.encryption.key-password=s3cret",
                        "keystore.freshness.anchor=jdbc:postgresql://host/a?password=s3cret",
                        "keystore.freshness.anchor-password=s3cret")
                .run(context -> {
                    KeystoreProperties properties = context.getBean(KeystoreProperties.class);
                    assertThat(properties.password()).isEqualTo("s3cret");
                    assertThat(List.of(properties, properties.encryption(), properties.freshness()))
                            .allSatisfy(each -> assertThat(each.toString()).doesNotContain("s3cret"));
                });
    }

    @EnableConfigurationProperties(KeystoreProperties.class)
    private static class OnlyProperties {}

    @Test
    @DisplayName("the metadata for editors describes each property, with its default")
    void metadata_describesEachProperty() throws Exception {
        Map<String, Map<?, ?>> described = new HashMap<>();
        for (Object each : (List<?>) metadata().get("properties")) {
            Map<?, ?> property = (Map<?, ?>) each;
            described.put((String) property.get("name"), property);
        }
        Map<String, RecordComponent> components = components(KeystoreProperties.class, "keystore.");

        assertThat(described).containsKey("management.health.keystore.enabled");
        assertThat(described.keySet().stream().filter(name -> name.startsWith("keystore.")))
                .containsExactlyInAnyOrderElementsOf(components.keySet());
        components.forEach((name, component) -> {
            assertThat((String) described.get(name).get("description"))
                    .as("description of %s", name)
                    .endsWith(".");
            assertThat(defaultValue(described.get(name).get("defaultValue")))
                    .as("default of %s", name)
                    .isEqualTo(defaultOf(component));
        });
    }

    private static Map<String, Object> metadata() throws Exception {
        try (InputStream json = Objects.requireNonNull(
                KeystoreProperties.class.getResourceAsStream("/META-INF/spring-configuration-metadata.json"))) {
            return JsonParserFactory.getJsonParser().parseMap(new String(json.readAllBytes(), StandardCharsets.UTF_8));
        }
    }

    private static Map<String, RecordComponent> components(Class<?> type, String prefix) {
        Map<String, RecordComponent> found = new HashMap<>();
        for (RecordComponent component : type.getRecordComponents()) {
            String name =
                    prefix + component.getName().replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT);
            if (GROUPS.contains(component.getName())) {
                found.putAll(components(component.getType(), name + "."));
            } else {
                found.put(name, component);
            }
        }
        return found;
    }

    private static String defaultOf(RecordComponent component) {
        Class<?> type = component.getDeclaringRecord();
        int index = Arrays.stream(type.getRecordComponents())
                .map(RecordComponent::getName)
                .toList()
                .indexOf(component.getName());
        DefaultValue value = type.getDeclaredConstructors()[0].getParameters()[index].getAnnotation(DefaultValue.class);
        return value == null || value.value().length == 0 ? "" : value.value()[0];
    }

    private static String defaultValue(Object value) {
        return value == null ? "" : value.toString();
    }

    @Test
    @DisplayName("docs/spring-boot.md lists each property, and no other")
    void page_listsEachProperty() throws Exception {
        Set<String> listed = Files.readAllLines(Path.of("..", "docs", "spring-boot.md")).stream()
                .filter(line -> line.startsWith("| `keystore."))
                .map(line -> line.split("\\|", 3)[1])
                .flatMap(cell -> PROPERTY.matcher(cell).results().map(property -> property.group(1)))
                .collect(Collectors.toCollection(TreeSet::new));

        assertThat(listed)
                .isEqualTo(new TreeSet<>(
                        components(KeystoreProperties.class, "keystore.").keySet()));
    }
}
