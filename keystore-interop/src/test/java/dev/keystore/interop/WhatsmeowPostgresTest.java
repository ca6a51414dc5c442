package dev.keystore.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.interop.TransferItem.Fate;
import dev.keystore.interop.TransferReport.Outcome;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Imports a device of whatsmeow from a real PostgreSQL, with the tables of the test on SQLite. */
@Timeout(600)
class WhatsmeowPostgresTest {

    private static EmbeddedPostgres server;
    private static int schemas;

    @TempDir
    Path temporary;

    private String url;
    private WhatsmeowFixture source;

    @BeforeAll
    static void start() throws IOException {
        // A scan of a table larger than a quarter of that begins where another one is.
        server = EmbeddedPostgres.builder()
                .setServerConfig("shared_buffers", "1MB")
                .start();
    }

    @AfterAll
    static void stop() throws IOException {
        server.close();
    }

    @BeforeEach
    void create() throws Exception {
        String schema = "whatsmeow_" + ++schemas;
        try (var connection = server.getPostgresDatabase().getConnection();
                var statement = connection.createStatement()) {
            statement.execute("CREATE SCHEMA " + schema);
        }
        url = server.getJdbcUrl("postgres", "postgres") + "&currentSchema=" + schema;
        source = new WhatsmeowFixture(url);
    }

    private WhatsmeowDatabase device() {
        return WhatsmeowDatabase.postgres(url, new Properties(), WhatsmeowFixture.JID);
    }

    @Test
    @DisplayName("R91 R92 a device on PostgreSQL is imported with the same entries as one on SQLite")
    void device_isImported() throws Exception {
        source.execute("CREATE TABLE other_application (a TEXT)");
        source.execute("UPDATE whatsmeow_device SET facebook_uuid = gen_random_uuid()");
        assertThat(WhatsmeowDatabase.devices(url, new Properties()))
                .containsExactly(WhatsmeowFixture.JID, WhatsmeowFixture.OTHER);
        WhatsmeowFixture onSqlite = new WhatsmeowFixture("jdbc:sqlite:" + temporary.resolve("whatsmeow.db"));
        assertThat(onSqlite).isNotNull();
        Contents expected = Samples.read(WhatsmeowDatabase.at(temporary.resolve("whatsmeow.db"), WhatsmeowFixture.JID));
        try (SignalKeyDatabase database = Samples.database(temporary)) {
            SignalKeyStore alice = database.forContext("alice");
            TransferReport dry = AccountImport.from(device()).dryRun(alice);
            assertThat(Samples.isEmpty(alice)).isTrue();
            TransferReport report = AccountImport.from(device()).to(alice);
            WhatsmeowFixture.check(report, alice);
            assertThat(report.items()).isEqualTo(dry.items());
            assertThat(report.from()).doesNotContain("user=").endsWith("postgres of " + WhatsmeowFixture.JID);
            Map<String, EntryDigest> digests = new HashMap<>(report.types());
            Map<String, EntryDigest> digestsOnSqlite = new HashMap<>(expected.digests());
            digests.remove("credentials");
            digestsOnSqlite.remove("credentials");
            assertThat(digests).isEqualTo(digestsOnSqlite);
        }
    }

    @Test
    @DisplayName("R92 everything is read as of one point in time, and a change meanwhile is refused")
    void changingDatabase_isRefused() throws Exception {
        try (SignalKeyDatabase database = Samples.database(temporary)) {
            SignalKeyStore alice = database.forContext("alice");
            AccountImport changing = AccountImport.from(device()).listener(progress -> {
                if (progress.items() == 1) {
                    addPreKey();
                }
            });
            assertThatExceptionOfType(ForeignStoreException.class)
                    .isThrownBy(() -> changing.to(alice))
                    .withMessageContaining("it was changed while it was read");
            assertThat(Samples.isEmpty(alice)).isTrue();
        }
        Contents snapshot = device().read(new ForeignStore.Reading(false, List.of(), progress -> {
                    if (progress.items() == 1) {
                        deletePreKeys();
                    }
                }))
                .contents();
        assertThat(snapshot.ids(KeyTypes.PRE_KEY)).containsExactly("17", "18", "99");
    }

    @Test
    @DisplayName("R92 a large table that another client is reading in part is not taken for a changed one")
    void tableBeingRead_isImported() throws Exception {
        source.execute(
                "INSERT INTO whatsmeow_pre_keys SELECT ?, i, decode(repeat('07', 32), 'hex'), true"
                        + " FROM generate_series(1000, 5999) i",
                WhatsmeowFixture.JID);
        AccountImport whileRead = AccountImport.from(device()).listener(progress -> {
            if (progress.items() == 5_010) {
                run("SELECT count(*) FROM (SELECT * FROM whatsmeow_pre_keys LIMIT 2500) part");
            }
        });
        try (SignalKeyDatabase database = Samples.database(temporary)) {
            SignalKeyStore alice = database.forContext("alice");
            assertThat(whileRead.to(alice).outcome()).isEqualTo(Outcome.WRITTEN);
            assertThat(alice.find(KeyTypes.PRE_KEY, "5999")).isPresent();
        }
    }

    private void addPreKey() {
        run("INSERT INTO whatsmeow_pre_keys VALUES (?, ?, ?, ?)", WhatsmeowFixture.JID, 99, WhatsmeowFixture.KEY, true);
    }

    private void deletePreKeys() {
        run("DELETE FROM whatsmeow_pre_keys");
    }

    private void run(String sql, Object... values) {
        try {
            source.execute(sql, values);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    @DisplayName("R92 a user that may only read is enough; what it may not read, other URLs and servers are refused")
    void readingUser_isEnough() throws Exception {
        String schema = url.substring(url.indexOf("currentSchema=") + "currentSchema=".length());
        source.execute("CREATE ROLE reader_" + schema + " LOGIN");
        source.execute("GRANT USAGE ON SCHEMA " + schema + " TO reader_" + schema);
        source.execute("GRANT SELECT ON ALL TABLES IN SCHEMA " + schema + " TO reader_" + schema);
        String reading = url.replace("user=postgres", "user=reader_" + schema);
        Contents contents = Samples.read(WhatsmeowDatabase.postgres(reading, new Properties(), WhatsmeowFixture.JID));
        assertThat(contents.ids(KeyTypes.PRE_KEY)).containsExactly("17", "18");
        source.execute("ALTER TABLE whatsmeow_lid_map ENABLE ROW LEVEL SECURITY");
        source.execute("CREATE POLICY hiding ON whatsmeow_lid_map USING (false)");
        assertThatExceptionOfType(ForeignStoreException.class)
                .as("rows that the user does not see")
                .isThrownBy(
                        () -> Samples.read(WhatsmeowDatabase.postgres(reading, new Properties(), WhatsmeowFixture.JID)))
                .withMessageContaining("SQL state 42501");
        source.execute("ALTER TABLE whatsmeow_lid_map DISABLE ROW LEVEL SECURITY");
        source.execute("REVOKE SELECT ON whatsmeow_sessions FROM reader_" + schema);
        assertThatExceptionOfType(ForeignStoreException.class)
                .isThrownBy(
                        () -> Samples.read(WhatsmeowDatabase.postgres(reading, new Properties(), WhatsmeowFixture.JID)))
                .withMessageContaining("SQL state 42501");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> WhatsmeowDatabase.devices("jdbc:sqlite:x", new Properties()));
        assertThatExceptionOfType(ForeignStoreException.class)
                .isThrownBy(() -> WhatsmeowDatabase.devices(
                        "jdbc:postgresql://127.0.0.1:1/postgres?password=secret", new Properties()))
                .withMessageNotContaining("secret");
        source.execute("UPDATE whatsmeow_version SET version = 16");
        assertThatExceptionOfType(ForeignStoreException.class)
                .isThrownBy(() -> Samples.read(device()))
                .withMessageContaining("its schema is of version [16]; known are 8 to 15");
    }

    @Test
    @DisplayName("R92 views in place of tables, and a value of more than 64 MiB, are not read")
    void hostileTables_areNotRead() throws Exception {
        source.execute(
                "INSERT INTO whatsmeow_sessions VALUES (?, 'a:1', decode(repeat('5b', 68157440), 'hex'))",
                WhatsmeowFixture.JID);
        assertThatExceptionOfType(ForeignStoreException.class)
                .isThrownBy(() -> Samples.read(device()))
                .havingCause()
                .withMessageContaining("maxResultBuffer");
        source.execute("DROP TABLE whatsmeow_sessions");
        source.execute("CREATE VIEW whatsmeow_sessions AS SELECT 'a' AS our_jid, i AS their_id, ''::bytea AS session"
                + " FROM generate_series(1, 1000000000) i");
        assertThat(Samples.read(device()).ids(KeyTypes.SESSION)).isEmpty();
    }

    @Test
    @DisplayName("R92 rows with odd values: each is imported or named")
    void damaged_sample() throws Exception {
        damage(1, 25);
    }

    @Tag("long")
    @Test
    @DisplayName("R92 500 odd values")
    void damaged_whole() throws Exception {
        damage(10_001, 500);
    }

    private static Set<String> rows(Contents contents, String table) {
        return contents.items().stream()
                .map(item -> item.name().replaceAll(" \\(.*", ""))
                .filter(name -> name.startsWith(table + " row "))
                .collect(Collectors.toSet());
    }

    /** Sets one column of all rows of a table to an odd value of its type, and compares the other tables. */
    private void damage(long from, int count) throws Exception {
        List<String[]> columns = List.of(
                new String[] {"whatsmeow_device", "noise_key", "bytea"},
                new String[] {"whatsmeow_device", "signed_pre_key", "bytea"},
                new String[] {"whatsmeow_device", "signed_pre_key_sig", "bytea"},
                new String[] {"whatsmeow_device", "registration_id", "bigint"},
                new String[] {"whatsmeow_identity_keys", "identity", "bytea"},
                new String[] {"whatsmeow_identity_keys", "their_id", "text"},
                new String[] {"whatsmeow_pre_keys", "key", "bytea"},
                new String[] {"whatsmeow_pre_keys", "key_id", "integer"},
                new String[] {"whatsmeow_sessions", "session", "bytea"},
                new String[] {"whatsmeow_sessions", "their_id", "text"},
                new String[] {"whatsmeow_sender_keys", "sender_id", "text"},
                new String[] {"whatsmeow_sender_keys", "chat_id", "text"},
                new String[] {"whatsmeow_app_state_sync_keys", "fingerprint", "bytea"},
                new String[] {"whatsmeow_app_state_sync_keys", "timestamp", "bigint"},
                new String[] {"whatsmeow_app_state_version", "hash", "bytea"},
                new String[] {"whatsmeow_app_state_mutation_macs", "value_mac", "bytea"},
                new String[] {"whatsmeow_privacy_tokens", "timestamp", "bigint"},
                new String[] {"whatsmeow_lid_map", "pn", "text"});
        Map<String, List<String>> values = Map.of(
                "bytea",
                List.of(
                        "NULL",
                        "''",
                        "'\\x00'",
                        "decode(repeat('ff', 33), 'hex')",
                        "decode(repeat('5b', 70000), 'hex')"),
                "bigint",
                List.of("NULL", "-1", "9223372036854775807", "-9223372036854775808", "4294967296"),
                "integer",
                List.of("NULL", "-1", "2147483647", "16777216"),
                "text",
                List.of("NULL", "''", "'..'", "':'", "'../../a:1'", "repeat('x', 100000)", "'a:99999999999'"));
        Contents original = Samples.read(device());
        Map<Fate, Integer> fates = new HashMap<>();
        for (long seed = from; seed < from + count; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            String[] column = columns.get(random.nextInt(columns.size()));
            List<String> odd = values.get(column[2]);
            String value = odd.get(random.nextInt(odd.size()));
            String what = "seed " + seed + ": " + column[0] + "." + column[1] + " = " + value;
            source.execute("ALTER TABLE " + column[0] + " RENAME TO saved");
            source.execute("CREATE TABLE " + column[0] + " AS SELECT * FROM saved");
            source.execute("UPDATE " + column[0] + " SET " + column[1] + " = " + value);
            long before = Samples.allocated();
            Contents contents = Samples.read(device());
            assertThat(Samples.allocated() - before).as(what).isLessThan(Samples.ALLOCATED_AT_MOST);
            try (Connection connection = DriverManager.getConnection(url)) {
                new RawWhatsmeow().check(what, connection, contents);
            }
            source.execute("DROP TABLE " + column[0]);
            source.execute("ALTER TABLE saved RENAME TO " + column[0]);
            original.items().stream()
                    .filter(item -> item.fate() == Fate.CARRIED
                            && !item.name().contains(column[0])
                            && !(item.name().contains("app_state_version") && column[0].contains("macs")))
                    .forEach(item -> {
                        Contents.Found<?> expected = original.entry(item.type(), item.id());
                        if (expected != null) {
                            assertThat(contents.entry(item.type(), item.id()).encoded())
                                    .as(what)
                                    .isEqualTo(expected.encoded());
                        }
                    });
            assertThat(rows(contents, column[0]))
                    .as("%s: each row is carried or named", what)
                    .isEqualTo(rows(original, column[0]));
            contents.items().forEach(item -> fates.merge(item.fate(), 1, Integer::sum));
        }
        System.out.println(
                "whatsmeow on PostgreSQL, seeds " + from + " to " + (from + count - 1) + ": items by fate " + fates);
        assertThat(fates).containsKeys(Fate.CARRIED, Fate.DAMAGED);
    }
}
