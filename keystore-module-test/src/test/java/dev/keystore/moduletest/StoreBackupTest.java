package dev.keystore.moduletest;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.LoadFailedException;
import dev.keystore.SignalKeyStore;
import dev.keystore.StaleStoreException;
import dev.keystore.StoreOpenException;
import dev.keystore.core.BackupFailedException;
import dev.keystore.core.BackupReport;
import dev.keystore.core.CopyProgress;
import dev.keystore.core.EncryptionProgress;
import dev.keystore.core.RestoreReport;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreBackup;
import dev.keystore.core.StoreEncryption;
import dev.keystore.core.StoreRestore;
import dev.keystore.encryption.KeyFile;
import dev.keystore.moduletest.NewStores.Form;
import dev.keystore.spi.StoreSealing.Phase;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Backups of databases of all backends, with and without encryption and hidden names. */
@Timeout(120)
class StoreBackupTest {

    private static final KeyType<byte[]> OTHER = KeyType.ofBytes("other");
    private static final List<String> CONTEXTS = List.of("default", "bob", "a/:%_.* \ud83d\ude00");
    private static final int ENTRIES = 70;

    /** Several of these are more than is written at once. */
    private static final int LARGE = 600_000;

    private static NewStores stores;

    @TempDir
    private Path folder;

    private Path key;

    @BeforeAll
    static void startServer() throws IOException {
        stores = new NewStores();
    }

    @AfterAll
    static void stopServer() throws IOException {
        stores.close();
    }

    @BeforeEach
    void createKey() throws IOException {
        key = folder.resolve("root.key");
        KeyFile.create(key);
    }

    static Stream<Arguments> sources() {
        return ModulePathTest.SCHEMES.stream()
                .flatMap(scheme -> Stream.of(Form.values()).map(form -> Arguments.of(scheme, form)));
    }

    private String newUrl(String scheme) throws SQLException {
        return stores.url(scheme, folder);
    }

    private SignalKeyDatabase.Builder builder(String url, Form form) {
        return NewStores.builder(url, form, key);
    }

    private SignalKeyDatabase openBackup(Path file, Form form) {
        return builder("jdbc:sqlite:" + file, form).readingBackup().open();
    }

    private static void fill(SignalKeyDatabase database) {
        for (String context : CONTEXTS) {
            database.forContext(context).useTransaction("k", tx -> {
                for (int i = 0; i < ENTRIES; i++) {
                    tx.put(KeyTypes.SESSION, "bob." + i, value(context, i));
                }
                tx.put(OTHER, "/:%_.* \ud83d\ude00", new byte[0]);
                tx.put(OTHER, "large", new byte[LARGE]);
                tx.saveCredentials(value(context, -1));
            });
        }
    }

    private static byte[] value(String context, int number) {
        return ("value of " + context + number).getBytes(UTF_8);
    }

    private static void assertFilled(SignalKeyDatabase database) {
        try (Stream<String> contexts = database.contexts()) {
            assertThat(contexts).containsExactlyInAnyOrderElementsOf(CONTEXTS);
        }
        for (String context : CONTEXTS) {
            SignalKeyStore store = database.forExistingContext(context);
            for (int i = 0; i < ENTRIES; i++) {
                assertThat(store.find(KeyTypes.SESSION, "bob." + i)).contains(value(context, i));
            }
            assertThat(store.find(OTHER, "/:%_.* \ud83d\ude00")).contains(new byte[0]);
            assertThat(store.find(OTHER, "large")).contains(new byte[LARGE]);
            assertThat(store.credentials()).contains(value(context, -1));
            try (Stream<String> ids = store.ids(KeyTypes.SESSION, "")) {
                assertThat(ids).hasSize(ENTRIES);
            }
            assertThat(store.verify()).isEmpty();
        }
    }

    @ParameterizedTest
    @MethodSource("sources")
    @DisplayName("R80 R75 a backup of any backend holds all entries, encrypted under the same keys, in one file")
    void run_anyBackend_holdsAllEntries(String scheme, Form form) throws Exception {
        Path file = Files.createDirectory(folder.resolve("backups")).resolve("keys.backup");
        List<CopyProgress> progress = new ArrayList<>();
        try (SignalKeyDatabase source = builder(newUrl(scheme), form).open()) {
            fill(source);

            BackupReport report =
                    StoreBackup.of(source).to(file).listener(progress::add).run();

            assertThat(report.file()).isEqualTo(file);
            assertThat(report.contexts()).isEqualTo(CONTEXTS.size());
            assertThat(report.records()).isGreaterThanOrEqualTo(CONTEXTS.size() * (ENTRIES + 3L));
            assertThat(report.bytes()).isGreaterThan(3 * LARGE);
            assertThat(progress.get(progress.size() - 1).contexts()).isEqualTo(CONTEXTS.size());
            assertThat(progress.get(0).allContexts()).isEqualTo(CONTEXTS.size());
            fill(source); // it is in use as before
        }
        assertOnly(file);
        try (SignalKeyDatabase backup = openBackup(file, form)) {
            assertFilled(backup);
        }
        assertOnly(file);
        String bytes = Files.readString(file, ISO_8859_1);
        assertThat(bytes.contains("value of bob")).isEqualTo(form == Form.PLAIN);
        assertThat(bytes.contains("bob.1")).isEqualTo(form != Form.HIDING_NAMES);
    }

    private static void assertOnly(Path file) throws IOException {
        try (Stream<Path> files = Files.list(file.getParent())) {
            assertThat(files).containsExactly(file);
        }
    }

    @Test
    @DisplayName("R80 R46 a backup is not opened as a live store, and names restore; opened for reading, it refuses"
            + " to be written")
    void open_backup_isRefused() throws Exception {
        Path file = folder.resolve("keys.backup");
        try (SignalKeyDatabase source =
                builder(newUrl("jdbc:sqlite"), Form.PLAIN).open()) {
            fill(source);
            StoreBackup.of(source).to(file).run();
        }
        byte[] before = Files.readAllBytes(file);

        assertThatThrownBy(() -> SignalKeyDatabase.open("jdbc:sqlite:" + file))
                .isInstanceOf(StoreOpenException.class)
                .hasMessageContaining("is a backup")
                .hasMessageContaining("keystore restore");
        try (SignalKeyDatabase backup = openBackup(file, Form.PLAIN)) {
            SignalKeyStore bob = backup.forContext("bob");
            assertThatThrownBy(() -> bob.delete(KeyTypes.SESSION, "bob.1"))
                    .isInstanceOf(CommitFailedException.class)
                    .hasMessageContaining("keystore restore");
            assertThatThrownBy(backup::compact).hasMessageContaining("is a backup");
            assertThat(bob.find(KeyTypes.SESSION, "bob.1")).isPresent();
        }
        assertThat(Files.readAllBytes(file)).isEqualTo(before);
    }

    @ParameterizedTest
    @EnumSource(names = {"ENCRYPTED", "HIDING_NAMES"})
    @DisplayName("R80 R72 that an encrypted store is a backup is authenticated: it can be neither removed nor added")
    void open_backupMarkTamperedWith_isRefused(Form form) throws Exception {
        Path file = folder.resolve("keys.backup");
        String url = newUrl("jdbc:sqlite");
        try (SignalKeyDatabase source = builder(url, form).open()) {
            fill(source);
            StoreBackup.of(source).to(file).run();
        }
        Path live = Path.of(url.substring("jdbc:sqlite:".length()));
        Path unmarked = Files.copy(file, folder.resolve("unmarked.db"));
        change(unmarked, "DELETE FROM entry WHERE context = '_store' AND id = 'state'");
        Path ofLive = Files.copy(file, folder.resolve("mark-of-live.db"));
        change(
                ofLive,
                "ATTACH '" + live + "' AS live",
                "UPDATE entry SET value = (SELECT value FROM live.entry"
                        + " WHERE context = '_store' AND id = 'mark') WHERE context = '_store' AND id = 'mark'");
        byte[] before = Files.readAllBytes(unmarked);

        assertTampered(builder("jdbc:sqlite:" + unmarked, form)::open);
        assertTampered(builder("jdbc:sqlite:" + unmarked, form)::openToInspect);
        assertTampered(() -> openBackup(ofLive, form));
        assertTampered(builder("jdbc:sqlite:" + ofLive, form)::openToInspect);

        assertThatThrownBy(() -> openBackup(unmarked, form)).hasMessageContaining("not a backup");
        assertThatThrownBy(builder("jdbc:sqlite:" + ofLive, form)::open).hasMessageContaining("is a backup");
        assertThat(Files.readAllBytes(unmarked)).isEqualTo(before);
        change(
                live,
                "ATTACH '" + file + "' AS backup",
                "INSERT INTO entry SELECT * FROM backup.entry WHERE context = '_store' AND id = 'state'");
        assertTampered(builder(url, form).readingBackup()::open);
    }

    private static void change(Path file, String... statements) throws SQLException {
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
                Statement statement = connection.createStatement()) {
            for (String sql : statements) {
                statement.executeUpdate(sql);
            }
        }
    }

    private static void assertTampered(ThrowingCallable opening) {
        assertThatThrownBy(opening)
                .isInstanceOf(StoreOpenException.class)
                .hasMessageContaining("tampered with")
                .hasMessageContaining("backup");
    }

    @ParameterizedTest
    @ValueSource(strings = {"jdbc:sqlite", "jdbc:postgresql"})
    @DisplayName("R84 R81 a restore drops what must not be used twice and keeps the rest, in a new store whose epochs"
            + " are a margin above those of the backup")
    void restore_anyBackend_isANewStore(String scheme) throws Exception {
        Path file = folder.resolve("keys.backup");
        String target = newUrl(scheme);
        Optional<String> storeId;
        long epoch;
        try (SignalKeyDatabase source = builder(newUrl(scheme), Form.PLAIN).open()) {
            source.forContext("alice").useTransaction("k", tx -> {
                tx.put(KeyTypes.SESSION, "bob.1", value("session", 1));
                tx.put(KeyTypes.SENDER_KEY, "group:alice.1", value("sender key", 1));
                tx.put(KeyTypes.SENDER_KEY, "group:bob.1", value("sender key", 2));
                tx.put(KeyTypes.SENDER_KEY_MEMORY, "group", Map.of("bob.1", true));
                tx.put(KeyTypes.LID_MAPPING, "bob", "lid");
                tx.put(KeyTypes.APP_STATE_SYNC_KEY, "key", value("app state", 1));
                tx.saveCredentials(value("credentials", 1));
            });
            storeId = source.storeId();
            epoch = source.position("alice").orElseThrow().epoch();
            StoreBackup.of(source).to(file).run();
        }

        RestoreReport report;
        try (SignalKeyDatabase backup = openBackup(file, Form.PLAIN)) {
            report = StoreRestore.from(backup).to(builder(target, Form.PLAIN)).run();
        }

        assertThat(report.dropped()).isEqualTo(Map.of("session", 1L, "sender-key", 2L, "sender-key-memory", 1L));
        try (SignalKeyDatabase restored = builder(target, Form.PLAIN).open()) {
            assertThat(storeId).isPresent();
            assertThat(restored.storeId()).isPresent().isNotEqualTo(storeId);
            SignalKeyStore alice = restored.forExistingContext("alice");
            assertThat(alice.find(KeyTypes.SESSION, "bob.1")).isEmpty();
            assertThat(alice.find(KeyTypes.SENDER_KEY, "group:alice.1")).isEmpty();
            assertThat(alice.find(KeyTypes.SENDER_KEY, "group:bob.1")).isEmpty();
            assertThat(alice.find(KeyTypes.SENDER_KEY_MEMORY, "group")).isEmpty();
            assertThat(alice.find(KeyTypes.LID_MAPPING, "bob")).contains("lid");
            assertThat(alice.find(KeyTypes.APP_STATE_SYNC_KEY, "key")).contains(value("app state", 1));
            assertThat(alice.credentials()).contains(value("credentials", 1));
            assertThat(restored.position("alice").orElseThrow().epoch()).isGreaterThan(epoch + 1_000_000);
        }
    }

    @Test
    @DisplayName("R84 R43 a damaged entry of the engine in a backup does not keep the contexts from being restored")
    void restore_damagedPosition_restoresAll() throws Exception {
        Path file = folder.resolve("keys.backup");
        Path target = folder.resolve("restored.db");
        try (SignalKeyDatabase source = SignalKeyDatabase.open(newUrl("jdbc:sqlite"))) {
            fill(source);
            StoreBackup.of(source).to(file).run();
        }
        change(file, "UPDATE entry SET value = x'0123' WHERE context = 'bob' AND type = '_store' AND id = 'position'");

        try (SignalKeyDatabase backup = openBackup(file, Form.PLAIN)) {
            StoreRestore.from(backup)
                    .to(SignalKeyDatabase.builder().url("jdbc:sqlite:" + target))
                    .run();
        }

        try (SignalKeyDatabase restored = SignalKeyDatabase.open("jdbc:sqlite:" + target);
                Stream<String> contexts = restored.contexts()) {
            assertThat(contexts).containsExactlyInAnyOrderElementsOf(CONTEXTS);
        }
    }

    @Test
    @DisplayName("R84 a restore of a backup whose structure is damaged fails before anything is changed")
    void restore_damagedFile_changesNothing() throws Exception {
        Path file = folder.resolve("keys.backup");
        Path target = folder.resolve("restored.db");
        try (SignalKeyDatabase source = SignalKeyDatabase.open(newUrl("jdbc:sqlite"))) {
            fill(source);
            StoreBackup.of(source).to(file).run();
        }
        byte[] bytes = Files.readAllBytes(file);
        Arrays.fill(bytes, bytes.length - 4_096, bytes.length - 2_048, (byte) 0);
        Files.write(file, bytes);

        try (SignalKeyDatabase backup = openBackup(file, Form.PLAIN)) {
            StoreRestore restore = StoreRestore.from(backup)
                    .to(SignalKeyDatabase.builder().url("jdbc:sqlite:" + target))
                    .contexts(Set.of("bob"));

            assertThatThrownBy(restore::run)
                    .isInstanceOf(LoadFailedException.class)
                    .hasMessageContaining("damaged");
            assertThat(restore.hasBegun()).isFalse();
        }
        assertThat(target).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"libsignal-last-key-id", "libsignal-account", "libsignal-one-time-kyber-pre-key", "credentials"})
    @DisplayName("R84 an account of keystore-libsignal is not restored without the rules of that module")
    void restore_accountWithoutRules_isRefused(String type) throws Exception {
        Path file = folder.resolve("keys.backup");
        Path target = folder.resolve("restored.db");
        try (SignalKeyDatabase source =
                builder(newUrl("jdbc:sqlite"), Form.HIDING_NAMES).open()) {
            source.forContext("alice").saveCredentials(value("credentials", 1));
            SignalKeyStore bob = source.forContext("bob");
            if (type.equals("credentials")) {
                bob.saveCredentials("KSLS and counters".getBytes(UTF_8));
            } else {
                bob.put(KeyType.ofBytes(type), "pre-key", new byte[] {1});
            }
            StoreBackup.of(source).to(file).run();
        }

        try (SignalKeyDatabase backup = openBackup(file, Form.HIDING_NAMES)) {
            StoreRestore restore = StoreRestore.from(backup).to(builder("jdbc:sqlite:" + target, Form.PLAIN));
            assertThatThrownBy(restore::run)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("\"bob\"")
                    .hasMessageContaining("put keystore-libsignal on the class path");
            assertThat(target).doesNotExist();
            restore.contexts(Set.of("alice")).run();
        }
        try (SignalKeyDatabase restored =
                builder("jdbc:sqlite:" + target, Form.PLAIN).open()) {
            assertThat(restored.contexts()).containsExactly("alice");
        }
    }

    @Test
    @DisplayName("R80 only a backup is opened for reading a backup")
    void readingBackup_liveStore_isRefused() throws Exception {
        String url = newUrl("jdbc:sqlite");
        try (SignalKeyDatabase source = builder(url, Form.PLAIN).open()) {
            fill(source);
        }

        assertThatThrownBy(() ->
                        SignalKeyDatabase.builder().url(url).readingBackup().open())
                .isInstanceOf(StoreOpenException.class)
                .hasMessageContaining("not a backup");
        SignalKeyDatabase.open(url).close();
    }

    @Test
    @DisplayName("R80 a file that exists is replaced on request if it is a backup, and never otherwise")
    void run_fileExists_isReplacedOnRequest() throws Exception {
        Path file = folder.resolve("keys.backup");
        String url = newUrl("jdbc:sqlite");
        try (SignalKeyDatabase source = builder(url, Form.PLAIN).open()) {
            source.forContext("bob").put(KeyTypes.SESSION, "1", value("bob", 1));
            StoreBackup.of(source).to(file).run();
            byte[] former = Files.readAllBytes(file);
            source.forContext("bob").put(KeyTypes.SESSION, "1", value("bob", 2));

            assertThatThrownBy(StoreBackup.of(source).to(file)::run)
                    .isInstanceOf(BackupFailedException.class)
                    .hasMessageContaining("the file exists");
            assertThat(Files.readAllBytes(file)).isEqualTo(former);
            Files.writeString(folder.resolve("keys.backup-wal"), "of a process that was killed");
            StoreBackup.of(source).to(file).replacing().run();
            Path live = Path.of(url.substring("jdbc:sqlite:".length()));
            assertThatThrownBy(StoreBackup.of(source).to(live).replacing()::run)
                    .isInstanceOf(BackupFailedException.class)
                    .hasMessageContaining("not a backup");
            Path text = Files.writeString(folder.resolve("text"), "text");
            assertThatThrownBy(StoreBackup.of(source).to(text).replacing()::run)
                    .isInstanceOf(BackupFailedException.class);
            assertThat(text).hasContent("text");
        }
        try (SignalKeyDatabase backup = openBackup(file, Form.PLAIN)) {
            assertThat(backup.forContext("bob").find(KeyTypes.SESSION, "1")).contains(value("bob", 2));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"jdbc:sqlite", "jdbc:postgresql", "mapdb"})
    @DisplayName("R80 during heavy commits, a backup has all of each commit or nothing, and no owner loses its context")
    void run_heavyCommits_isConsistent(String scheme) throws Exception {
        String url = newUrl(scheme);
        AtomicBoolean over = new AtomicBoolean();
        AtomicInteger commits = new AtomicInteger();
        ExecutorService threads = Executors.newCachedThreadPool();
        try (SignalKeyDatabase owner = builder(url, Form.PLAIN).open();
                // a second process may have any backend open but that of MapDB
                SignalKeyDatabase reader = scheme.equals("mapdb")
                        ? owner
                        : builder(url, Form.PLAIN).open()) {
            List<Future<?>> writers = new ArrayList<>();
            for (String context : CONTEXTS) {
                SignalKeyStore store = owner.forContext(context);
                store.useTransaction("k", tx -> {
                    for (int i = 0; i < 500; i++) {
                        tx.put(OTHER, "b" + i, new byte[100]);
                    }
                });
                writers.add(threads.submit(() -> {
                    for (int i = 0; !over.get(); i++) {
                        byte[] value = value(context, i);
                        store.useTransaction("k", tx -> {
                            tx.put(OTHER, "a", value);
                            tx.put(OTHER, "c", value);
                        });
                        commits.incrementAndGet();
                    }
                    return null;
                }));
            }
            try {
                for (int i = 0; i < 3; i++) {
                    Path file = folder.resolve("backup" + i);
                    int before = commits.get();
                    StoreBackup.of(reader)
                            .to(file)
                            .listener(progress -> awaitMore(commits, before))
                            .run();
                    assertEqualPairs(file);
                }
            } finally {
                over.set(true);
            }
            for (Future<?> writer : writers) {
                writer.get(30, TimeUnit.SECONDS);
            }
        } finally {
            over.set(true);
            threads.shutdown();
        }
    }

    private static void awaitMore(AtomicInteger commits, int before) {
        long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (commits.get() == before) {
            assertThat(System.nanoTime()).as("time of the next commit").isLessThan(deadlineNanos);
            Thread.onSpinWait();
        }
    }

    private void assertEqualPairs(Path file) {
        try (SignalKeyDatabase backup = openBackup(file, Form.PLAIN)) {
            for (String context : CONTEXTS) {
                Map<String, byte[]> pair = backup.forContext(context).get(OTHER, List.of("a", "c"));
                assertThat(pair.get("a")).isEqualTo(pair.get("c"));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"jdbc:sqlite", "jdbc:postgresql", "mapdb"})
    @DisplayName("R80 R81 an incremental backup reads only contexts that changed, and is complete")
    void since_oneContextChanged_takesTheOthersFromTheFormer(String scheme) throws Exception {
        Path first = folder.resolve("first.backup");
        Path second = folder.resolve("second.backup");
        try (SignalKeyDatabase source =
                        builder(newUrl(scheme), Form.HIDING_NAMES).open();
                SignalKeyDatabase other =
                        builder(newUrl(scheme), Form.HIDING_NAMES).open()) {
            fill(source);
            StoreBackup.of(source).to(first).run();
            source.forContext("bob").put(OTHER, "new", value("bob", 1));
            source.forContext("added").put(OTHER, "new", value("added", 1));
            source.forContext("default").erase();

            BackupReport report = StoreBackup.of(source).to(second).since(first).run();

            assertThat(report.contexts()).isEqualTo(3);
            assertThat(report.unchanged()).isEqualTo(1);
            BackupReport again =
                    StoreBackup.of(source).to(second).since(second).replacing().run();
            assertThat(again.unchanged()).isEqualTo(3);
            assertThat(again.records()).isEqualTo(report.records());
            other.forContext("bob").put(OTHER, "new", value("bob", 1));
            assertThatThrownBy(StoreBackup.of(other).to(folder.resolve("third")).since(first)::run)
                    .isInstanceOf(BackupFailedException.class)
                    .hasMessageContaining("not one of this store");
        }
        try (SignalKeyDatabase backup = openBackup(second, Form.HIDING_NAMES)) {
            try (Stream<String> contexts = backup.contexts()) {
                assertThat(contexts).containsExactlyInAnyOrder("bob", CONTEXTS.get(2), "added");
            }
            assertThat(backup.forContext("bob").find(OTHER, "new")).contains(value("bob", 1));
            assertThat(backup.forContext("bob").find(OTHER, "large")).isPresent();
            assertThat(backup.forContext(CONTEXTS.get(2)).find(OTHER, "large")).isPresent();
            assertThat(backup.forContext(CONTEXTS.get(2)).verify()).isEmpty();
        }
    }

    @Test
    @DisplayName("R80 R81 an old copy of the store does not replace a newer backup, incremental or not")
    void run_ofOldCopy_keepsTheNewerBackup() throws Exception {
        Path file = folder.resolve("keys.backup");
        String url = newUrl("jdbc:sqlite");
        Path live = Path.of(url.substring("jdbc:sqlite:".length()));
        Path old = folder.resolve("old.db");
        try (SignalKeyDatabase source = SignalKeyDatabase.open(url)) {
            source.forContext("alice").put(OTHER, "x", value("alice", 1));
            source.forContext("bob").put(OTHER, "x", value("bob", 1));
        }
        Files.copy(live, old);
        try (SignalKeyDatabase source = SignalKeyDatabase.open(url)) {
            source.forContext("bob").put(OTHER, "x", value("bob", 2));
            StoreBackup.of(source).to(file).run();
        }
        byte[] newer = Files.readAllBytes(file);
        Files.copy(old, live, StandardCopyOption.REPLACE_EXISTING);

        try (SignalKeyDatabase source = SignalKeyDatabase.open(url)) {
            List<StoreBackup> backups = List.of(
                    StoreBackup.of(source).to(file).since(file).replacing(),
                    StoreBackup.of(source).to(file).replacing(),
                    StoreBackup.of(source).to(folder.resolve("next.backup")).since(file));
            for (StoreBackup backup : backups) {
                assertThatThrownBy(backup::run)
                        .isInstanceOf(BackupFailedException.class)
                        .hasMessageContaining("older than the earlier backup " + file)
                        .hasMessageContaining("\"bob\"")
                        .hasMessageContaining("keystore restore");
            }
            assertThat(StoreBackup.of(source)
                            .to(folder.resolve("of-old.backup"))
                            .run()
                            .contexts())
                    .isEqualTo(2);
        }
        assertThat(Files.readAllBytes(file)).isEqualTo(newer);
        assertThat(folder.resolve("next.backup")).doesNotExist();
    }

    @ParameterizedTest
    @CsvSource({"jdbc:sqlite, false", "jdbc:sqlite, true", "mapdb, false", "mapdb, true"})
    @DisplayName("R80 R81 R82 an old copy that lacks a whole context does not replace a newer backup that has it")
    void run_ofOldCopyWithoutANewContext_keepsTheNewerBackup(String scheme, boolean anchored) throws Exception {
        Path file = folder.resolve("keys.backup");
        Path live = Files.createDirectory(folder.resolve("live"));
        Path old = folder.resolve("old");
        SignalKeyDatabase.Builder builder = SignalKeyDatabase.builder().url(scheme + ":" + live.resolve("store"));
        if (anchored) {
            builder.property("freshness.anchor", "file:" + folder.resolve("anchor"));
        }
        try (SignalKeyDatabase source = builder.open()) {
            source.forContext("erased").put(OTHER, "x", value("erased", 1));
            source.forContext("alice").put(OTHER, "x", value("alice", 1));
            source.forContext("erased").erase();
        }
        copyFolder(live, old);
        try (SignalKeyDatabase source = builder.open()) {
            source.forContext("bob").put(OTHER, "x", value("bob", 1));
            StoreBackup.of(source).to(file).run();
        }
        byte[] newer = Files.readAllBytes(file);
        deleteFolder(live);
        copyFolder(old, live);

        try (SignalKeyDatabase source = builder.open()) {
            for (StoreBackup backup : List.of(
                    StoreBackup.of(source).to(file).since(file).replacing(),
                    StoreBackup.of(source).to(file).replacing())) {
                assertThatThrownBy(backup::run)
                        .isInstanceOf(anchored ? StaleStoreException.class : BackupFailedException.class)
                        .hasMessageContaining("older than")
                        .hasMessageContaining("\"bob\"")
                        .hasMessageContaining("keystore restore");
            }
        }
        assertThat(Files.readAllBytes(file)).isEqualTo(newer);
    }

    private static void copyFolder(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path each : (Iterable<Path>) files::iterator) {
                Files.copy(each, to.resolve(from.relativize(each).toString()));
            }
        }
    }

    private static void deleteFolder(Path deleted) throws IOException {
        try (Stream<Path> files = Files.walk(deleted)) {
            for (Path each : (Iterable<Path>) files.sorted(Comparator.reverseOrder())::iterator) {
                Files.delete(each);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"jdbc:sqlite", "jdbc:postgresql", "mapdb"})
    @DisplayName(
            "R80 R18 a context that was erased since an earlier backup is left out, whoever has erased it and when")
    void run_contextErasedSince_isLeftOut(String scheme) throws Exception {
        Path file = folder.resolve("keys.backup");
        String url = newUrl(scheme);
        try (SignalKeyDatabase source = SignalKeyDatabase.open(url)) {
            for (String context : List.of("alice", "bob", "carol")) {
                source.forContext(context).put(OTHER, "x", value(context, 1));
                source.forContext(context).put(OTHER, "x", value(context, 2));
            }
            StoreBackup.of(source).to(file).run();
            source.forContext("alice").erase();
            assertThat(backUpAgain(source, file)).isEqualTo(2);
        }
        try (SignalKeyDatabase source = SignalKeyDatabase.open(url)) {
            source.forContext("bob").erase();
        }
        try (SignalKeyDatabase source = SignalKeyDatabase.open(url)) {
            assertThat(backUpAgain(source, file)).isEqualTo(1);
            source.forContext("dave").put(OTHER, "x", value("dave", 1));
            assertThat(backUpAgain(source, file)).isEqualTo(2);
        }
    }

    private static long backUpAgain(SignalKeyDatabase source, Path file) {
        return StoreBackup.of(source).to(file).since(file).replacing().run().contexts();
    }

    @Test
    @DisplayName("R80 R82 a store that is older than its freshness anchor is not backed up, except without the anchor")
    void run_olderThanTheAnchor_isRefused() throws Exception {
        Path file = folder.resolve("keys.backup");
        String url = newUrl("jdbc:sqlite");
        Path live = Path.of(url.substring("jdbc:sqlite:".length()));
        Path old = folder.resolve("old.db");
        for (int i = 0; i < 2; i++) {
            try (SignalKeyDatabase source = anchored(url).open()) {
                source.forContext("alice").put(OTHER, "x", value("alice", i));
                StoreBackup.of(source).to(folder.resolve("fresh" + i)).run();
            }
            if (i == 0) {
                Files.copy(live, old);
            }
        }
        Files.copy(old, live, StandardCopyOption.REPLACE_EXISTING);

        try (SignalKeyDatabase source = anchored(url).open()) {
            assertThatThrownBy(StoreBackup.of(source).to(file)::run)
                    .isInstanceOfSatisfying(
                            StaleStoreException.class,
                            e -> assertThat(e.context()).isEqualTo("alice"));
        }
        assertThat(file).doesNotExist();
        try (SignalKeyDatabase source = SignalKeyDatabase.open(url)) {
            StoreBackup.of(source).to(file).run();
        }
        assertThat(file).exists();
    }

    @Test
    @DisplayName("R80 R82 a context that was erased in a store with an anchor is in the backup, but not counted")
    void run_erasedWithAnchor_isNotCounted() throws Exception {
        Path file = folder.resolve("keys.backup");
        List<CopyProgress> progress = new ArrayList<>();
        try (SignalKeyDatabase source = anchored(newUrl("jdbc:sqlite")).open()) {
            fill(source);
            source.forContext("bob").erase();

            BackupReport report =
                    StoreBackup.of(source).to(file).listener(progress::add).run();
            BackupReport again =
                    StoreBackup.of(source).to(file).since(file).replacing().run();

            try (Stream<String> contexts = source.contexts()) {
                assertThat(report.contexts()).isEqualTo(contexts.count()).isEqualTo(2);
            }
            assertThat(again.contexts()).isEqualTo(2);
            assertThat(again.unchanged()).isEqualTo(2);
            assertThat(again.records()).isEqualTo(report.records());
        }
        CopyProgress last = progress.get(progress.size() - 1);
        assertThat(last.contexts()).isEqualTo(last.allContexts());
    }

    private SignalKeyDatabase.Builder anchored(String url) {
        return SignalKeyDatabase.builder().url(url).property("freshness.anchor", "file:" + folder.resolve("anchor"));
    }

    @Test
    @DisplayName("R80 R82 a backup during which the store gets its first freshness anchor is complete")
    void run_firstAnchorMeanwhile_isComplete() throws Exception {
        Path file = folder.resolve("keys.backup");
        String url = newUrl("jdbc:sqlite");
        try (SignalKeyDatabase source = SignalKeyDatabase.open(url)) {
            fill(source);
            StoreBackup.of(source)
                    .to(file)
                    .listener(progress -> anchored(url).open().close())
                    .run();
        }
        assertThat(folder.resolve("anchor")).exists();
        try (SignalKeyDatabase backup = openBackup(file, Form.PLAIN)) {
            assertFilled(backup);
        }
    }

    @ParameterizedTest
    @EnumSource(Job.class)
    @DisplayName("R80 R74 a backup fails if keys are rotated meanwhile, or a job on the encryption ends")
    void run_encryptionChangesMeanwhile_fails(Job job) throws Exception {
        Path file = folder.resolve("keys.backup");
        String url = newUrl("jdbc:sqlite");
        try (SignalKeyDatabase source =
                builder(url, job == Job.ENCRYPT ? Form.PLAIN : Form.ENCRYPTED).open()) {
            fill(source);
        }
        try (SignalKeyDatabase source = withJob(url)) {
            AtomicBoolean done = new AtomicBoolean();
            StoreBackup backup = StoreBackup.of(source).to(file).listener(progress -> {
                if (!done.getAndSet(true)) {
                    job.run(source.encryption());
                }
            });
            assertThatThrownBy(backup::run)
                    .isInstanceOf(BackupFailedException.class)
                    .hasMessageContaining("run the backup again");
            assertThat(file).doesNotExist();
            if (job != Job.DECRYPT) {
                backup.run();
            }
        }
        if (job == Job.DECRYPT) {
            try (SignalKeyDatabase source = SignalKeyDatabase.open(url)) {
                StoreBackup.of(source).to(file).run();
            }
        }
        try (SignalKeyDatabase backup = openBackup(file, job == Job.DECRYPT ? Form.PLAIN : Form.ENCRYPTED)) {
            assertFilled(backup);
        }
    }

    /** Opens a store so that each job can be run, and whether one has ended or not. */
    private SignalKeyDatabase withJob(String url) {
        return builder(url, Form.ENCRYPTED).encryptExisting().decryptExisting().open();
    }

    private enum Job {
        ENCRYPT,
        ROTATE,
        DECRYPT;

        void run(StoreEncryption encryption) {
            run(encryption, progress -> {});
        }

        void run(StoreEncryption encryption, Consumer<EncryptionProgress> listener) {
            switch (this) {
                case ENCRYPT -> encryption.encrypt(listener);
                case ROTATE -> encryption.rotate(listener);
                case DECRYPT -> encryption.decrypt(listener);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Job.class,
            names = {"ENCRYPT", "DECRYPT"})
    @DisplayName("R80 R72 R84 a backup of a store whose job has not ended is restored if values in plaintext are"
            + " accepted, and refused otherwise")
    void restore_ofUnfinishedJob_acceptsPlaintextOnRequest(Job job) throws Exception {
        Path file = folder.resolve("keys.backup");
        String url = newUrl("jdbc:sqlite");
        try (SignalKeyDatabase source =
                builder(url, job == Job.ENCRYPT ? Form.PLAIN : Form.ENCRYPTED).open()) {
            fill(source);
        }
        try (SignalKeyDatabase source = withJob(url)) {
            IllegalStateException stop = new IllegalStateException("stopped");
            assertThatThrownBy(() -> job.run(source.encryption(), progress -> {
                        if (progress.rewritten() > 0) {
                            throw stop;
                        }
                    }))
                    .isSameAs(stop);
            StoreBackup.of(source).to(file).run();
        }

        String setting = job == Job.ENCRYPT ? "encryptExisting()" : "decryptExisting()";
        assertThatThrownBy(() -> openBackup(file, Form.ENCRYPTED))
                .isInstanceOf(StoreOpenException.class)
                .hasMessageContaining("The backup was taken before")
                .hasMessageContaining(setting);
        SignalKeyDatabase.Builder reading =
                builder("jdbc:sqlite:" + file, Form.ENCRYPTED).readingBackup();
        Path target = folder.resolve("restored.db");
        try (SignalKeyDatabase backup =
                (job == Job.ENCRYPT ? reading.encryptExisting() : reading.decryptExisting()).open()) {
            assertFilled(backup);
            StoreRestore.from(backup)
                    .to(builder("jdbc:sqlite:" + target, Form.ENCRYPTED))
                    .run();
        }
        try (SignalKeyDatabase restored =
                builder("jdbc:sqlite:" + target, Form.ENCRYPTED).open()) {
            assertThat(restored.encryption().phase()).isEqualTo(Phase.ENCRYPTED);
            assertThat(restored.encryption().entriesByKey("bob")).doesNotContainKey("plain");
            assertThat(restored.forExistingContext("bob").credentials()).contains(value("bob", -1));
        }
    }

    @Test
    @DisplayName("R80 a second backup under the name of one that is being written is refused, and the first one counts")
    void run_sameNameAtOnce_secondIsRefused() throws Exception {
        Path file = Files.createDirectory(folder.resolve("backups")).resolve("keys.backup");
        try (SignalKeyDatabase source =
                builder(newUrl("jdbc:sqlite"), Form.PLAIN).open()) {
            fill(source);
            StoreBackup second = StoreBackup.of(source).to(file);
            StoreBackup first = StoreBackup.of(source)
                    .to(file)
                    .listener(progress -> assertThatThrownBy(second::run)
                            .isInstanceOf(BackupFailedException.class)
                            .hasMessageContaining("another backup is being written"));

            assertThat(first.run().contexts()).isEqualTo(CONTEXTS.size());

            second.replacing().run();
        }
        assertOnly(file);
        try (SignalKeyDatabase backup = openBackup(file, Form.PLAIN)) {
            assertFilled(backup);
        }
    }

    @Test
    @DisplayName("R80 a file under the temporary name is replaced if a killed backup has left it, and never otherwise")
    void run_temporaryNameIsTaken_isReplacedIfLeft() throws Exception {
        Path file = Files.createDirectory(folder.resolve("backups")).resolve("keys.backup");
        Path temporary = Path.of(file + ".partial");
        Path lock = Path.of(file + ".partial.lock");
        try (SignalKeyDatabase source = SignalKeyDatabase.open("jdbc:sqlite:" + temporary)) {
            source.forContext("bob").put(KeyTypes.SESSION, "1", value("bob", 1));
            assertThatThrownBy(StoreBackup.of(source).to(file)::run)
                    .isInstanceOf(BackupFailedException.class)
                    .hasMessageContaining(temporary + " exists");
            source.forContext("bob").put(KeyTypes.SESSION, "1", value("bob", 2));
        }
        assertThat(lock).doesNotExist();
        Files.delete(temporary);
        Files.deleteIfExists(Path.of(temporary + "-owner")); // of the store
        try (SignalKeyDatabase source =
                builder(newUrl("jdbc:sqlite"), Form.PLAIN).open()) {
            source.forContext("bob").put(KeyTypes.SESSION, "1", value("bob", 1));
            Files.writeString(temporary, "notes");
            assertThatThrownBy(StoreBackup.of(source).to(file)::run).isInstanceOf(BackupFailedException.class);
            assertThat(temporary).hasContent("notes");
            Files.writeString(lock, "of something else");
            assertThatThrownBy(StoreBackup.of(source).to(file)::run)
                    .isInstanceOf(BackupFailedException.class)
                    .hasMessageContaining(lock + " exists");
            assertThat(lock).hasContent("of something else");
            assertThat(temporary).hasContent("notes");

            Files.writeString(lock, "keystore backup\n"); // what a killed backup leaves

            StoreBackup.of(source).to(file).run();
        }
        assertOnly(file);
    }

    @Test
    @DisplayName("R80 a file that gets the name of the backup while it is being written is left as it is")
    void run_fileCreatedMeanwhile_isLeft() throws Exception {
        Path file = folder.resolve("keys.backup");
        try (SignalKeyDatabase source =
                builder(newUrl("jdbc:sqlite"), Form.PLAIN).open()) {
            source.forContext("bob").put(KeyTypes.SESSION, "1", value("bob", 1));
            StoreBackup backup = StoreBackup.of(source).to(file).listener(progress -> {
                try {
                    Files.writeString(file, "notes");
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            assertThatThrownBy(backup::run)
                    .isInstanceOf(BackupFailedException.class)
                    .hasMessageContaining("the file exists");
        }
        assertThat(file).hasContent("notes");
    }

    @Test
    @DisplayName("R80 R27 an interrupt once the backup has its name does not make it fail, and is kept")
    void run_interruptedAfterTheRename_isComplete() throws Exception {
        Thread running = Thread.currentThread();
        try (SignalKeyDatabase source =
                builder(newUrl("jdbc:sqlite"), Form.PLAIN).open()) {
            source.forContext("bob").put(KeyTypes.SESSION, "1", value("bob", 1));
            for (int i = 0; i < 10; i++) { // the moment after the rename is short
                Path file = folder.resolve("keys.backup" + i);
                Thread interrupting = new Thread(() -> {
                    while (!Files.exists(file)) {
                        Thread.onSpinWait();
                    }
                    running.interrupt();
                });
                interrupting.setDaemon(true);
                interrupting.start();

                assertThat(StoreBackup.of(source).to(file).run().contexts()).isEqualTo(1);

                while (interrupting.isAlive()) {
                    Thread.onSpinWait();
                }
                assertThat(Thread.interrupted()).isTrue();
            }
        }
    }

    @Test
    @DisplayName("R80 a backup whose lock cannot be deleted is complete")
    void run_lockCannotBeDeleted_isComplete() throws Exception {
        Path file = folder.resolve("keys.backup");
        Path lock = Path.of(file + ".partial.lock");
        try (SignalKeyDatabase source =
                builder(newUrl("jdbc:sqlite"), Form.PLAIN).open()) {
            source.forContext("bob").put(KeyTypes.SESSION, "1", value("bob", 1));
            BackupReport report = StoreBackup.of(source)
                    .to(file)
                    .listener(progress -> replaceByFolder(lock))
                    .run();
            assertThat(report.contexts()).isEqualTo(1);
        }
        openBackup(file, Form.PLAIN).close();
    }

    private static void replaceByFolder(Path replaced) {
        try {
            Files.delete(replaced);
            Files.createFile(Files.createDirectory(replaced).resolve("file"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    @DisplayName("R80 if the name of a backup is a symbolic link, the file that it leads to is written and replaced")
    void run_symbolicLink_isFollowed() throws Exception {
        Path volume = Files.createDirectory(folder.resolve("volume"));
        Path file = volume.resolve("keys.backup");
        Path links = Files.createDirectory(folder.resolve("links"));
        Path link = Files.createSymbolicLink(links.resolve("a"), Path.of("../links/b"));
        Files.createSymbolicLink(links.resolve("b"), file);
        try (SignalKeyDatabase source =
                builder(newUrl("jdbc:sqlite"), Form.PLAIN).open()) {
            for (int i = 1; i <= 2; i++) {
                source.forContext("bob").put(KeyTypes.SESSION, "1", value("bob", i));
                StoreBackup backup = StoreBackup.of(source).to(link);
                (i == 1 ? backup : backup.since(link).replacing()).run();

                assertThat(link).isSymbolicLink();
                assertOnly(file);
                try (SignalKeyDatabase written = openBackup(file, Form.PLAIN)) {
                    assertThat(written.forContext("bob").find(KeyTypes.SESSION, "1"))
                            .contains(value("bob", i));
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("R84 R81 a store that was emptied gets a new id when it is the target of a restore")
    void restore_emptiedStore_isANewStore(Form form) throws Exception {
        Path file = folder.resolve("keys.backup");
        String url = newUrl("jdbc:sqlite");
        Optional<String> storeId;
        try (SignalKeyDatabase source = builder(url, form).open()) {
            fill(source);
            storeId = source.storeId();
            StoreBackup.of(source).to(file).run();
            CONTEXTS.forEach(context -> source.forContext(context).erase());
        }

        try (SignalKeyDatabase backup = openBackup(file, form)) {
            StoreRestore.from(backup).to(builder(url, form)).run();
        }

        try (SignalKeyDatabase restored = builder(url, form).open()) {
            assertThat(restored.storeId()).isPresent().isNotEqualTo(storeId);
            assertThat(restored.forExistingContext("bob").credentials()).contains(value("bob", -1));
            assertThatThrownBy(
                            StoreBackup.of(restored).to(folder.resolve("next")).since(file)::run)
                    .hasMessageContaining("not one of this store");
        }
    }

    @Test
    @DisplayName("R84 a restore that is continued names all contexts that it has restored before")
    void restore_continuedWithFewerContexts_isRefused() throws Exception {
        Path file = folder.resolve("keys.backup");
        String target = newUrl("jdbc:sqlite");
        try (SignalKeyDatabase source =
                builder(newUrl("jdbc:sqlite"), Form.PLAIN).open()) {
            source.forContext("alice").saveCredentials(value("alice", 1));
            source.forContext("bob").saveCredentials(value("bob", 1));
            StoreBackup.of(source).to(file).run();
        }
        try (SignalKeyDatabase backup = openBackup(file, Form.PLAIN)) {
            IllegalStateException stop = new IllegalStateException("stopped");
            assertThatThrownBy(StoreRestore.from(backup)
                            .to(builder(target, Form.PLAIN))
                            .contexts(Set.of("bob"))
                            .onContext(restored -> {
                                throw stop;
                            })::run)
                    .isSameAs(stop);
            StoreRestore fewer =
                    StoreRestore.from(backup).to(builder(target, Form.PLAIN)).contexts(Set.of("alice"));
            assertThatThrownBy(fewer::run)
                    .isInstanceOf(StoreOpenException.class)
                    .hasMessageContaining("holds context \"bob\" from an earlier run");
            assertThat(fewer.hasBegun()).isTrue();

            fewer.contexts(Set.of("alice", "bob")).run();
        }
        try (SignalKeyDatabase restored = builder(target, Form.PLAIN).open()) {
            assertThat(restored.contexts()).containsExactlyInAnyOrder("alice", "bob");
        }
    }

    @Test
    @DisplayName("R84 R82 a restored store is new to the freshness anchor; one that it has known is no new store")
    void restore_withAnchor_isNewToIt() throws Exception {
        Path file = folder.resolve("keys.backup");
        String emptied = newUrl("jdbc:sqlite");
        try (SignalKeyDatabase source = anchored(emptied).open()) {
            source.forContext("bob").saveCredentials(value("bob", 1));
            StoreBackup.of(source).to(file).run();
            source.forContext("bob").erase();
        }
        byte[] anchor = Files.readAllBytes(folder.resolve("anchor"));
        String target = newUrl("jdbc:sqlite");
        try (SignalKeyDatabase backup = openBackup(file, Form.PLAIN)) {
            assertThatThrownBy(StoreRestore.from(backup).to(anchored(emptied))::run)
                    .isInstanceOf(StoreOpenException.class)
                    .hasMessageContaining("has held context \"bob\"");
            StoreRestore.from(backup).to(anchored(target)).run();
        }
        assertThat(Files.readAllBytes(folder.resolve("anchor"))).isEqualTo(anchor);
        for (int i = 0; i < 2; i++) {
            try (SignalKeyDatabase restored = anchored(target).open()) {
                restored.forExistingContext("bob").saveCredentials(value("bob", 2 + i));
            }
        }
    }

    @Test
    @DisplayName("R80 a backup that does not hold what was written to it does not count")
    void run_rowLost_fails() throws Exception {
        Path file = folder.resolve("keys.backup");
        AtomicInteger deleted = new AtomicInteger();
        try (SignalKeyDatabase source = builder(newUrl("mapdb"), Form.PLAIN).open()) {
            for (String context : CONTEXTS) {
                source.forContext(context).put(OTHER, "large", new byte[4_500_000]); // written at once
            }
            StoreBackup backup = StoreBackup.of(source).to(file).listener(progress -> {
                if (progress.contexts() == 2) {
                    deleted.set(delete(folder.resolve("keys.backup.partial")));
                }
            });

            assertThatThrownBy(backup::run)
                    .isInstanceOf(BackupFailedException.class)
                    .hasMessageContaining("does not hold what was written");
        }
        assertThat(deleted).hasValue(1);
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.map(each -> each.getFileName().toString()))
                    .noneMatch(name -> name.startsWith("keys.backup"));
        }
    }

    private static int delete(Path file) {
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
                Statement statement = connection.createStatement()) {
            return statement.executeUpdate(
                    "DELETE FROM entry WHERE rowid = (SELECT min(rowid) FROM entry WHERE type = 'other')");
        } catch (SQLException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    @DisplayName("R80 a backup in a folder that does not exist fails, and so does one that is interrupted")
    void run_failures_leaveNothing() throws Exception {
        Path file = folder.resolve("keys.backup");
        try (SignalKeyDatabase source = builder(newUrl("mapdb"), Form.PLAIN).open()) {
            fill(source);
            Path blocked = Files.writeString(folder.resolve("blocked"), "").resolve("keys.backup");
            assertThatThrownBy(StoreBackup.of(source).to(blocked)::run).isInstanceOf(BackupFailedException.class);
            IllegalStateException failure = new IllegalStateException("of the listener");
            assertThatThrownBy(StoreBackup.of(source).to(file).listener(progress -> {
                        throw failure;
                    })::run)
                    .isSameAs(failure);
        }
        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files.map(each -> each.getFileName().toString()))
                    .noneMatch(name -> name.startsWith("keys.backup"));
        }
    }
}
