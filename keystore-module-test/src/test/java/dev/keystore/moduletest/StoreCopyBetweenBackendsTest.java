package dev.keystore.moduletest;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.OwnershipLostException;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.CopyIncompleteException;
import dev.keystore.core.CopyReport;
import dev.keystore.core.CopyReport.Outcome;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreCopy;
import dev.keystore.encryption.KeyFile;
import dev.keystore.moduletest.NewStores.Form;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Copies between databases of all backends, with and without encryption and hidden names. */
@Timeout(120)
class StoreCopyBetweenBackendsTest {

    private static final KeyType<byte[]> OTHER = KeyType.ofBytes("other");
    private static final List<String> CONTEXTS = List.of("default", "bob", "a/:%_.* \ud83d\ude00");
    private static final int ENTRIES = 70;

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

    /** Returns all pairs of backends, and each of them once as the source and the target of the other forms. */
    static Stream<Arguments> pairs() {
        List<String> schemes = List.copyOf(ModulePathTest.SCHEMES);
        Stream<Arguments> plain = schemes.stream()
                .flatMap(from -> schemes.stream().map(to -> Arguments.of(from, Form.PLAIN, to, Form.PLAIN)));
        Stream<Arguments> others = IntStream.range(0, schemes.size()).boxed().flatMap(i -> {
            String from = schemes.get(i);
            String to = schemes.get((i + 1) % schemes.size());
            return Stream.of(
                    Arguments.of(from, Form.PLAIN, to, Form.HIDING_NAMES),
                    Arguments.of(from, Form.HIDING_NAMES, to, Form.ENCRYPTED),
                    Arguments.of(from, Form.ENCRYPTED, to, Form.PLAIN));
        });
        return Stream.concat(plain, others);
    }

    private String newUrl(String scheme) throws SQLException {
        return stores.url(scheme, folder);
    }

    private SignalKeyDatabase open(String url, Form form) {
        return NewStores.builder(url, form, key).open();
    }

    private void fill(String url, Form form) {
        try (SignalKeyDatabase database = open(url, form)) {
            for (String context : CONTEXTS) {
                database.forContext(context).useTransaction("k", tx -> {
                    for (int i = 0; i < ENTRIES; i++) {
                        tx.put(KeyTypes.SESSION, "bob." + i, value(context, i));
                    }
                    tx.put(OTHER, "/:%_.* \ud83d\ude00", new byte[0]);
                    tx.put(OTHER, "large", new byte[100_000]);
                    tx.saveCredentials(value(context, -1));
                });
            }
        }
    }

    private static byte[] value(String context, int number) {
        return (context + number).getBytes(UTF_8);
    }

    private static void assertFilled(SignalKeyDatabase database) {
        for (String context : CONTEXTS) {
            SignalKeyStore store = database.forExistingContext(context);
            for (int i = 0; i < ENTRIES; i++) {
                assertThat(store.find(KeyTypes.SESSION, "bob." + i)).contains(value(context, i));
            }
            assertThat(store.find(OTHER, "/:%_.* \ud83d\ude00")).contains(new byte[0]);
            assertThat(store.find(OTHER, "large")).contains(new byte[100_000]);
            assertThat(store.credentials()).contains(value(context, -1));
            try (Stream<String> ids = store.ids(KeyTypes.SESSION, "")) {
                assertThat(ids).hasSize(ENTRIES);
            }
            assertThat(store.verify()).isEmpty();
        }
    }

    @ParameterizedTest
    @MethodSource("pairs")
    @DisplayName("R90 R91 R75 databases of all backends, encrypted or not, are copied into each other")
    void run_anyBackends_copies(String fromScheme, Form fromForm, String toScheme, Form toForm) throws SQLException {
        String from = newUrl(fromScheme);
        String to = newUrl(toScheme);
        fill(from, fromForm);
        try (SignalKeyDatabase source = open(from, fromForm);
                SignalKeyDatabase target = open(to, toForm)) {
            StoreCopy copy = StoreCopy.from(source).to(target).contexts(Set.copyOf(CONTEXTS));

            CopyReport report = copy.run();

            assertThat(report.contexts()).isEqualTo(Map.of(Outcome.COPIED, 3L));
            assertThat(report.entries()).isEqualTo(3 * (ENTRIES + 3));
            assertThat(copy.run().contexts()).isEqualTo(Map.of(Outcome.ALREADY_THERE, 3L));
        }
        try (SignalKeyDatabase target = open(to, toForm)) {
            assertFilled(target);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"jdbc:sqlite", "jdbc:postgresql"})
    @DisplayName("R90 R53 a writer of another process on the source is fenced; one on an owned target is refused")
    void run_otherOwners_areFenced(String scheme) throws SQLException {
        String from = newUrl(scheme);
        String to = newUrl(scheme);
        fill(from, Form.PLAIN);
        try (SignalKeyDatabase writer = open(from, Form.PLAIN);
                SignalKeyDatabase source = open(from, Form.PLAIN);
                SignalKeyDatabase target = open(to, Form.PLAIN)) {
            SignalKeyStore bob = writer.forContext("bob");
            bob.put(KeyTypes.SESSION, "bob.0", value("bob", 0));

            StoreCopy.from(source).to(target).run();

            assertThatThrownBy(() -> bob.put(KeyTypes.SESSION, "late", value("bob", 0)))
                    .isInstanceOf(OwnershipLostException.class);
            assertFilled(target);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"jdbc:sqlite", "jdbc:postgresql"})
    @DisplayName(
            "R94 R90 a dry run changes no row of entries or owners; nor does the refusal of a context in the target")
    void dryRun_changesNoRow(String scheme) throws SQLException {
        String from = newUrl(scheme);
        String to = newUrl(scheme);
        fill(from, Form.PLAIN);
        fill(to, Form.PLAIN);
        try (SignalKeyDatabase source = open(from, Form.PLAIN);
                SignalKeyDatabase target = open(to, Form.PLAIN)) {
            target.forContext("bob").put(KeyTypes.SESSION, "bob.0", value("other", 0));
            target.forContext("default").erase();
            List<String> sourceBefore = rows(from);
            List<String> targetBefore = rows(to);

            CopyReport report = StoreCopy.from(source).to(target).dryRun();

            assertThat(report.contexts())
                    .isEqualTo(Map.of(Outcome.COPIED, 1L, Outcome.REFUSED, 1L, Outcome.ALREADY_THERE, 1L));
            assertThat(rows(from)).isEqualTo(sourceBefore).hasSizeGreaterThan(3 * ENTRIES);
            assertThat(rows(to)).isEqualTo(targetBefore);

            assertThatThrownBy(StoreCopy.from(source).to(target).contexts(Set.of("bob"))::run)
                    .isInstanceOf(CopyIncompleteException.class)
                    .hasMessageContaining("session/bob.0 differs");
            assertThat(rows(to)).isEqualTo(targetBefore);
        }
    }

    static Stream<Arguments> largePairs() {
        return Stream.of(
                Arguments.of("jdbc:sqlite", "jdbc:postgresql"),
                Arguments.of("jdbc:postgresql", "mapdb"),
                Arguments.of("mapdb", "jdbc:sqlite"));
    }

    @ParameterizedTest
    @MethodSource("largePairs")
    @Tag("long")
    @Timeout(600)
    @DisplayName("R90 a context with 200,000 entries and 40 MB is copied, in one commit, and replaced")
    void run_largeContext_copies(String fromScheme, String toScheme) throws SQLException {
        String from = newUrl(fromScheme);
        try (SignalKeyDatabase source = open(from, Form.PLAIN);
                SignalKeyDatabase target = open(newUrl(toScheme), Form.ENCRYPTED)) {
            SignalKeyStore large = source.forContext("default");
            for (int page = 0; page < 200; page++) {
                int first = 1_000 * page;
                large.useTransaction("k", tx -> {
                    for (int i = first; i < first + 1_000; i++) {
                        tx.put(KeyTypes.SESSION, "bob." + i, Arrays.copyOf(value("default", i), 200));
                    }
                });
            }
            StoreCopy copy = StoreCopy.from(source).to(target).replacing();
            long begin = System.nanoTime();
            assertThat(copy.run().contexts()).isEqualTo(Map.of(Outcome.COPIED, 1L));
            System.out.println(fromScheme + " to " + toScheme + ": 200,000 entries in "
                    + (System.nanoTime() - begin) / 1_000_000 + " ms");
            target.forContext("default").delete(KeyTypes.SESSION, "bob.5");
            assertThat(copy.run().contexts()).isEqualTo(Map.of(Outcome.REPLACED, 1L));
            assertThat(target.forContext("default").find(KeyTypes.SESSION, "bob.5"))
                    .isPresent();
        }
    }

    /** Returns the rows of all tables of a database. */
    private static List<String> rows(String url) throws SQLException {
        List<String> rows = new ArrayList<>();
        try (Connection connection = DriverManager.getConnection(url);
                Statement statement = connection.createStatement()) {
            for (String table : List.of("entry", "owner")) {
                try (ResultSet found = statement.executeQuery("SELECT * FROM " + table + " ORDER BY 1, 2, 3")) {
                    while (found.next()) {
                        rows.add(table + row(found));
                    }
                }
            }
        }
        return rows;
    }

    private static String row(ResultSet row) throws SQLException {
        StringBuilder columns = new StringBuilder();
        for (int i = 1; i <= row.getMetaData().getColumnCount(); i++) {
            Object column = row.getObject(i);
            columns.append(' ').append(column instanceof byte[] bytes ? Arrays.hashCode(bytes) : column);
        }
        return columns.toString();
    }
}
