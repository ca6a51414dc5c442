package dev.keystore.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.keystore.ContextOwnedException;
import dev.keystore.KeyPair;
import dev.keystore.KeyTypes;
import dev.keystore.KeyUnavailableException;
import dev.keystore.OwnershipLostException;
import dev.keystore.SignalKeyStore;
import dev.keystore.SignedPreKey;
import dev.keystore.StoreNotFoundException;
import dev.keystore.StoreOpenException;
import dev.keystore.core.FileFreshnessAnchor;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.SlowTransactionLog;
import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import dev.keystore.micrometer.KeystoreMetrics;
import dev.keystore.spi.Backend;
import dev.keystore.spi.FreshnessAnchor;
import dev.keystore.spi.KeyProvider;
import dev.keystore.spi.KeyStoreListener;
import dev.keystore.spi.Sealing;
import dev.keystore.spi.StoreSealing.Phase;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.Gate;
import dev.keystore.testkit.MemoryBackend;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.DisposableBean;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.test.context.FilteredClassLoader;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** The database as a bean: how properties and beans open it, and how it is closed. */
@Timeout(60)
class DatabaseBeanTest {

    /** Not the common pool, which has one thread on two processors. */
    private static final Executor SEPARATE_THREAD = task -> new Thread(task, "test").start();

    private static final byte[] ONE = {1};

    @TempDir
    private Path folder;

    private final MemoryBackend memory = new MemoryBackend();

    private ApplicationContextRunner onSqlite(String... properties) {
        return Runners.keystore("keystore.url=jdbc:sqlite:" + folder.resolve("keys.db"))
                .withPropertyValues(properties);
    }

    private ApplicationContextRunner inMemory(String... properties) {
        return Runners.keystore(properties).withBean(Backend.class, memory::reopen);
    }

    private static Phase phase(SignalKeyDatabase database) {
        return database.inspection().encryption().orElse(null);
    }

    @Test
    @DisplayName("R11 what one context of the application writes, the next one finds")
    void database_ofUrl_persists() {
        onSqlite()
                .run(context -> context.getBean(SignalKeyDatabase.class)
                        .forContext("alice")
                        .put(KeyTypes.SESSION, "bob.1", ONE));
        onSqlite("keystore.must-exist=true")
                .run(context -> assertThat(context.getBean(SignalKeyDatabase.class)
                                .forContext("alice")
                                .find(KeyTypes.SESSION, "bob.1"))
                        .contains(ONE));
    }

    @Test
    @DisplayName("R58 keystore.must-exist refuses a store that does not exist")
    void mustExist_newStore_isRefused() {
        onSqlite("keystore.must-exist=true")
                .run(context ->
                        assertThat(context).getFailure().rootCause().isInstanceOf(StoreNotFoundException.class));
    }

    @Test
    @DisplayName("R53 keystore.refuse-owned refuses a context whose owner is alive")
    void refuseOwned_ownedContext_isRefused() {
        try (SignalKeyDatabase owner =
                SignalKeyDatabase.builder().backend(memory.reopen()).open()) {
            owner.forContext("alice");
            inMemory("keystore.refuse-owned=true")
                    .run(context -> assertThatThrownBy(() ->
                                    context.getBean(SignalKeyDatabase.class).forContext("alice"))
                            .isInstanceOf(ContextOwnedException.class));
        }
    }

    @Test
    @DisplayName("R70 R72 keystore.encryption.key-file encrypts a new store, which is refused without the key")
    void keyFile_encrypts() throws Exception {
        Path key = folder.resolve("root.key");
        KeyFile.create(key);
        onSqlite("keystore.encryption.key-file=" + key, "keystore.encryption.hide-names=true")
                .run(context -> {
                    SignalKeyDatabase database = context.getBean(SignalKeyDatabase.class);
                    assertThat(phase(database)).isEqualTo(Phase.ENCRYPTED);
                    assertThat(database.inspection().hidesNames()).isTrue();
                });
        onSqlite()
                .run(context ->
                        assertThat(context).getFailure().rootCause().isInstanceOf(KeyUnavailableException.class));
    }

    @ParameterizedTest
    @ValueSource(strings = {"passphrase-env=KEYSTORE_TEST_NO_SUCH", "passphrase-file=KEYSTORE_TEST_NO_SUCH"})
    @DisplayName("R70 the properties of a passphrase say where it is; if nothing is there, the message says so")
    void passphrase_missing_isNamed(String property) {
        onSqlite("keystore.encryption." + property)
                .run(context -> assertThat(context)
                        .getFailure()
                        .rootCause()
                        .satisfies(root -> assertThat(context.getStartupFailure())
                                .hasStackTraceContaining("KeyUnavailableException")
                                .hasStackTraceContaining("KEYSTORE_TEST_NO_SUCH")));
    }

    @Test
    @DisplayName("R70 R74 a root key is read from a PKCS#12 file, and replaced if it is the former one")
    void rootKey_ofPkcs12File_isReplaced() throws Exception {
        Path password = Files.writeString(folder.resolve("password"), "changeit");
        Path key = folder.resolve("root.key");
        KeyFile.create(key);
        String former = "pkcs12:" + pkcs12() + "#root";
        inMemory("keystore.encryption.key=" + former, "keystore.encryption.key-password=file:" + password)
                .run(context -> {
                    SignalKeyDatabase database = context.getBean(SignalKeyDatabase.class);
                    database.forContext("alice").put(KeyTypes.SESSION, "bob.1", ONE);
                    assertThat(phase(database)).isEqualTo(Phase.ENCRYPTED);
                });
        inMemory(
                        "keystore.encryption.key-file=" + key,
                        "keystore.encryption.former-key=" + former,
                        "keystore.encryption.former-key-password=file:" + password)
                .run(DatabaseBeanTest::assertReadable);
        inMemory("keystore.encryption.key-file=" + key).run(DatabaseBeanTest::assertReadable);
    }

    private Path pkcs12() throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        char[] password = "changeit".toCharArray();
        store.setEntry(
                "root",
                new KeyStore.SecretKeyEntry(new SecretKeySpec(new byte[32], "AES")),
                new KeyStore.PasswordProtection(password));
        Path file = folder.resolve("root.p12");
        try (OutputStream out = Files.newOutputStream(file)) {
            store.store(out, password);
        }
        return file;
    }

    private static void assertReadable(ApplicationContext context) {
        assertThat(context.getBean(SignalKeyDatabase.class).forContext("alice").find(KeyTypes.SESSION, "bob.1"))
                .contains(ONE);
    }

    @Test
    @DisplayName("R70 keystore.encryption.padding rounds sizes up, with a key of the properties and one that is a bean")
    void padding_roundsSizesUp() throws Exception {
        Path key = folder.resolve("root.key");
        KeyFile.create(key);
        String padding = "keystore.encryption.padding=256";
        inMemory(padding, "keystore.encryption.key-file=" + key).run(this::assertPadded);
        inMemory(padding).withBean(KeyProvider.class, () -> KeyFile.at(key)).run(this::assertPadded);
    }

    private void assertPadded(ApplicationContext context) {
        SignalKeyStore alice = context.getBean(SignalKeyDatabase.class).forContext("alice");
        alice.put(KeyTypes.SESSION, "short", new byte[1]);
        alice.put(KeyTypes.SESSION, "long", new byte[100]);
        assertThat(memory.load("alice", "session", "short").orElseThrow())
                .hasSameSizeAs(memory.load("alice", "session", "long").orElseThrow());
    }

    @Test
    @DisplayName("R74 keystore.encryption.decrypt-existing accepts a store whose decryption has begun")
    void decryptExisting_acceptsBegunDecryption() throws Exception {
        Path key = folder.resolve("root.key");
        KeyFile.create(key);
        String keyFile = "keystore.encryption.key-file=" + key;
        inMemory(keyFile)
                .run(context -> assertThatThrownBy(() -> context.getBean(SignalKeyDatabase.class)
                                .encryption()
                                .decrypt(progress -> {
                                    throw new IllegalStateException("enough");
                                }))
                        .hasMessage("enough"));
        inMemory(keyFile).run(context -> assertThat(context).hasFailed());
        inMemory(keyFile, "keystore.encryption.decrypt-existing=true")
                .run(context -> assertThat(phase(context.getBean(SignalKeyDatabase.class)))
                        .isEqualTo(Phase.DECRYPTING));
    }

    @Test
    @DisplayName("R70 a root key that is a bean takes precedence over the properties")
    void keyProviderBean_wins() throws Exception {
        Path key = folder.resolve("root.key");
        KeyFile.create(key);
        inMemory("keystore.encryption.key-file=" + folder.resolve("missing.key"), "keystore.encryption.padding=256")
                .withBean(KeyProvider.class, () -> KeyFile.at(key))
                .run(context -> assertThat(phase(context.getBean(SignalKeyDatabase.class)))
                        .isEqualTo(Phase.ENCRYPTED));
    }

    @ParameterizedTest
    @ValueSource(strings = {"keystore.encryption.former-key", "keystore.encryption.former-key-password"})
    @DisplayName("R74 a former root key of the properties is refused with a root key that is a bean")
    void keyProviderBean_withFormerKey_isRefused(String property) {
        inMemory(property + "=file:" + folder.resolve("former"))
                .withBean(KeyProvider.class, () -> KeyFile.at(folder.resolve("root.key")))
                .run(context -> assertThat(context)
                        .getFailure()
                        .rootCause()
                        .hasMessageContaining(property + " is set")
                        .hasMessageContaining("replacing(former)"));
    }

    @Test
    @DisplayName("R70 an encryption that is a bean takes precedence over a root key")
    void sealingBean_wins() throws Exception {
        Path key = folder.resolve("root.key");
        KeyFile.create(key);
        inMemory()
                .withBean(KeyProvider.class, () -> KeyFile.at(folder.resolve("missing.key")))
                .withBean(Sealing.class, () -> Encryption.with(KeyFile.at(key)).hidingNames())
                .run(context -> assertThat(context.getBean(SignalKeyDatabase.class)
                                .inspection()
                                .hidesNames())
                        .isTrue());
    }

    @Test
    @DisplayName("R70 encryption among the properties of a backend that is a bean is refused, not ignored")
    void backendBean_withEncryptionProperty_isRefused() {
        inMemory("keystore.properties.encryption.key=key-file:" + folder.resolve("root.key"))
                .run(context -> assertThat(context)
                        .getFailure()
                        .rootCause()
                        .hasMessageContaining("keystore.properties.encryption.key is set"));
    }

    @Test
    @DisplayName("R74 keystore.encryption.encrypt-existing accepts a store with plain values")
    void encryptExisting_acceptsPlainStore() throws Exception {
        Path key = folder.resolve("root.key");
        KeyFile.create(key);
        onSqlite()
                .run(context -> context.getBean(SignalKeyDatabase.class)
                        .forContext("alice")
                        .put(KeyTypes.SESSION, "bob.1", ONE));
        onSqlite("keystore.encryption.key-file=" + key, "keystore.encryption.encrypt-existing=true")
                .run(context -> assertThat(phase(context.getBean(SignalKeyDatabase.class)))
                        .isEqualTo(Phase.ENCRYPTING));
    }

    @Test
    @DisplayName("R82 keystore.freshness.anchor compares contexts with the anchor")
    void freshnessAnchor_isWritten() {
        Path anchor = folder.resolve("anchor");
        onSqlite("keystore.freshness.anchor=file:" + anchor)
                .run(context -> context.getBean(SignalKeyDatabase.class)
                        .forContext("alice")
                        .put(KeyTypes.SESSION, "bob.1", ONE));
        assertThat(anchor).isNotEmptyFile();
    }

    @Test
    @DisplayName("R82 an anchor that is a bean takes precedence; keystore.freshness.accept-lost accepts a lost one")
    void freshnessAnchorBean_wins() throws Exception {
        Path anchor = folder.resolve("anchor");
        for (int start = 0; start < 2; start++) {
            onBean(anchor, "keystore.freshness.anchor=file:" + folder.resolve("other"))
                    .run(context -> context.getBean(SignalKeyDatabase.class)
                            .forContext("alice")
                            .put(KeyTypes.SESSION, "bob.1", ONE));
        }
        assertThat(folder.resolve("other")).doesNotExist();
        Files.delete(anchor);

        onBean(anchor)
                .run(context -> assertThat(context).getFailure().hasRootCauseInstanceOf(StoreOpenException.class));
        onBean(anchor, "keystore.freshness.accept-lost=true").run(DatabaseBeanTest::assertReadable);
    }

    private ApplicationContextRunner onBean(Path anchor, String... properties) {
        return inMemory(properties).withBean(FreshnessAnchor.class, () -> FileFreshnessAnchor.at(anchor));
    }

    @Test
    @DisplayName("R100 keystore.slow-transaction-threshold logs slow transactions; unset, none is logged")
    void slowTransactionThreshold_logs() {
        List<ILoggingEvent> logged = logged(SlowTransactionLog.NAME, () -> {
            inMemory().run(DatabaseBeanTest::runTransaction);
            inMemory("keystore.slow-transaction-threshold=1h").run(DatabaseBeanTest::runTransaction);
        });
        assertThat(logged).isEmpty();
        logged = logged(
                SlowTransactionLog.NAME,
                () -> inMemory("keystore.slow-transaction-threshold=0s").run(DatabaseBeanTest::runTransaction));
        assertThat(logged).hasSize(1);
    }

    /** Returns what a logger logs meanwhile. */
    private static List<ILoggingEvent> logged(String name, Runnable work) {
        ListAppender<ILoggingEvent> appender = new ListAppender<>();
        appender.start();
        Logger logger = (Logger) LoggerFactory.getLogger(name);
        logger.addAppender(appender);
        try {
            work.run();
        } finally {
            logger.detachAppender(appender);
        }
        return appender.list;
    }

    private static void runTransaction(ApplicationContext context) {
        context.getBean(SignalKeyDatabase.class)
                .forContext("alice")
                .useTransaction("k", tx -> tx.put(KeyTypes.SESSION, "bob.1", ONE));
    }

    @Test
    @DisplayName("the properties that begin with keystore.health. are those of the indicator")
    void healthProperties_areUsed() {
        KeyPair pair = new KeyPair(new byte[33], new byte[32]);
        inMemory(
                        "keystore.health.minimum-pre-keys=1",
                        "keystore.health.maximum-contexts=1",
                        "keystore.health.expect-takeovers=true")
                .run(context -> {
                    KeystoreHealth health = context.getBean(KeystoreHealth.class);
                    SignalKeyDatabase database = context.getBean(SignalKeyDatabase.class);
                    SignalKeyStore alice = database.forContext("alice");
                    alice.put(KeyTypes.SIGNED_PRE_KEY, "1", new SignedPreKey(pair, new byte[64], 0));
                    assertThat(health.check().details()).containsEntry("contextsWithFewPreKeys", 1L);
                    alice.put(KeyTypes.PRE_KEY, "1", pair);
                    assertThat(health.check().details()).containsEntry("contextsWithFewPreKeys", 0L);
                    database.forContext("bob");
                    assertThat(health.check().details().get("contextsWithFewPreKeys"))
                            .asString()
                            .contains("keystore.health.maximum-contexts");

                    memory.takeOver("alice");
                    assertThatThrownBy(() -> alice.put(KeyTypes.SESSION, "bob.1", ONE))
                            .isInstanceOf(OwnershipLostException.class);
                    assertThat(health.check().status()).isEqualTo("UP");
                });
    }

    @Test
    @DisplayName("R100 listeners that are beans are called, and customizers come last")
    void listenersAndCustomizers_areUsed() {
        AtomicInteger commits = new AtomicInteger();
        KeyStoreListener listener = new KeyStoreListener() {
            @Override
            public void onCommit(long nanos, CommitResult result) {
                commits.incrementAndGet();
            }
        };
        inMemory("keystore.maximum-cache-size=1MB")
                .withBean(KeyStoreListener.class, () -> listener)
                .withBean(KeystoreCustomizer.class, () -> builder -> builder.maximumCacheBytes(7))
                .run(context -> {
                    SignalKeyDatabase database = context.getBean(SignalKeyDatabase.class);
                    database.forContext("alice").put(KeyTypes.SESSION, "bob.1", ONE);
                    assertThat(database.options().maximumCacheBytes()).isEqualTo(7);
                    assertThat(commits).hasValue(1);
                });
    }

    @Test
    @DisplayName("a database of the application replaces the one of the properties")
    void databaseBean_wins() {
        try (SignalKeyDatabase mine =
                SignalKeyDatabase.builder().backend(memory).open()) {
            Runners.keystore()
                    .withBean("mine", SignalKeyDatabase.class, () -> mine)
                    .run(context -> {
                        assertThat(context).getBean(SignalKeyDatabase.class).isSameAs(mine);
                        assertThat(context.getBean(KeystoreHealth.class).check().details())
                                .containsKey("openContexts")
                                .doesNotContainKey("unreadableEntries");
                    });
        }
    }

    @Test
    @DisplayName(
            "R100 a database of the application is measured if its builder has the metrics, else a warning says so")
    void databaseBean_withoutMetrics_warns() {
        ApplicationContextRunner runner = Runners.keystore().withBean(MeterRegistry.class, SimpleMeterRegistry::new);
        List<ILoggingEvent> logged = logged(
                KeystoreMetrics.class.getName(),
                () -> runner.withBean(
                                SignalKeyDatabase.class,
                                () -> SignalKeyDatabase.builder()
                                        .backend(memory.reopen())
                                        .open())
                        .run(context -> assertThat(cacheSize(context)).isNaN()));
        assertThat(logged).singleElement().asString().contains("listener(metrics)");

        logged = logged(
                KeystoreMetrics.class.getName(),
                () -> runner.withUserConfiguration(Measured.class)
                        .run(context -> assertThat(cacheSize(context)).isZero()));
        assertThat(logged).isEmpty();
    }

    @Configuration(proxyBeanMethods = false)
    private static class Measured {
        @Bean
        SignalKeyDatabase mine(KeystoreMetrics metrics) {
            return SignalKeyDatabase.builder()
                    .backend(new MemoryBackend())
                    .listener(metrics)
                    .open();
        }
    }

    private static double cacheSize(ApplicationContext context) {
        MeterRegistry registry = context.getBean(MeterRegistry.class);
        context.getBean(KeystoreMetrics.class).bindTo(registry);
        return registry.get("keystore.cache.size").gauge().value();
    }

    @Test
    @DisplayName("R58 keystore.must-exist is refused with a backend that is a bean, since that is open already")
    void mustExist_withBackendBean_isRefused() {
        inMemory("keystore.must-exist=true")
                .run(context ->
                        assertThat(context).getFailure().rootCause().hasMessageContaining("keystore.must-exist"));
    }

    /** Uses the database while it is destroyed. */
    private static final class User implements DisposableBean {

        private final SignalKeyDatabase database;
        private final CompletableFuture<Optional<byte[]>> found = new CompletableFuture<>();

        User(SignalKeyDatabase database) {
            this.database = database;
        }

        @Override
        public void destroy() {
            found.complete(database.forContext("bob").find(KeyTypes.SESSION, "absent"));
        }
    }

    @Configuration(proxyBeanMethods = false)
    private static class Users {
        @Bean
        User user(SignalKeyDatabase database) {
            return new User(database);
        }
    }

    @Test
    @DisplayName("R28 closing the application first closes the beans that use the database, then waits for a commit")
    void close_afterItsUsersAndRunningCommits() {
        Faults faults = new Faults();
        Gate gate = faults.on(Operation.COMMIT).inContext("alice").hold(Moment.BEFORE);
        AtomicReference<CompletableFuture<Void>> commit = new AtomicReference<>();
        Runners.keystore()
                .withBean(Backend.class, () -> FaultyBackend.complete(memory.reopen(), faults))
                .withUserConfiguration(Users.class)
                .run(context -> {
                    User user = context.getBean(User.class);
                    SignalKeyStore alice =
                            context.getBean(SignalKeyDatabase.class).forContext("alice");
                    commit.set(CompletableFuture.runAsync(
                            () -> alice.put(KeyTypes.SESSION, "bob.1", ONE), SEPARATE_THREAD));
                    gate.awaitReached();
                    CompletableFuture<Void> closing = CompletableFuture.runAsync(context::close, SEPARATE_THREAD);
                    assertThat(user.found.get(30, TimeUnit.SECONDS)).isEmpty();
                    gate.open();
                    closing.get(30, TimeUnit.SECONDS);
                    assertThatThrownBy(() -> user.database.forContext("carol"))
                            .isInstanceOf(IllegalStateException.class);
                });

        commit.get().join();
        try (SignalKeyDatabase after =
                SignalKeyDatabase.builder().backend(memory.reopen()).open()) {
            assertThat(after.forContext("alice").find(KeyTypes.SESSION, "bob.1"))
                    .contains(ONE);
        }
    }

    @Test
    @DisplayName("R100 with a registry of meters, the database is measured; without one or the module, it is not")
    void metrics_withRegistry_areBound() {
        inMemory().withBean(MeterRegistry.class, SimpleMeterRegistry::new).run(context -> {
            MeterRegistry registry = context.getBean(MeterRegistry.class);
            context.getBean(KeystoreMetrics.class).bindTo(registry);
            context.getBean(SignalKeyDatabase.class).forContext("alice").put(KeyTypes.SESSION, "bob.1", ONE);
            assertThat(registry.get("keystore.commit")
                            .tag("result", "written")
                            .timer()
                            .count())
                    .isEqualTo(1);
            assertThat(registry.get("keystore.cache.max").gauge().value()).isEqualTo(64 << 20);
        });
        inMemory().run(context -> assertThat(context).doesNotHaveBean(KeystoreMetrics.class));
        inMemory()
                .withBean(MeterRegistry.class, SimpleMeterRegistry::new)
                .withClassLoader(new FilteredClassLoader(KeystoreMetrics.class))
                .run(context -> assertThat(context)
                        .hasSingleBean(SignalKeyDatabase.class)
                        .doesNotHaveBean("keystoreMetrics"));
    }

    @Test
    @DisplayName(
            "R100 of several databases, none is watched but by the application, and none has health or an endpoint")
    void severalDatabases_areOfTheApplication() {
        KeystoreMetrics metrics = new KeystoreMetrics();
        SignalKeyDatabase first = SignalKeyDatabase.builder()
                .backend(new MemoryBackend())
                .listener(metrics)
                .open();
        SignalKeyDatabase second =
                SignalKeyDatabase.builder().backend(new MemoryBackend()).open();
        SimpleMeterRegistry registry = new SimpleMeterRegistry();
        metrics.bindTo(registry);
        metrics.watch(first);
        first.forContext("alice").put(KeyTypes.SESSION, "bob.1", ONE);

        Runners.keystore()
                .withBean(MeterRegistry.class, () -> registry)
                .withBean("firstMetrics", KeystoreMetrics.class, () -> metrics)
                .withBean("secondMetrics", KeystoreMetrics.class, KeystoreMetrics::new)
                .withBean("first", SignalKeyDatabase.class, () -> first)
                .withBean("second", SignalKeyDatabase.class, () -> second)
                .run(context -> {
                    assertThat(context)
                            .hasNotFailed()
                            .doesNotHaveBean("keystoreHealthIndicator")
                            .doesNotHaveBean("keystoreEndpoint");
                    assertThat(registry.get("keystore.cache.size").gauge().value())
                            .isEqualTo((double) first.stats().cachedBytes())
                            .isPositive();
                });
    }

    @Test
    @DisplayName("without Boot's actuator there is a database, and neither health nor an endpoint")
    void actuator_absent_isNotNeeded() {
        inMemory()
                .withClassLoader(
                        new FilteredClassLoader("org.springframework.boot.actuate", "org.springframework.boot.health"))
                .run(context -> assertThat(context)
                        .hasSingleBean(SignalKeyDatabase.class)
                        .doesNotHaveBean("keystoreHealthIndicator")
                        .doesNotHaveBean(UnreadableEntries.class)
                        .doesNotHaveBean("keystoreEndpoint"));
    }

    @Test
    @DisplayName("R100 without an indicator of the starter, nothing listens to the database for it")
    void health_turnedOffOrReplaced_doesNotListen() {
        inMemory()
                .run(context ->
                        assertThat(context).hasBean("keystoreHealthIndicator").hasSingleBean(UnreadableEntries.class));
        inMemory("management.health.keystore.enabled=false")
                .run(context -> assertThat(context)
                        .doesNotHaveBean("keystoreHealthIndicator")
                        .doesNotHaveBean(UnreadableEntries.class));
        inMemory()
                .withBean("keystoreHealthIndicator", Object.class, Object::new)
                .run(context -> {
                    assertThat(context.getBean("keystoreHealthIndicator")).isExactlyInstanceOf(Object.class);
                    assertThat(context).doesNotHaveBean(UnreadableEntries.class);
                });
    }

    @Test
    @DisplayName("an application that excludes KeystoreAutoConfiguration has the health of the database that it opens")
    void databaseExcluded_hasHealth() {
        try (SignalKeyDatabase mine =
                SignalKeyDatabase.builder().backend(memory).open()) {
            new ApplicationContextRunner()
                    .withConfiguration(AutoConfigurations.of(
                            KeystoreHealthAutoConfiguration.class, KeystoreEndpointAutoConfiguration.class))
                    .withBean(SignalKeyDatabase.class, () -> mine)
                    .withPropertyValues("keystore.health.minimum-pre-keys=0")
                    .run(context -> assertThat(context.getBean(KeystoreHealth.class)
                                    .check()
                                    .details())
                            .containsKey("openContexts")
                            .doesNotContainKey("contextsWithFewPreKeys"));
        }
    }
}
