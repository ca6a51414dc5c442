package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ObjectNode;
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
import java.util.TreeMap;
import java.util.stream.Stream;

/** A database of whatsmeow with the published tables of schema 15, on SQLite or PostgreSQL. */
final class WhatsmeowFixture {

    static final String JID = "15550100001:7@s.whatsapp.net";
    static final String OTHER = "15550100009:3@s.whatsapp.net";
    static final byte[] KEY = key(1);

    /** Records of a newer whatsmeow, with a field that is not known: they are kept, and not converted. */
    static final byte[] SESSION = ofNewer(Samples.goSession());

    static final byte[] SENDER_KEY = ofNewer(Samples.goSenderKey());

    private static final List<String> TABLES = List.of(
            "whatsmeow_version (version INTEGER, compat INTEGER)",
            """
            whatsmeow_device (jid TEXT PRIMARY KEY, lid TEXT, facebook_uuid uuid,
              registration_id BIGINT NOT NULL CHECK (registration_id >= 0 AND registration_id < 4294967296),
              noise_key bytea NOT NULL CHECK (length(noise_key) = 32),
              identity_key bytea NOT NULL CHECK (length(identity_key) = 32),
              signed_pre_key bytea NOT NULL CHECK (length(signed_pre_key) = 32),
              signed_pre_key_id INTEGER NOT NULL CHECK (signed_pre_key_id >= 0 AND signed_pre_key_id < 16777216),
              signed_pre_key_sig bytea NOT NULL CHECK (length(signed_pre_key_sig) = 64),
              adv_key bytea NOT NULL, adv_details bytea NOT NULL,
              adv_account_sig bytea NOT NULL CHECK (length(adv_account_sig) = 64),
              adv_account_sig_key bytea NOT NULL CHECK (length(adv_account_sig_key) = 32),
              adv_device_sig bytea NOT NULL CHECK (length(adv_device_sig) = 64),
              platform TEXT NOT NULL DEFAULT '', business_name TEXT NOT NULL DEFAULT '',
              push_name TEXT NOT NULL DEFAULT '', lid_migration_ts BIGINT NOT NULL DEFAULT 0,
              companion_meta_nonce TEXT NOT NULL DEFAULT '')""",
            """
            whatsmeow_identity_keys (our_jid TEXT, their_id TEXT,
              identity bytea NOT NULL CHECK (length(identity) = 32), PRIMARY KEY (our_jid, their_id))""",
            """
            whatsmeow_pre_keys (jid TEXT, key_id INTEGER CHECK (key_id >= 0 AND key_id < 16777216),
              key bytea NOT NULL CHECK (length(key) = 32), uploaded BOOLEAN NOT NULL, PRIMARY KEY (jid, key_id))""",
            "whatsmeow_sessions (our_jid TEXT, their_id TEXT, session bytea, PRIMARY KEY (our_jid, their_id))",
            """
            whatsmeow_sender_keys (our_jid TEXT, chat_id TEXT, sender_id TEXT, sender_key bytea NOT NULL,
              PRIMARY KEY (our_jid, chat_id, sender_id))""",
            """
            whatsmeow_app_state_sync_keys (jid TEXT, key_id bytea, key_data bytea NOT NULL, timestamp BIGINT NOT NULL,
              fingerprint bytea NOT NULL, PRIMARY KEY (jid, key_id))""",
            """
            whatsmeow_app_state_version (jid TEXT, name TEXT, version BIGINT NOT NULL,
              hash bytea NOT NULL CHECK (length(hash) = 128), PRIMARY KEY (jid, name))""",
            """
            whatsmeow_app_state_mutation_macs (jid TEXT, name TEXT, version BIGINT,
              index_mac bytea CHECK (length(index_mac) = 32), value_mac bytea NOT NULL CHECK (length(value_mac) = 32),
              PRIMARY KEY (jid, name, version, index_mac))""",
            """
            whatsmeow_contacts (our_jid TEXT, their_jid TEXT, first_name TEXT, full_name TEXT, push_name TEXT,
              business_name TEXT, redacted_phone TEXT, PRIMARY KEY (our_jid, their_jid))""",
            """
            whatsmeow_chat_settings (our_jid TEXT, chat_jid TEXT, muted_until BIGINT NOT NULL DEFAULT 0,
              pinned BOOLEAN NOT NULL DEFAULT false, archived BOOLEAN NOT NULL DEFAULT false,
              PRIMARY KEY (our_jid, chat_jid))""",
            """
            whatsmeow_message_secrets (our_jid TEXT, chat_jid TEXT, sender_jid TEXT, message_id TEXT,
              key bytea NOT NULL, PRIMARY KEY (our_jid, chat_jid, sender_jid, message_id))""",
            """
            whatsmeow_privacy_tokens (our_jid TEXT, their_jid TEXT, token bytea NOT NULL, timestamp BIGINT NOT NULL,
              sender_timestamp BIGINT, PRIMARY KEY (our_jid, their_jid))""",
            "whatsmeow_lid_map (lid TEXT PRIMARY KEY, pn TEXT UNIQUE NOT NULL)",
            """
            whatsmeow_event_buffer (our_jid TEXT, ciphertext_hash bytea CHECK (length(ciphertext_hash) = 32),
              plaintext bytea, server_timestamp BIGINT NOT NULL, insert_timestamp BIGINT NOT NULL,
              PRIMARY KEY (our_jid, ciphertext_hash))""",
            """
            whatsmeow_retry_buffer (our_jid TEXT, chat_jid TEXT, message_id TEXT, format TEXT NOT NULL,
              plaintext bytea NOT NULL, timestamp BIGINT NOT NULL, PRIMARY KEY (our_jid, chat_jid, message_id))""",
            "whatsmeow_nct_salt (our_jid TEXT PRIMARY KEY, salt bytea NOT NULL)");

    private final String url;

    /** Creates the tables, and fills them with two devices: the first one is bot-a of Baileys. */
    WhatsmeowFixture(String url) throws Exception {
        this.url = url;
        for (String table : TABLES) {
            execute("CREATE TABLE " + table);
        }
        insert("whatsmeow_version", 15, 8);
        for (String jid : List.of(JID, OTHER)) {
            execute(
                    "INSERT INTO whatsmeow_device (jid, lid, registration_id, noise_key, identity_key, signed_pre_key,"
                            + " signed_pre_key_id, signed_pre_key_sig, adv_key, adv_details, adv_account_sig,"
                            + " adv_account_sig_key, adv_device_sig, push_name)"
                            + " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    jid,
                    "91@lid",
                    4_000_000_000L,
                    KEY,
                    Buffers.read(Samples.credentials("7.0.0-rc14/bot-a").at("/signedIdentityKey/private")),
                    key(3),
                    5,
                    new byte[64],
                    new byte[] {1},
                    new byte[] {2},
                    new byte[64],
                    KEY,
                    new byte[64],
                    "me");
            insert("whatsmeow_sessions", jid, "15550100002_1:7", SESSION);
        }
        insert("whatsmeow_sessions", JID, "15550100002:7", Samples.goSession());
        insert("whatsmeow_identity_keys", JID, "15550100002:0", KEY);
        insert("whatsmeow_pre_keys", JID, 17, key(4), true);
        insert("whatsmeow_pre_keys", JID, 18, key(5), false);
        insert("whatsmeow_sender_keys", JID, "12-3@g.us", "15550100002:7", SENDER_KEY);
        insert("whatsmeow_sender_keys", JID, "12-3@g.us", "15550100001:7", Samples.goSenderKey());
        insert("whatsmeow_app_state_sync_keys", JID, new byte[] {0, -1, -1}, KEY, 1_763_900_000L, new byte[] {8, 5});
        insert("whatsmeow_app_state_version", JID, "regular", 3L, new byte[128]);
        insert("whatsmeow_app_state_mutation_macs", JID, "regular", 3L, KEY, key(7));
        insert("whatsmeow_app_state_mutation_macs", JID, "regular", 2L, KEY, key(6));
        insert("whatsmeow_app_state_mutation_macs", JID, "odd", 2L, KEY, key(6));
        insert("whatsmeow_app_state_mutation_macs", OTHER, "a", 2L, KEY, key(6));
        insert("whatsmeow_privacy_tokens", JID, "9@lid", new byte[] {1}, 17L, null);
        insert("whatsmeow_lid_map", "915550100002", "15550100002");
        insert("whatsmeow_contacts", JID, "1@s.whatsapp.net", "Name", null, null, null, null);
        insert("whatsmeow_message_secrets", JID, "12-3@g.us", "15550100002@s.whatsapp.net", "3EB0", key(8));
        insert("whatsmeow_nct_salt", JID, key(9));
        insert("whatsmeow_event_buffer", JID, KEY, new byte[] {1}, 1L, 2L);
        insert("whatsmeow_retry_buffer", JID, "12-3@g.us", "3EB0", "", new byte[] {1}, 1L);
    }

    private static byte[] ofNewer(byte[] record) {
        ObjectNode node = (ObjectNode) Samples.tree(record);
        return StrictJson.write(node.put("New", 1));
    }

    void insert(String table, Object... values) throws Exception {
        execute("INSERT INTO " + table + " VALUES (?" + ", ?".repeat(values.length - 1) + ")", values);
    }

    /** Removes the constraints of a table, which a damaged file may violate. */
    void relax(String table) throws Exception {
        execute("CREATE TABLE relaxed AS SELECT * FROM " + table);
        execute("DROP TABLE " + table);
        execute("ALTER TABLE relaxed RENAME TO " + table);
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
                        "whatsmeow_event_buffer",
                        "whatsmeow_retry_buffer",
                        "whatsmeow_app_state_mutation_macs of odd",
                        "whatsmeow_app_state_mutation_macs, other devices",
                        "whatsmeow_device, other devices",
                        "whatsmeow_sessions, other devices");
        assertThat(alice.find(KeyTypes.SESSION, "15550100002_1.7").orElseThrow())
                .isEqualTo(SESSION);
        assertThat(alice.find(KeyTypes.SESSION, "15550100002.7").orElseThrow()).isEqualTo(Samples.goSession());
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
        Map<String, String> details = new TreeMap<>();
        try (Stream<String> ids = alice.ids(WhatsmeowDatabase.DETAILS, "")) {
            alice.get(WhatsmeowDatabase.DETAILS, ids.toList())
                    .forEach((id, value) -> details.put(id, new String(value, UTF_8)));
        }
        assertThat(details)
                .isEqualTo(Map.of(
                        "pre_key/17",
                        "{\"uploaded\":true}",
                        "pre_key/18",
                        "{\"uploaded\":false}",
                        "message_secret/12-3@g.us/15550100002@s.whatsapp.net/3EB0",
                        "{\"key\":\"" + Buffers.base64(key(8)) + "\"}",
                        "nct_salt",
                        "{\"salt\":\"" + Buffers.base64(key(9)) + "\"}"));
        assertThat(Samples.tree(alice.credentials().orElseThrow())
                        .get("registration_id")
                        .longValue())
                .isEqualTo(4_000_000_000L);
    }
}
