package dev.keystore.moduletest;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.EntryKeyMissingException;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.KeyUnavailableException;
import dev.keystore.SignalKeyStore;
import dev.keystore.StoreOpenException;
import dev.keystore.TamperedEntryException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.encryption.KeyFile;
import dev.keystore.moduletest.NewStores.Form;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.BackendProvider;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.ContextListing;
import dev.keystore.spi.PersistenceBackend;
import dev.keystore.spi.StoreSealing;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.ServiceLoader;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Databases of each backend with encryption on: what their files show, and what attacks on their records achieve. */
@Timeout(120)
class EncryptedDatabaseTest {

    static final List<String> SCHEMES = ModulePathTest.SCHEMES;

    private static final String ALICE = PersistenceBackend.DEFAULT_CONTEXT;
    private static final String SECRET = "a secret";

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
        key = Files.createTempDirectory("root-key").resolve("root.key");
        KeyFile.create(key);
    }

    private String newUrl(String scheme) throws SQLException {
        return stores.url(scheme, folder);
    }

    private SignalKeyDatabase open(String url) {
        return open(url, key);
    }

    private SignalKeyDatabase openHidingNames(String url) {
        return NewStores.builder(url, Form.HIDING_NAMES, key).open();
    }

    private static SignalKeyDatabase open(String url, Path key) {
        return NewStores.builder(url, Form.ENCRYPTED, key).open();
    }

    /** Opens the backend of a URL without the engine, as an attacker with access to the records does. */
    private static void attack(String url, Consumer<ContextAwareBackend> change) {
        BackendProvider provider = ServiceLoader.load(BackendProvider.class).stream()
                .map(ServiceLoader.Provider::get)
                .filter(each -> url.startsWith(each.scheme() + ":"))
                .findFirst()
                .orElseThrow();
        ContextAwareBackend backend = (ContextAwareBackend) provider.open(new BackendConfig(url, Map.of()));
        try {
            change.accept(backend);
        } finally {
            backend.close();
        }
    }

    private void fill(String url) {
        try (SignalKeyDatabase database = open(url)) {
            for (String context : List.of(ALICE, "bob")) {
                SignalKeyStore store = database.forContext(context);
                store.put(KeyTypes.SESSION, "x", SECRET.getBytes(UTF_8));
                store.put(KeyTypes.SESSION, "y", SECRET.getBytes(UTF_8));
            }
        }
    }

    @ParameterizedTest
    @FieldSource("SCHEMES")
    @DisplayName("R70 no file of a backend, its logs, journals and temporary files included, holds a byte of a value")
    void files_holdNoValue(String scheme) throws Exception {
        String url = newUrl(scheme);
        String searched = "searched in all files " + stores.count();
        Path files = scheme.equals("jdbc:postgresql") ? stores.dataFolder() : folder;
        try (SignalKeyDatabase database = open(url)) {
            SignalKeyStore alice = database.forContext(ALICE);
            Random random = new Random(70);
            for (int i = 0; i < 300; i++) {
                String id = "id" + i % 50;
                int length = random.nextInt(5_000);
                byte[] value = searched.repeat(length / searched.length() + 1).getBytes(UTF_8);
                switch (i % 7) {
                    case 0 -> alice.delete(KeyTypes.SESSION, id);
                    case 1 -> alice.saveCredentials(value);
                    case 2 -> alice.put(KeyTypes.LID_MAPPING, id, searched);
                    case 3 -> {
                        if (i % 100 == 3) {
                            alice.erase();
                        }
                    }
                    default -> alice.put(KeyTypes.SESSION, id, value);
                }
            }
            assertThat(filesWith(files, searched)).isEmpty();
        }
        if (scheme.equals("jdbc:postgresql")) {
            stores.execute("CHECKPOINT");
        }
        assertThat(filesWith(files, searched)).isEmpty();

        String plain = newUrl(scheme);
        try (SignalKeyDatabase database = SignalKeyDatabase.open(plain)) {
            database.forContext(ALICE).put(KeyTypes.SESSION, "x", searched.getBytes(UTF_8));
        }
        assertThat(filesWith(files, searched))
                .as("the search finds a plain value")
                .isNotEmpty();
    }

    @ParameterizedTest
    @FieldSource("SCHEMES")
    @DisplayName("R70 with names hidden, no file of a backend holds a part of a context's name, a type or an id either")
    void files_holdNoName(String scheme) throws Exception {
        String url = newUrl(scheme);
        String context = "searched-context" + stores.count();
        String id = "searched-id" + stores.count();
        KeyType<byte[]> type = KeyType.ofBytes("searched-type" + stores.count());
        Path files = scheme.equals("jdbc:postgresql") ? stores.dataFolder() : folder;
        try (SignalKeyDatabase database = openHidingNames(url)) {
            SignalKeyStore store = database.forContext(context);
            for (int i = 0; i < 200; i++) {
                store.put(type, id + i % 20 + "." + i % 3, new byte[i]);
                if (i % 7 == 0) {
                    store.delete(type, id + i % 20 + ".1");
                }
                if (i == 50) {
                    store.clear();
                }
                if (i == 100) {
                    store.erase();
                }
            }
            assertThat(ids(store, type, id + "7.")).isNotEmpty().allMatch(found -> found.startsWith(id + "7."));
            assertThat(contexts(database)).containsExactly(context);
            assertNoFileHolds(files, context, id, type.name(), "searched-");
        }
        if (scheme.equals("jdbc:postgresql")) {
            stores.execute("CHECKPOINT");
        }
        assertNoFileHolds(files, context, id, type.name(), "searched-");
        try (SignalKeyDatabase database = openHidingNames(url)) {
            SignalKeyStore store = database.forExistingContext(context);
            assertThat(ids(store, type, "")).isNotEmpty();
            assertThat(store.verify()).isEmpty();
        }

        String named = newUrl(scheme);
        try (SignalKeyDatabase database = open(named)) {
            database.forContext(context).put(type, id, new byte[1]);
            for (String searched : List.of(context, id, type.name())) {
                assertThat(filesWith(files, searched))
                        .as("the search finds a name that is not hidden")
                        .isNotEmpty();
            }
        }
    }

    private static void assertNoFileHolds(Path files, String... names) throws IOException {
        for (String name : names) {
            assertThat(filesWith(files, name)).as(name).isEmpty();
        }
    }

    private static List<String> ids(SignalKeyStore store, KeyType<?> type, String prefix) {
        try (Stream<String> ids = store.ids(type, prefix)) {
            return ids.toList();
        }
    }

    private static List<String> contexts(SignalKeyDatabase database) {
        try (Stream<String> contexts = database.contexts()) {
            return contexts.toList();
        }
    }

    @ParameterizedTest
    @FieldSource("SCHEMES")
    @DisplayName("R71 records that were swapped under hidden names are refused, and each is reported")
    void read_swappedUnderHiddenNames_isRefused(String scheme) throws Exception {
        String url = newUrl(scheme);
        try (SignalKeyDatabase database = openHidingNames(url)) {
            SignalKeyStore alice = database.forContext(ALICE);
            alice.put(KeyTypes.SESSION, "x.1", SECRET.getBytes(UTF_8));
            alice.put(KeyTypes.SESSION, "y.1", SECRET.getBytes(UTF_8));
        }
        attack(url, EncryptedDatabaseTest::swapAll);
        try (SignalKeyDatabase database = openHidingNames(url)) {
            SignalKeyStore alice = database.forContext(ALICE);
            for (String id : List.of("x.1", "y.1")) {
                assertThatThrownBy(() -> alice.find(KeyTypes.SESSION, id)).isInstanceOf(TamperedEntryException.class);
            }
            assertThatThrownBy(() -> ids(alice, KeyTypes.SESSION, "")).isInstanceOf(TamperedEntryException.class);
            assertThat(alice.verify()).hasSize(2);
            alice.put(KeyTypes.SESSION, "x.1", SECRET.getBytes(UTF_8));
            assertThat(ids(alice, KeyTypes.SESSION, "x.")).containsExactly("x.1");
        }
    }

    /** Swaps the only two entries of the only context of a store that hides names. */
    private static void swapAll(ContextAwareBackend backend) {
        try (Stream<String> contexts = ((ContextListing) backend).contexts()) {
            contexts.filter(context -> !context.equals(StoreSealing.MARK.type()))
                    .toList()
                    .forEach(context -> {
                        List<EntryId> found;
                        try (Stream<EntryId> entries = backend.list(context)) {
                            found = entries.filter(entry -> !entry.equals(StoreSealing.KEYS))
                                    .toList();
                        }
                        EntryId first = found.get(0);
                        EntryId second = found.get(1);
                        byte[] record =
                                backend.load(context, first.type(), first.id()).orElseThrow();
                        backend.save(
                                context,
                                first.type(),
                                first.id(),
                                backend.load(context, second.type(), second.id())
                                        .orElseThrow());
                        backend.save(context, second.type(), second.id(), record);
                    });
        }
    }

    private static List<Path> filesWith(Path folder, String searched) throws IOException {
        List<Path> found = new ArrayList<>();
        Files.walkFileTree(folder, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                try {
                    if (attributes.isRegularFile()
                            && Files.readString(file, StandardCharsets.ISO_8859_1)
                                    .contains(searched)) {
                        found.add(file);
                    }
                    return FileVisitResult.CONTINUE;
                } catch (NoSuchFileException e) {
                    return visitFileFailed(file, e);
                }
            }

            @Override
            public FileVisitResult visitFileFailed(Path file, IOException failure) throws IOException {
                if (failure instanceof NoSuchFileException && !file.equals(folder)) {
                    return FileVisitResult.CONTINUE; // a journal that was merged, or a temporary file
                }
                throw failure;
            }
        });
        return found;
    }

    @ParameterizedTest
    @FieldSource("SCHEMES")
    @DisplayName("R72 without the root key, a new store is not created, and an existing one is not opened or changed")
    void open_keyMissing_changesNothing(String scheme) throws Exception {
        Path missing = folder.resolve("missing.key");
        String url = newUrl(scheme);
        assertThatThrownBy(() -> open(url, missing)).isInstanceOf(KeyUnavailableException.class);
        assertThatThrownBy(
                        () -> SignalKeyDatabase.builder().url(url).mustExist().open())
                .as("the store is not there")
                .isInstanceOf(StoreOpenException.class);

        fill(url);
        Path other = folder.resolve("other.key");
        KeyFile.create(other);
        for (Path wrong : List.of(missing, other)) {
            assertThatThrownBy(() -> open(url, wrong)).isInstanceOf(KeyUnavailableException.class);
        }
        assertThatThrownBy(() -> SignalKeyDatabase.open(url)).isInstanceOf(KeyUnavailableException.class);
        try (SignalKeyDatabase database = open(url)) {
            assertThat(database.forContext(ALICE).find(KeyTypes.SESSION, "x")).isPresent();
        }
    }

    @ParameterizedTest
    @FieldSource("SCHEMES")
    @DisplayName("R72 a store is not opened with a key file that others can read, and stays as it is")
    void open_keyFileExposed_changesNothing(String scheme) throws Exception {
        String url = newUrl(scheme);
        fill(url);
        Map<List<String>, String> before = contents(url);
        Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("rw-r-----"));

        assertThatThrownBy(() -> open(url))
                .isInstanceOf(KeyUnavailableException.class)
                .hasMessageContaining("accessible to others than its owner (rw-r-----)");

        assertThat(contents(url)).isEqualTo(before).isNotEmpty();
        Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("rw-------"));
        try (SignalKeyDatabase database = open(url)) {
            assertThat(database.forContext(ALICE).find(KeyTypes.SESSION, "x")).isPresent();
        }
    }

    @ParameterizedTest
    @FieldSource("SCHEMES")
    @DisplayName("R71 another whole store under the same root key is not detected, but has another id")
    void open_storeExchanged_isNotDetected(String scheme) throws Exception {
        String url = newUrl(scheme);
        fill(url);
        String otherUrl = newUrl(scheme);
        try (SignalKeyDatabase database = open(otherUrl)) {
            database.forContext(ALICE).put(KeyTypes.SESSION, "x", "of another store".getBytes(UTF_8));
        }
        String id = storeId(url);
        String otherId = storeId(otherUrl);
        assertThat(otherId).isNotEqualTo(id);

        attack(otherUrl, other -> attack(url, backend -> exchange(backend, other)));

        assertThat(storeId(url)).isEqualTo(otherId);
        try (SignalKeyDatabase database = open(url)) {
            assertThat(database.forContext(ALICE).find(KeyTypes.SESSION, "x"))
                    .hasValue("of another store".getBytes(UTF_8));
            assertThat(database.forContext(ALICE).verify()).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    @DisplayName("R82 a freshness anchor detects another whole store only if that store has had an anchor, too")
    void open_storeExchanged_withAnchor(boolean hadAnchor) throws Exception {
        String url = newUrl("jdbc:sqlite");
        String otherUrl = newUrl("jdbc:sqlite");
        for (String each : List.of(url, otherUrl)) {
            Path anchor = folder.resolve(each.equals(url) ? "anchor" : "other-anchor");
            SignalKeyDatabase.Builder builder = NewStores.builder(each, Form.ENCRYPTED, key);
            if (hadAnchor || each.equals(url)) {
                builder.property("freshness.anchor", "file:" + anchor);
            }
            try (SignalKeyDatabase database = builder.open()) {
                database.forContext(ALICE).put(KeyTypes.SESSION, "x", SECRET.getBytes(UTF_8));
            }
        }

        attack(otherUrl, other -> attack(url, backend -> exchange(backend, other)));

        SignalKeyDatabase.Builder exchanged = NewStores.builder(url, Form.ENCRYPTED, key)
                .property("freshness.anchor", "file:" + folder.resolve("anchor"));
        if (hadAnchor) {
            assertThatThrownBy(exchanged::open)
                    .isInstanceOf(StoreOpenException.class)
                    .hasMessageContaining("freshness.anchorLost");
            return;
        }
        try (SignalKeyDatabase database = exchanged.open()) {
            assertThat(database.forContext(ALICE).find(KeyTypes.SESSION, "x")).isPresent();
        }
    }

    private String storeId(String url) {
        try (SignalKeyDatabase database = open(url)) {
            return database.storeId().orElseThrow();
        }
    }

    /** Returns all entries of a store, as its backend holds them. */
    private static Map<List<String>, String> contents(String url) {
        Map<List<String>, String> found = new LinkedHashMap<>();
        attack(
                url,
                backend -> forEachEntry(
                        backend,
                        (context, entry) -> found.put(
                                List.of(context, entry.type(), entry.id()),
                                HexFormat.of().formatHex(load(backend, context, entry)))));
        return found;
    }

    /** Replaces all entries of a store by those of another one. */
    private static void exchange(ContextAwareBackend backend, ContextAwareBackend other) {
        forEachEntry(backend, (context, entry) -> backend.delete(context, entry.type(), entry.id()));
        forEachEntry(
                other,
                (context, entry) -> backend.save(context, entry.type(), entry.id(), load(other, context, entry)));
    }

    private static byte[] load(ContextAwareBackend backend, String context, EntryId entry) {
        return backend.load(context, entry.type(), entry.id()).orElseThrow();
    }

    private static void forEachEntry(ContextAwareBackend backend, BiConsumer<String, EntryId> action) {
        List<String> names;
        try (Stream<String> contexts = ((ContextListing) backend).contexts()) {
            names = contexts.toList();
        }
        for (String context : names) {
            List<EntryId> found;
            try (Stream<EntryId> entries = backend.list(context)) {
                found = entries.toList();
            }
            found.forEach(entry -> action.accept(context, entry));
        }
    }

    @ParameterizedTest
    @FieldSource("SCHEMES")
    @DisplayName("R72 a plain store is not opened with a root key, and one whose mark was removed is not opened at all")
    void open_plainStore_isRefused(String scheme) throws Exception {
        String plain = newUrl(scheme);
        try (SignalKeyDatabase database = SignalKeyDatabase.open(plain)) {
            database.forContext(ALICE).put(KeyTypes.SESSION, "x", SECRET.getBytes(UTF_8));
        }
        assertThatThrownBy(() -> open(plain))
                .isInstanceOf(StoreOpenException.class)
                .hasMessageContaining("encrypt");
        try (SignalKeyDatabase database = SignalKeyDatabase.open(plain)) {
            assertThat(database.forContext(ALICE).find(KeyTypes.SESSION, "x")).isPresent();
        }

        String url = newUrl(scheme);
        fill(url);
        attack(
                url,
                backend -> backend.delete(StoreSealing.MARK.type(), StoreSealing.MARK.type(), StoreSealing.MARK.id()));
        assertThatThrownBy(() -> open(url))
                .isInstanceOf(StoreOpenException.class)
                .hasMessageContaining("mark");
        assertThatThrownBy(() -> SignalKeyDatabase.open(url))
                .isInstanceOf(StoreOpenException.class)
                .hasMessageContaining("its mark is lost");
    }

    @ParameterizedTest
    @FieldSource("SCHEMES")
    @DisplayName("R71 a record that was moved, taken from another context or store, changed or decrypted is refused")
    void read_attacked_isRefused(String scheme) throws Exception {
        String url = newUrl(scheme);
        fill(url);
        String otherUrl = newUrl(scheme);
        fill(otherUrl);
        byte[] ofOtherStore = record(otherUrl, ALICE, "x");
        byte[] ofBob = record(url, "bob", "x");
        byte[] y = record(url, ALICE, "y");
        byte[] x = record(url, ALICE, "x");
        Map<String, byte[]> attacks = new LinkedHashMap<>();
        attacks.put("another entry", y);
        attacks.put("another context", ofBob);
        attacks.put("another store", ofOtherStore);
        attacks.put("plaintext", new byte[] {1, 0, 0, 0, 0});
        attacks.put("empty", new byte[0]);
        attacks.put("flipped", with(x, bytes -> bytes[bytes.length / 2] ^= 1));
        for (Map.Entry<String, byte[]> each : attacks.entrySet()) {
            attack(url, backend -> backend.save(ALICE, "session", "x", each.getValue()));
            Class<? extends UnreadableEntryException> expected = switch (each.getKey()) {
                case "another entry", "plaintext" -> TamperedEntryException.class;
                case "empty", "flipped" -> CorruptEntryException.class;
                default -> EntryKeyMissingException.class;
            };
            try (SignalKeyDatabase database = open(url)) {
                SignalKeyStore alice = database.forContext(ALICE);
                assertThatThrownBy(() -> alice.find(KeyTypes.SESSION, "x"))
                        .as(each.getKey())
                        .isInstanceOf(expected);
                assertThat(alice.find(KeyTypes.SESSION, "y")).isPresent();
            }
        }
    }

    @ParameterizedTest
    @FieldSource("SCHEMES")
    @DisplayName("R71 the keys of another context or store are refused; an old record in its own place is not detected")
    void read_keysAttacked_isRefused(String scheme) throws Exception {
        String url = newUrl(scheme);
        fill(url);
        String otherUrl = newUrl(scheme);
        fill(otherUrl);
        byte[] old = record(url, ALICE, "x");
        byte[] keys = read(url, backend -> keysOf(backend, ALICE));
        for (byte[] planted : List.of(
                read(url, backend -> keysOf(backend, "bob")), read(otherUrl, backend -> keysOf(backend, ALICE)))) {
            plantKeys(url, planted);
            try (SignalKeyDatabase database = open(url)) {
                SignalKeyStore alice = database.forContext(ALICE);
                assertThatThrownBy(() -> alice.find(KeyTypes.SESSION, "x"))
                        .isInstanceOf(UnreadableEntryException.class);
                assertThat(database.forContext("bob").find(KeyTypes.SESSION, "x"))
                        .isPresent();
            }
        }
        plantKeys(url, keys);
        try (SignalKeyDatabase database = open(url)) {
            database.forContext(ALICE).put(KeyTypes.SESSION, "x", new byte[] {1});
        }
        attack(url, backend -> backend.save(ALICE, "session", "x", old));
        try (SignalKeyDatabase database = open(url)) {
            assertThat(database.forContext(ALICE).find(KeyTypes.SESSION, "x")).hasValue(SECRET.getBytes(UTF_8));
        }
    }

    private static byte[] keysOf(ContextAwareBackend backend, String context) {
        return backend.load(context, StoreSealing.KEYS.type(), StoreSealing.KEYS.id())
                .orElseThrow();
    }

    private static void plantKeys(String url, byte[] keys) {
        attack(url, backend -> backend.save(ALICE, StoreSealing.KEYS.type(), StoreSealing.KEYS.id(), keys));
    }

    private static byte[] record(String url, String context, String id) {
        return read(url, backend -> backend.load(context, "session", id).orElseThrow());
    }

    private static byte[] read(String url, Function<ContextAwareBackend, byte[]> reading) {
        List<byte[]> found = new ArrayList<>();
        attack(url, backend -> found.add(reading.apply(backend)));
        return found.get(0);
    }

    private static byte[] with(byte[] bytes, Consumer<byte[]> change) {
        byte[] changed = bytes.clone();
        change.accept(changed);
        return changed;
    }

    @ParameterizedTest
    @FieldSource("SCHEMES")
    @DisplayName("R73 after an erase, records from before cannot be opened, although the store is the same")
    void erase_recordsOfBefore_areUnreadable(String scheme) throws Exception {
        String url = newUrl(scheme);
        fill(url);
        byte[] before = record(url, ALICE, "x");
        try (SignalKeyDatabase database = open(url)) {
            database.forContext(ALICE).erase();
            database.forContext(ALICE).put(KeyTypes.SESSION, "y", new byte[] {1});
        }
        attack(url, backend -> backend.save(ALICE, "session", "x", before));
        try (SignalKeyDatabase database = open(url)) {
            SignalKeyStore alice = database.forContext(ALICE);
            assertThatThrownBy(() -> alice.find(KeyTypes.SESSION, "x")).isInstanceOf(EntryKeyMissingException.class);
            assertThat(alice.find(KeyTypes.SESSION, "y")).isPresent();
            assertThat(database.forContext("bob").find(KeyTypes.SESSION, "x")).isPresent();
        }
    }
}
