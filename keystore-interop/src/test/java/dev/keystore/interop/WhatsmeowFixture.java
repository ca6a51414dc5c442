package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.AppStateSyncVersion;
import dev.keystore.KeyPair;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.TcToken;
import dev.keystore.interop.TransferItem.Fate;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;

/** The tables of whatsmeow that hold keys, in the schema of version 15, on SQLite or PostgreSQL. */
final class WhatsmeowFixture {

    static final String JID = "15550100001:7@s.whatsapp.net";
    static final String OTHER = "15550100009:3@s.whatsapp.net";
    static final byte[] KEY = key(1);
    static final byte[] SESSION = "{\"SessionState\":{},\"PreviousStates\":[]}".getBytes(UTF_8);
    static final byte[] SENDER_KEY = "{\"SenderKeyStates\":[]}".getBytes(UTF_8);

    private final String url;

    WhatsmeowFixture(String url) throws Exception {
        this.url = url;
        execute("CREATE TABLE whatsmeow_version (version INTEGER, compat INTEGER)");
        execute("INSERT INTO whatsmeow_version VALUES (15, 8)");
        execute("CREATE TABLE whatsmeow_device (jid TEXT PRIMARY KEY, lid TEXT, registration_id BIGINT,"
                + " noise_key bytea, identity_key bytea, signed_pre_key bytea, signed_pre_key_id INTEGER,"
                + " signed_pre_key_sig bytea, adv_key bytea, push_name TEXT)");
        execute("CREATE TABLE whatsmeow_identity_keys (our_jid TEXT, their_id TEXT, identity bytea)");
        execute("CREATE TABLE whatsmeow_pre_keys (jid TEXT, key_id INTEGER, key bytea, uploaded BOOLEAN)");
        execute("CREATE TABLE whatsmeow_sessions (our_jid TEXT, their_id TEXT, session bytea)");
        execute("CREATE TABLE whatsmeow_sender_keys (our_jid TEXT, chat_id TEXT, sender_id TEXT, sender_key bytea)");
        execute("CREATE TABLE whatsmeow_app_state_sync_keys (jid TEXT, key_id bytea, key_data bytea, timestamp BIGINT,"
                + " fingerprint bytea)");
        execute("CREATE TABLE whatsmeow_app_state_version (jid TEXT, name TEXT, version BIGINT, hash bytea)");
        execute("CREATE TABLE whatsmeow_app_state_mutation_macs (jid TEXT, name TEXT, version BIGINT, index_mac bytea,"
                + " value_mac bytea)");
        execute("CREATE TABLE whatsmeow_privacy_tokens (our_jid TEXT, their_jid TEXT, token bytea, timestamp BIGINT,"
                + " sender_timestamp BIGINT)");
        execute("CREATE TABLE whatsmeow_lid_map (lid TEXT PRIMARY KEY, pn TEXT UNIQUE NOT NULL)");
        execute("CREATE TABLE whatsmeow_contacts (our_jid TEXT, their_jid TEXT, first_name TEXT)");
        for (String jid : List.of(JID, OTHER)) {
            execute(
                    "INSERT INTO whatsmeow_device VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    jid,
                    "91@lid",
                    4_000_000_000L,
                    KEY,
                    key(2),
                    key(3),
                    5,
                    new byte[64],
                    new byte[] {1},
                    "me");
            execute("INSERT INTO whatsmeow_sessions VALUES (?, ?, ?)", jid, "15550100002_1:7", SESSION);
        }
        execute("INSERT INTO whatsmeow_identity_keys VALUES (?, ?, ?)", JID, "15550100002:0", KEY);
        execute("INSERT INTO whatsmeow_pre_keys VALUES (?, ?, ?, ?)", JID, 17, key(4), true);
        execute("INSERT INTO whatsmeow_pre_keys VALUES (?, ?, ?, ?)", JID, 18, key(5), false);
        execute("INSERT INTO whatsmeow_sender_keys VALUES (?, ?, ?, ?)", JID, "12-3@g.us", "15550100002:7", SENDER_KEY);
        execute(
                "INSERT INTO whatsmeow_app_state_sync_keys VALUES (?, ?, ?, ?, ?)",
                JID,
                new byte[] {0, -1, -1},
                KEY,
                1_763_900_000L,
                new byte[] {8, 5});
        execute("INSERT INTO whatsmeow_app_state_version VALUES (?, ?, ?, ?)", JID, "regular", 3, new byte[128]);
        execute("INSERT INTO whatsmeow_app_state_mutation_macs VALUES (?, ?, ?, ?, ?)", JID, "regular", 3, KEY, key(7));
        execute("INSERT INTO whatsmeow_app_state_mutation_macs VALUES (?, ?, ?, ?, ?)", JID, "regular", 2, KEY, key(6));
        execute("INSERT INTO whatsmeow_app_state_mutation_macs VALUES (?, ?, ?, ?, ?)", JID, "odd", 2, KEY, key(6));
        execute("INSERT INTO whatsmeow_app_state_mutation_macs VALUES (?, ?, ?, ?, ?)", OTHER, "a", 2, KEY, key(6));
        execute("INSERT INTO whatsmeow_privacy_tokens VALUES (?, ?, ?, ?, ?)", JID, "9@lid", new byte[] {1}, 17L, null);
        execute("INSERT INTO whatsmeow_lid_map VALUES (?, ?)", "915550100002", "15550100002");
        execute("INSERT INTO whatsmeow_contacts VALUES (?, ?, ?)", JID, "1@s.whatsapp.net", "Name");
    }

    static byte[] key(int value) {
        byte[] key = new byte[32];
        Arrays.fill(key, (byte) value);
        return key;
    }

    void execute(String sql, Object... values) throws Exception {
        try (Connection connection = DriverManager.getConnection(url);
                PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) {
                statement.setObject(i + 1, values[i]);
            }
            statement.execute();
        }
    }

    /** Checks the report and the entries of an import of the first device. */
    static void check(TransferReport report, SignalKeyStore alice) throws Exception {
        assertThat(report.items(Fate.DAMAGED)).isEmpty();
        assertThat(report.items(Fate.NOT_CARRIED))
                .extracting(TransferItem::name)
                .containsExactlyInAnyOrder(
                        "whatsmeow_contacts",
                        "whatsmeow_app_state_mutation_macs of odd",
                        "whatsmeow_app_state_mutation_macs, other devices",
                        "whatsmeow_device, other devices",
                        "whatsmeow_sessions, other devices");
        assertThat(alice.find(KeyTypes.SESSION, "15550100002_1.7").orElseThrow())
                .isEqualTo(SESSION);
        assertThat(alice.find(KeyTypes.IDENTITY_KEY, "15550100002.0").orElseThrow())
                .hasSize(33)
                .startsWith(5, 1, 1);
        assertThat(alice.find(KeyTypes.PRE_KEY, "17")).hasValue(new KeyPair(Curve.publicOf(key(4)), key(4)));
        assertThat(alice.find(KeyTypes.PRE_KEY, "18")).isPresent();
        assertThat(alice.find(KeyTypes.SIGNED_PRE_KEY, "5").orElseThrow().keyPair())
                .isEqualTo(new KeyPair(Curve.publicOf(key(3)), key(3)));
        assertThat(alice.find(KeyTypes.SENDER_KEY, "12-3@g.us::15550100002::7").orElseThrow())
                .isEqualTo(SENDER_KEY);
        assertThat(SyncKey.toJson(
                                alice.find(KeyTypes.APP_STATE_SYNC_KEY, "AP//").orElseThrow())
                        .toString())
                .contains("\"fingerprint\":{\"rawId\":5},\"timestamp\":\"1763900000\"");
        assertThat(alice.find(KeyTypes.APP_STATE_SYNC_VERSION, "regular"))
                .hasValue(new AppStateSyncVersion(3, new byte[128], Map.of(Buffers.base64(KEY), key(7))));
        assertThat(alice.find(KeyTypes.TC_TOKEN, "9@lid"))
                .hasValue(new TcToken(new byte[] {1}, OptionalLong.of(17), OptionalLong.empty()));
        assertThat(alice.find(KeyTypes.LID_MAPPING, "15550100002")).hasValue("915550100002");
        assertThat(alice.find(KeyTypes.LID_MAPPING, "915550100002_reverse")).hasValue("15550100002");
        assertThat(Samples.tree(alice.credentials().orElseThrow())
                        .get("registration_id")
                        .longValue())
                .isEqualTo(4_000_000_000L);
    }
}
