package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.TcToken;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.interop.Contents.Limits;
import dev.keystore.interop.ForeignStore.Reading;
import dev.keystore.interop.TransferItem.Fate;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Imports databases with the tables of whatsmeow that hold keys, in the schema of version 15. */
@Timeout(600)
class WhatsmeowDatabaseTest {

    private static final String JID = WhatsmeowFixture.JID;
    private static final byte[] KEY = WhatsmeowFixture.KEY;
    private static final byte[] SESSION = WhatsmeowFixture.SESSION;

    @TempDir
    Path temporary;

    private Path file;
    private WhatsmeowFixture source;

    @BeforeEach
    void create() throws Exception {
        file = temporary.resolve("whatsmeow.db");
        source = new WhatsmeowFixture("jdbc:sqlite:" + file);
    }

    private void execute(String sql, Object... values) throws Exception {
        source.execute(sql, values);
    }

    @Test
    @DisplayName("R91 R92 a device is imported, each row is named, and the database is not changed")
    void device_isImported() throws Exception {
        byte[] before = Files.readAllBytes(file);
        assertThat(WhatsmeowDatabase.devices(file)).containsExactly(JID, WhatsmeowFixture.OTHER);
        try (SignalKeyDatabase database = Samples.database(temporary)) {
            SignalKeyStore alice = database.forContext("alice");
            TransferReport report =
                    AccountImport.from(WhatsmeowDatabase.at(file, JID)).to(alice);

            WhatsmeowFixture.check(report, alice);
        }
        assertThat(Files.readAllBytes(file)).isEqualTo(before);
    }

    @Test
    @DisplayName("R92 rows that cannot be used are named, and the others are imported")
    void oddRows_areNamed() throws Exception {
        for (String table : List.of(
                "whatsmeow_sessions",
                "whatsmeow_pre_keys",
                "whatsmeow_privacy_tokens",
                "whatsmeow_app_state_version",
                "whatsmeow_app_state_mutation_macs")) {
            source.relax(table);
        }
        execute("INSERT INTO whatsmeow_sessions VALUES (?, ?, ?)", JID, "nobody", SESSION);
        execute("INSERT INTO whatsmeow_sessions VALUES (?, ?, ?)", JID, "a:1", new byte[] {9});
        execute("INSERT INTO whatsmeow_sessions VALUES (?, ?, ?)", JID, "b:1", new byte[0]);
        execute("INSERT INTO whatsmeow_sessions VALUES (?, ?, ?)", JID, "c:1", new byte[] {0x0a, -1});
        execute("INSERT INTO whatsmeow_sender_keys VALUES (?, ?, ?, ?)", JID, "g@g.us", "c:1", new byte[] {0x0a, 0});
        byte[] emptySession = "{\"SessionState\":{},\"PreviousStates\":[]}".getBytes(UTF_8);
        byte[] emptySenderKey = "{\"SenderKeyStates\":[]}".getBytes(UTF_8);
        execute("INSERT INTO whatsmeow_sessions VALUES (?, ?, ?)", JID, "d:1", emptySession);
        execute("INSERT INTO whatsmeow_sender_keys VALUES (?, ?, ?, ?)", JID, "g@g.us", "d:1", emptySenderKey);
        execute("INSERT INTO whatsmeow_pre_keys VALUES (?, ?, ?, ?)", JID, 21, KEY, "text");
        execute("INSERT INTO whatsmeow_pre_keys VALUES (?, ?, ?, ?)", JID, 22, KEY, null);
        execute("INSERT INTO whatsmeow_pre_keys VALUES (?, ?, ?, ?)", JID, 19, new byte[31], true);
        execute("INSERT INTO whatsmeow_pre_keys VALUES (?, ?, ?, ?)", JID, -1, KEY, true);
        execute("INSERT INTO whatsmeow_pre_keys VALUES (?, ?, ?, ?)", JID, 20, "text", true);
        execute("INSERT INTO whatsmeow_privacy_tokens VALUES (?, ?, ?, ?, ?)", JID, null, KEY, 1L, 2L);
        execute("CREATE TABLE whatsmeow_new (a TEXT)");
        execute("INSERT INTO whatsmeow_app_state_version VALUES (?, ?, ?, ?)", JID, "bad", 3, new byte[128]);
        execute("INSERT INTO whatsmeow_app_state_mutation_macs VALUES (?, ?, ?, ?, ?)", JID, "bad", 3, KEY, null);

        for (int version : new int[] {4, -1}) {
            source.insert("whatsmeow_app_state_version", JID, "of " + version, 3L, new byte[128]);
            source.insert("whatsmeow_app_state_mutation_macs", JID, "of " + version, version, KEY, KEY);
        }

        Contents contents = Samples.read(WhatsmeowDatabase.at(file, JID));

        assertThat(contents.items().stream().filter(item -> item.fate() == Fate.DAMAGED))
                .hasSize(16);
        assertThat(contents.items()).anyMatch(item -> item.name().equals("table whatsmeow_new"));
        assertThat(contents.ids(KeyTypes.SESSION)).containsExactly("15550100002.7", "15550100002_1.7");
        assertThat(contents.ids(KeyTypes.PRE_KEY)).containsExactly("17", "18");
        assertThat(contents.ids(KeyTypes.APP_STATE_SYNC_VERSION)).containsExactly("regular");
        assertThat(contents.items())
                .filteredOn(item -> item.id().equals("regular"))
                .singleElement()
                .satisfies(item -> assertThat(item.reason()).isEqualTo("with 1 MACs; 1 were of former versions"));
    }

    @Test
    @DisplayName("R92 a newer schema is refused by version, with those that are known; another database too")
    void newerVersion_isRefused() throws Exception {
        execute("UPDATE whatsmeow_version SET version = 16");
        assertThatExceptionOfType(ForeignStoreException.class)
                .isThrownBy(() -> Samples.read(WhatsmeowDatabase.at(file, JID)))
                .withMessageContaining("its schema is of version [16]; known are 8 to 15");
        execute("DROP TABLE whatsmeow_version");
        assertThatExceptionOfType(ForeignStoreException.class)
                .isThrownBy(() -> WhatsmeowDatabase.devices(file))
                .withMessageContaining("it has no tables");
    }

    @Test
    @DisplayName("R92 a device that the database does not have is refused, and those that it has are named")
    void otherDevice_isRefused() {
        assertThatExceptionOfType(ForeignStoreException.class)
                .isThrownBy(() -> Samples.read(WhatsmeowDatabase.at(file, "1:1@s.whatsapp.net")))
                .withMessageContaining(
                        "it has no device \"1:1@s.whatsapp.net\"; it has " + JID + ", " + WhatsmeowFixture.OTHER);
    }

    @Test
    @DisplayName("R92 a missing table is named, and tables that SQLite keeps for itself are not")
    void missingTables_areNamed() throws Exception {
        execute("DROP TABLE whatsmeow_sessions");
        execute("DROP TABLE whatsmeow_app_state_mutation_macs");
        execute("DROP TABLE whatsmeow_nct_salt");
        execute("ANALYZE");

        Contents contents = Samples.read(WhatsmeowDatabase.at(file, JID));

        assertThat(contents.items())
                .filteredOn(item -> item.reason().equals("it is missing"))
                .extracting(TransferItem::name)
                .containsExactly(
                        "table whatsmeow_app_state_mutation_macs",
                        "table whatsmeow_nct_salt",
                        "table whatsmeow_sessions");
        assertThat(contents.items()).noneMatch(item -> item.name().contains("sqlite_"));
        execute("UPDATE whatsmeow_version SET version = 13");
        assertThat(Samples.read(WhatsmeowDatabase.at(file, JID)).items())
                .as("a table of a newer version")
                .noneMatch(item -> item.name().equals("table whatsmeow_nct_salt"));
    }

    @Test
    @DisplayName("a device is imported with its sessions converted, and libsignal-client continues with them")
    void device_isImportedConverted() throws Exception {
        try (SignalKeyDatabase database = Samples.database(temporary)) {
            SignalKeyStore alice = database.forContext("alice");

            TransferReport report = AccountImport.from(WhatsmeowDatabase.at(file, JID))
                    .convertingSessionsTo(SessionFormat.LIBSIGNAL)
                    .to(alice);

            assertThat(report.items(Fate.CONVERTED))
                    .extracting(TransferItem::id)
                    .containsExactlyInAnyOrder("15550100002.7", "12-3@g.us::15550100001::7");
            assertThat(report.items(Fate.NOT_CARRIED))
                    .filteredOn(item -> item.reason().contains("cannot be converted"))
                    .extracting(TransferItem::id)
                    .containsExactlyInAnyOrder("15550100002_1.7", "12-3@g.us::15550100002::7");
            Party party = new Party(
                    Samples.credentials("7.0.0-rc14/bot-a"),
                    "15550100002",
                    alice.find(KeyTypes.SESSION, "15550100002.7").orElseThrow());
            for (var message : Samples.recordedMessages().properties()) {
                assertThat(party.decrypt(Buffers.base64(message.getValue().textValue())))
                        .isEqualTo(message.getKey());
            }
            assertThat(party.encrypt("on")).isNotEmpty();
        }
        execute("UPDATE whatsmeow_device SET identity_key = ?", KEY);
        assertThat(AccountImport.from(WhatsmeowDatabase.at(file, JID))
                        .convertingSessionsTo(SessionFormat.LIBSIGNAL)
                        .dryRun("bob")
                        .items(Fate.NOT_CARRIED))
                .as("the identity is that of the device")
                .anyMatch(item -> item.reason().contains("another identity"));
    }

    @Test
    @DisplayName("R92 a database that is written while it is read is refused")
    void changingDatabase_isRefused() {
        try (SignalKeyDatabase database = Samples.database(temporary)) {
            SignalKeyStore alice = database.forContext("alice");
            AccountImport changing = AccountImport.from(WhatsmeowDatabase.at(file, JID))
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
    @DisplayName("R92 a source with more items or bytes than an account has is refused before it fills the memory")
    void limits_areKept() {
        Contents contents = Samples.read(WhatsmeowDatabase.at(file, JID));
        int items = contents.items().size();
        assertThat(read(new Limits(items, 1 << 20)).items()).hasSize(items);
        for (Limits limits : List.of(new Limits(items - 1, 1 << 20), new Limits(items, 1_000))) {
            assertThatExceptionOfType(ForeignStoreException.class)
                    .isThrownBy(() -> read(limits))
                    .withMessageContaining("it has more than");
        }
        assertThat(Limits.OF_SOURCES).isEqualTo(new Limits(2_000_000, 1L << 30));
    }

    private Contents read(Limits limits) {
        return WhatsmeowDatabase.at(file, JID)
                .read(new Reading(false, List.of(), progress -> {}, limits))
                .contents();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "whatsmeow_lid_map SET lid = x'3137'",
                "whatsmeow_privacy_tokens SET their_jid = CAST(x'61ff' AS TEXT)",
                "whatsmeow_device SET adv_key = 'AQID'",
                "whatsmeow_device SET lid_migration_ts = 1e300",
                "whatsmeow_device SET push_name = CAST(x'61ff' AS TEXT)",
                "whatsmeow_app_state_mutation_macs SET index_mac = x'01'"
            })
    @DisplayName("R92 a column of another kind, and a text that is not UTF-8, are named, and not imported as they look")
    void columnOfAnotherKind_isNamed(String update) throws Exception {
        source.relax(update.substring(0, update.indexOf(' ')));
        source.execute("UPDATE " + update);
        Contents contents = Samples.read(WhatsmeowDatabase.at(file, JID));
        assertThat(contents.items()).anyMatch(item -> item.fate() == Fate.DAMAGED);
        new RawWhatsmeow().check(update, file, contents);
    }

    private SqliteDamage damage() throws Exception {
        Map<String, List<String>> columns = new TreeMap<>();
        columns.put(
                "whatsmeow_device",
                List.of(
                        "registration_id",
                        "noise_key",
                        "identity_key",
                        "signed_pre_key",
                        "signed_pre_key_id",
                        "adv_key",
                        "push_name",
                        "lid_migration_ts",
                        "facebook_uuid"));
        columns.put("whatsmeow_identity_keys", List.of("our_jid", "their_id", "identity"));
        columns.put("whatsmeow_pre_keys", List.of("jid", "key_id", "key", "uploaded"));
        columns.put("whatsmeow_sessions", List.of("our_jid", "their_id", "session"));
        columns.put("whatsmeow_sender_keys", List.of("chat_id", "sender_id", "sender_key"));
        columns.put("whatsmeow_app_state_sync_keys", List.of("key_id", "key_data", "timestamp", "fingerprint"));
        columns.put("whatsmeow_app_state_version", List.of("name", "version", "hash"));
        columns.put("whatsmeow_app_state_mutation_macs", List.of("name", "version", "index_mac", "value_mac"));
        columns.put("whatsmeow_privacy_tokens", List.of("their_jid", "token", "timestamp", "sender_timestamp"));
        columns.put("whatsmeow_lid_map", List.of("lid", "pn"));
        columns.put("whatsmeow_message_secrets", List.of("chat_jid", "message_id", "key"));
        columns.put("whatsmeow_nct_salt", List.of("our_jid", "salt"));
        for (String table : columns.keySet()) {
            source.relax(table);
        }
        return new SqliteDamage(file, WhatsmeowDatabase.at(file, JID), columns, new RawWhatsmeow()::check);
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
    @DisplayName("R91 records in protobuf are imported byte for byte")
    void protobufRecords_areKept() throws Exception {
        Account account = Account.of(Samples.copy("7.0.0-rc14/bot-a", temporary));
        byte[] session = account.convert(Samples.goSession(), SessionFormat.LIBSIGNAL);
        byte[] senderKey = account.convertSenderKey(Samples.goSenderKey(), SessionFormat.LIBSIGNAL);
        execute("UPDATE whatsmeow_sessions SET session = ? WHERE their_id = '15550100002:7'", session);
        execute("UPDATE whatsmeow_sender_keys SET sender_key = ? WHERE sender_id = '15550100001:7'", senderKey);

        Contents contents = Samples.read(WhatsmeowDatabase.at(file, JID));

        assertThat(contents.entry("session", "15550100002.7").encoded()).isEqualTo(session);
        assertThat(contents.entry("sender-key", "12-3@g.us::15550100001::7").encoded())
                .isEqualTo(senderKey);
    }

    @Test
    @DisplayName("R92 a database of an older schema is imported with the columns that it has")
    void olderSchema_isImported() throws Exception {
        execute("ALTER TABLE whatsmeow_privacy_tokens DROP COLUMN sender_timestamp");
        execute("ALTER TABLE whatsmeow_device DROP COLUMN companion_meta_nonce");
        execute("ALTER TABLE whatsmeow_device DROP COLUMN lid_migration_ts");
        for (String newer : List.of("nct_salt", "retry_buffer", "event_buffer")) {
            execute("DROP TABLE whatsmeow_" + newer);
        }
        execute("UPDATE whatsmeow_version SET version = 8");

        Contents contents = Samples.read(WhatsmeowDatabase.at(file, JID));

        assertThat(contents.items().stream().filter(item -> item.fate() == Fate.DAMAGED))
                .isEmpty();
        assertThat(contents.entry("tc-token", "9@lid").value())
                .isEqualTo(new TcToken(new byte[] {1}, OptionalLong.of(17), OptionalLong.empty()));
        assertThat(contents.credentials()).isNotNull();

        execute("ALTER TABLE whatsmeow_pre_keys DROP COLUMN uploaded");
        assertThat(Samples.read(WhatsmeowDatabase.at(file, JID)).items())
                .filteredOn(item -> item.fate() == Fate.DAMAGED)
                .hasSize(2)
                .allSatisfy(item -> assertThat(item.reason()).startsWith("its table has no column \"uploaded\""));
    }
}
