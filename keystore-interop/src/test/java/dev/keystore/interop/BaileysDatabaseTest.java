package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.interop.BaileysFolder.FileName;
import dev.keystore.interop.Contents.Limits;
import dev.keystore.interop.ForeignStore.Reading;
import dev.keystore.interop.TransferItem.Fate;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Imports databases with the tables that clients of Baileys create, filled with the files of a real folder. */
@Timeout(600)
class BaileysDatabaseTest {

    @TempDir
    Path temporary;

    private Path file;
    private Contents folder;

    @BeforeEach
    void create() throws Exception {
        Path files = Samples.copy("7.0.0-rc14/bot-a", temporary);
        folder = Samples.read(BaileysFolder.at(files));
        file = temporary.resolve("auth.db");
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
                Statement statement = connection.createStatement()) {
            statement.execute("PRAGMA journal_mode = WAL");
            statement.execute("CREATE TABLE creds (key TEXT PRIMARY KEY, value TEXT NOT NULL)");
            statement.execute("CREATE TABLE signal_keys (type TEXT, id TEXT, value TEXT, PRIMARY KEY (type, id))");
            connection.setAutoCommit(false);
            for (Map.Entry<String, byte[]> each : Samples.files(files).entrySet()) {
                FileName name = FileName.parse(each.getKey());
                String sql = name.isCredentials()
                        ? "INSERT INTO creds (key, value) VALUES ('__creds__', ?)"
                        : "INSERT INTO signal_keys (value, type, id) VALUES (?, ?, ?)";
                try (PreparedStatement insert = connection.prepareStatement(sql)) {
                    insert.setString(1, new String(each.getValue(), UTF_8));
                    if (!name.isCredentials()) {
                        insert.setString(2, name.type().name());
                        insert.setString(3, name.id());
                    }
                    insert.executeUpdate();
                }
            }
            connection.commit();
        }
    }

    private void execute(String sql) throws Exception {
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        }
    }

    @Test
    @DisplayName("R91 R92 a database is imported with the same entries as the folder, and not changed")
    void database_isImported() throws Exception {
        byte[] before = Files.readAllBytes(file);
        try (SignalKeyDatabase database = Samples.database(temporary)) {
            SignalKeyStore alice = database.forContext("alice");
            TransferReport dry = AccountImport.from(BaileysDatabase.at(file)).dryRun(alice);
            assertThat(Samples.isEmpty(alice)).isTrue();
            TransferReport report = AccountImport.from(BaileysDatabase.at(file)).to(alice);

            assertThat(report.isComplete()).as("%s", report.items()).isTrue();
            assertThat(report.items()).isEqualTo(dry.items()).hasSameSizeAs(folder.items());
            assertThat(report.types()).isEqualTo(folder.digests());
            assertThat(alice.find(KeyTypes.APP_STATE_SYNC_KEY, "AAAA/+8=")).isPresent();
        }
        assertThat(Files.readAllBytes(file)).isEqualTo(before);
        assertThat(temporary.toFile().list()).doesNotContain("auth.db-wal", "auth.db-shm");
    }

    @Test
    @DisplayName("R92 what a log holds that was not moved into the file is imported, and the log is not changed")
    void log_isRead() throws Exception {
        Path copied = Files.createDirectory(temporary.resolve("copied"));
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
                Statement statement = connection.createStatement()) {
            statement.execute("INSERT INTO signal_keys VALUES ('lid-mapping', 'new', '\"1\"')");
            Files.copy(file, copied.resolve("auth.db"));
            Files.copy(temporary.resolve("auth.db-wal"), copied.resolve("auth.db-wal"));
        }
        Map<String, byte[]> before = Samples.files(copied);

        Contents contents = Samples.read(BaileysDatabase.at(copied.resolve("auth.db")));

        assertThat(contents.entry("lid-mapping", "new")).isNotNull();
        Map<String, byte[]> after = Samples.files(copied);
        assertThat(after.keySet()).isEqualTo(before.keySet());
        after.forEach((name, bytes) -> assertThat(bytes).as(name).isEqualTo(before.get(name)));
    }

    @Test
    @DisplayName("R92 rows that cannot be used are named, and the others are imported")
    void oddRows_areNamed() throws Exception {
        execute("INSERT INTO signal_keys VALUES ('wallpaper', '1', '{}')");
        execute("INSERT INTO signal_keys VALUES ('session', 'null.1', NULL)");
        execute("INSERT INTO signal_keys VALUES ('session', 'cut.1', '{\"_sessions\":{')");
        execute("INSERT INTO signal_keys VALUES ('session', 'number.1', 17)");
        execute("INSERT INTO signal_keys VALUES ('lid-mapping', NULL, '\"1\"')");
        execute("INSERT INTO signal_keys VALUES ('lid-mapping', 'blob', CAST('\"1\"' AS BLOB))");
        execute("INSERT INTO creds (key, value) VALUES ('other', '{}')");
        execute("CREATE TABLE notes (note TEXT)");
        execute("ALTER TABLE signal_keys ADD COLUMN updated_at INTEGER");
        execute("ALTER TABLE creds ADD COLUMN owner TEXT");
        execute("ANALYZE");

        Contents contents = Samples.read(BaileysDatabase.at(file));

        Map<String, Fate> fates = new HashMap<>();
        contents.items().forEach(item -> fates.merge(item.name(), item.fate(), (one, other) -> Fate.DAMAGED));
        assertThat(fates)
                .containsEntry("wallpaper/1", Fate.UNKNOWN)
                .containsEntry("session/null.1", Fate.DAMAGED)
                .containsEntry("session/cut.1", Fate.DAMAGED)
                .containsEntry("session/number.1", Fate.DAMAGED)
                .containsEntry("lid-mapping/blob", Fate.CARRIED)
                .containsEntry("creds", Fate.CARRIED)
                .containsEntry("creds/other", Fate.UNKNOWN)
                .containsEntry("column updated_at of table signal_keys", Fate.UNKNOWN)
                .containsEntry("column owner of table creds", Fate.UNKNOWN)
                .containsEntry("table notes", Fate.UNKNOWN);
        assertThat(contents.items()).hasSize(folder.items().size() + 10);
    }

    @Test
    @DisplayName("R92 a database that is written while it is read is refused")
    void changingDatabase_isRefused() {
        try (SignalKeyDatabase database = Samples.database(temporary)) {
            SignalKeyStore alice = database.forContext("alice");
            AccountImport changing = AccountImport.from(BaileysDatabase.at(file))
                    .listener(progress -> {
                        if (progress.items() == 3) {
                            Samples.changeOneByte(file);
                        }
                    });
            assertThatExceptionOfType(ForeignStoreException.class)
                    .isThrownBy(() -> changing.to(alice))
                    .withMessageContaining("it was changed while it was read");
            assertThat(Samples.isEmpty(alice)).isTrue();
        }
    }

    @Test
    @DisplayName("R92 a database with more items or bytes than an account has is refused")
    void limits_areKept() {
        int items = folder.items().size();
        assertThat(read(new Limits(items, 1 << 20)).items()).hasSize(items);
        for (Limits limits : List.of(new Limits(items - 1, 1 << 20), new Limits(items, 1_000))) {
            assertThatExceptionOfType(ForeignStoreException.class)
                    .isThrownBy(() -> read(limits))
                    .withMessageContaining("it has more than");
        }
    }

    private Contents read(Limits limits) {
        return BaileysDatabase.at(file)
                .read(new Reading(false, List.of(), progress -> {}, limits))
                .contents();
    }

    @Test
    @DisplayName("R92 a database with other tables, or with views in their place, is refused, and so is an export")
    void otherDatabase_isRefused() throws Exception {
        execute("DROP TABLE signal_keys");
        execute("CREATE VIEW signal_keys AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
                + " SELECT 'session' AS type, i AS id, '{}' AS value FROM n");
        assertThatExceptionOfType(ForeignStoreException.class)
                .isThrownBy(() -> Samples.read(BaileysDatabase.at(file)))
                .withMessageContaining("it has no tables creds and signal_keys");
        try (SignalKeyDatabase database = Samples.database(temporary)) {
            assertThatExceptionOfType(ForeignStoreException.class)
                    .isThrownBy(() ->
                            AccountExport.from(database.forContext("alice")).to(BaileysDatabase.at(file)))
                    .withMessageContaining("can only be imported");
        }
    }

    private static byte[] joined(byte[] type, byte[] id) {
        return ByteBuffer.allocate(type.length + 1 + id.length)
                .put(type)
                .put((byte) '/')
                .put(id)
                .array();
    }

    /** Compares each row with what was carried of it. */
    private static void checkRows(String what, Path file, Contents contents) throws Exception {
        Map<String, List<TransferItem>> items =
                contents.items().stream().collect(Collectors.groupingBy(TransferItem::name));
        byte[] credentials = null;
        Map<String, byte[]> first = new HashMap<>();
        Map<String, Integer> count = new HashMap<>();
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
                Statement statement = connection.createStatement()) {
            try (var rows = statement.executeQuery("SELECT key, CAST(value AS BLOB) FROM creds")) {
                while (rows.next()) {
                    credentials = "__creds__".equals(rows.getString(1)) && credentials == null
                            ? rows.getBytes(2)
                            : credentials;
                }
            } catch (SQLException e) {
                // the rest cannot be read
            }
            try (var rows = statement.executeQuery(
                    "SELECT typeof(type), CAST(type AS BLOB), typeof(id), CAST(id AS BLOB), CAST(value AS BLOB),"
                            + " type, id FROM signal_keys")) {
                while (rows.next()) {
                    String name = Columns.shown(rows, "type") + "/" + Columns.shown(rows, "id");
                    count.merge(name, 1, Integer::sum);
                    boolean isText = rows.getString(1).equals("text")
                            && rows.getString(3).equals("text");
                    if (isText && Arrays.equals(name.getBytes(UTF_8), joined(rows.getBytes(2), rows.getBytes(4)))) {
                        first.putIfAbsent(name, rows.getBytes(5));
                    }
                }
            } catch (SQLException e) {
                // the rest cannot be read
            }
        }
        if (contents.credentials() != null) {
            assertThat(contents.credentials()).as(what).isEqualTo(credentials);
        }
        count.forEach((name, number) -> assertThat(items.getOrDefault(name, List.of()))
                .as("%s: each row of %s is carried or named", what, name)
                .hasSize(number));
        for (TransferItem item : contents.items()) {
            if (item.fate() == Fate.CARRIED && !item.type().equals(Contents.CREDENTIALS)) {
                assertThat(first).as("%s: %s", what, item).containsKey(item.name());
                DamagedBaileysFolderTest.checkSame(
                        what + ": " + item, contents.entry(item.type(), item.id()), first.get(item.name()));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "signal_keys SET id = x'3137' WHERE rowid = 1",
                "signal_keys SET id = CAST(x'61ff' AS TEXT) WHERE rowid = 1",
                "signal_keys SET id = NULL WHERE rowid = 1",
                "signal_keys SET type = CAST(x'ff' AS TEXT) WHERE rowid = 1",
                "creds SET value = '{\"a' || CAST(x'ff' AS TEXT) || '\":1,' || substr(value, 2)"
            })
    @DisplayName("R92 a column of another kind, and a text that is not UTF-8, are named, and not imported as they look")
    void columnOfAnotherKind_isNamed(String update) throws Exception {
        execute("UPDATE " + update);
        Contents contents = Samples.read(BaileysDatabase.at(file));
        assertThat(contents.items())
                .filteredOn(item -> item.fate() == Fate.DAMAGED)
                .hasSize(1);
        checkRows(update, file, contents);
    }

    private SqliteDamage damage() throws Exception {
        execute("CREATE TABLE relaxed AS SELECT * FROM signal_keys");
        execute("DROP TABLE signal_keys");
        execute("ALTER TABLE relaxed RENAME TO signal_keys");
        execute("PRAGMA journal_mode = DELETE");
        return new SqliteDamage(
                file,
                BaileysDatabase.at(file),
                Map.of("signal_keys", List.of("type", "id", "value", "value"), "creds", List.of("key", "value")),
                BaileysDatabaseTest::checkRows);
    }

    @Test
    @DisplayName("R92 damaged databases: what is not damaged is imported as it was, and everything else named")
    void damaged_sample() throws Exception {
        damage().run(1, 40);
    }

    @Tag("long")
    @Test
    @DisplayName("R92 500 damaged databases")
    void damaged_whole() throws Exception {
        damage().run(10_001, 500);
    }

    @Test
    @DisplayName("R92 a journal that names another file, which SQLite would delete, is refused, and the file stays")
    void journalOfSeveralDatabases_isRefused() throws Exception {
        execute("PRAGMA journal_mode = DELETE");
        Path other = Files.writeString(temporary.resolve("other.txt"), "x");
        byte[] name = other.toString().getBytes(UTF_8);
        byte[] magic = HexFormat.of().parseHex("d9d505f920a163d7");
        int checksum = 0;
        for (byte each : name) {
            checksum += each;
        }
        ByteBuffer journal = ByteBuffer.allocate(512 + name.length + 20);
        int pages = (int) Files.size(file) / 4_096;
        journal.put(magic).putInt(0).putInt(1).putInt(pages).putInt(512).putInt(4_096);
        journal.position(512)
                .putInt(0x4000_0000 / 4_096 + 1)
                .put(name)
                .putInt(name.length)
                .putInt(checksum);
        journal.put(magic);
        Files.write(temporary.resolve("auth.db-journal"), journal.array());

        Throwable refusal = catchThrowable(() -> Samples.read(BaileysDatabase.at(file)));

        assertThat(other).exists();
        assertThat(refusal)
                .isInstanceOf(ForeignStoreException.class)
                .hasMessageContaining("\"auth.db-journal\" is of a transaction of several databases");
    }

    @Test
    @DisplayName("R92 rows that a damaged page has lost are noticed, although every query succeeds")
    void lostRows_areNamed() throws Exception {
        byte[] bytes = Files.readAllBytes(file);
        ByteBuffer pages = ByteBuffer.wrap(bytes);
        int fullest = 0;
        for (int page = 4_096; page < bytes.length; page += 4_096) {
            boolean isLeaf = bytes[page] == 13;
            if (isLeaf && (fullest == 0 || pages.getShort(page + 3) > pages.getShort(fullest + 3))) {
                fullest = page;
            }
        }
        pages.putShort(fullest + 3, (short) (pages.getShort(fullest + 3) - 2));
        Files.write(file, bytes);

        Contents contents = Samples.read(BaileysDatabase.at(file));

        assertThat(contents.entries()).hasSize(folder.entries().size() - 2);
        assertThat(contents.items().stream().filter(item -> item.fate() != Fate.CARRIED))
                .singleElement()
                .satisfies(item -> assertThat(item.reason()).startsWith("the database is damaged"));
    }
}
