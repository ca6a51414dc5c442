package dev.keystore.interop;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.keystore.AppStateSyncVersion;
import dev.keystore.KeyPair;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.SignedPreKey;
import dev.keystore.TcToken;
import dev.keystore.interop.ForeignStore.Reading;
import dev.keystore.interop.TableReader.Owner;
import dev.keystore.interop.TableReader.RowReader;
import dev.keystore.interop.TransferItem.Fate;
import java.io.ByteArrayOutputStream;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/** Reads the rows of one device from the tables of whatsmeow, and counts those of others. */
final class WhatsmeowDevice {

    private static final int HASH_BYTES = 128;
    private static final int MAC_BYTES = 32;
    private static final int SIGNATURE_BYTES = 64;
    private static final long MAXIMUM_KEY_ID = (1L << 24) - 1;
    private static final String MACS = "whatsmeow_app_state_mutation_macs";

    /** What the standard types have no place for. */
    static final KeyType<byte[]> DETAILS = KeyType.ofBytes("whatsmeow");

    /** The first schema with the table {@code whatsmeow_nct_salt}. */
    private static final int VERSION_OF_SALT = 14;

    /** Tables whose rows have no place in a context, with the reason. */
    private static final Map<String, String> NOT_CARRIED = Map.of(
            "whatsmeow_contacts", "names of contacts, which are no keys",
            "whatsmeow_chat_settings", "settings of chats, which are no keys",
            "whatsmeow_event_buffer", "plaintext of events that were being processed",
            "whatsmeow_retry_buffer", "plaintext of sent messages, kept to send them again");

    private final String jid;
    private final int version;
    private final ForeignTables database;
    private final Contents contents;
    private final TableReader reader;
    private final Set<String> tables;
    private final Set<String> read = new HashSet<>(Set.of("whatsmeow_version", MACS));

    WhatsmeowDevice(String jid, int version, ForeignTables database, Contents contents, Reading reading)
            throws SQLException {
        this.jid = jid;
        this.version = version;
        this.database = database;
        this.contents = contents;
        this.reader = new TableReader(database, contents, reading);
        this.tables = database.tables();
    }

    void read() throws SQLException {
        table("whatsmeow_device", "jid", KeyTypes.SIGNED_PRE_KEY, "jid", this::readDevice);
        table("whatsmeow_identity_keys", "our_jid", KeyTypes.IDENTITY_KEY, "their_id", (item, row) -> {
            byte[] key = Columns.bytes(row, "identity", Curve.KEY_BYTES);
            contents.add(item, KeyTypes.IDENTITY_KEY, address(row, "their_id"), withType(key), "");
        });
        table("whatsmeow_pre_keys", "jid", KeyTypes.PRE_KEY, "key_id", (item, row) -> {
            byte[] privateKey = Columns.bytes(row, "key", Curve.KEY_BYTES);
            KeyPair pair = new KeyPair(Curve.publicOf(privateKey), privateKey);
            String id = Long.toString(Columns.number(row, "key_id", MAXIMUM_KEY_ID));
            boolean isUploaded = Columns.flag(row, "uploaded");
            contents.add(item, KeyTypes.PRE_KEY, id, pair, "");
            addDetails(item, "pre_key/" + id, StrictJson.object().put("uploaded", isUploaded));
        });
        table(
                "whatsmeow_sessions",
                "our_jid",
                KeyTypes.SESSION,
                "their_id",
                (item, row) ->
                        contents.add(item, KeyTypes.SESSION, address(row, "their_id"), record(row, "session"), ""));
        table("whatsmeow_sender_keys", "our_jid", KeyTypes.SENDER_KEY, "chat_id", (item, row) -> {
            String sender = Columns.text(row, "sender_id");
            int colon = colon(sender);
            String id = Columns.text(row, "chat_id") + "::" + sender.substring(0, colon) + "::"
                    + sender.substring(colon + 1);
            contents.add(item, KeyTypes.SENDER_KEY, id, record(row, "sender_key"), "");
        });
        table(
                "whatsmeow_app_state_sync_keys",
                "jid",
                KeyTypes.APP_STATE_SYNC_KEY,
                "key_id",
                (item, row) -> contents.add(
                        item, KeyTypes.APP_STATE_SYNC_KEY, Buffers.base64(Columns.bytes(row, "key_id")), key(row), ""));
        readSyncVersions();
        table("whatsmeow_privacy_tokens", "our_jid", KeyTypes.TC_TOKEN, "their_jid", (item, row) -> {
            OptionalLong senderTime = Columns.findNumber(row, "sender_timestamp");
            TcToken token = new TcToken(Columns.bytes(row, "token"), Columns.findNumber(row, "timestamp"), senderTime);
            contents.add(item, KeyTypes.TC_TOKEN, Columns.text(row, "their_jid"), token, "");
        });
        table("whatsmeow_lid_map", null, KeyTypes.LID_MAPPING, "lid", (item, row) -> {
            String lid = Columns.text(row, "lid");
            String pn = Columns.text(row, "pn");
            contents.add(item, KeyTypes.LID_MAPPING, pn, lid, "");
            contents.add(item + " (reverse)", KeyTypes.LID_MAPPING, lid + "_reverse", pn, "");
        });
        table("whatsmeow_message_secrets", "our_jid", DETAILS, "message_id", (item, row) -> {
            String id = Columns.text(row, "chat_jid") + "/" + Columns.text(row, "sender_jid") + "/"
                    + Columns.text(row, "message_id");
            ObjectNode secret = StrictJson.object().put("key", Buffers.base64(notEmpty(row, "key")));
            contents.add(item, DETAILS, "message_secret/" + id, StrictJson.write(secret), "");
        });
        if (version >= VERSION_OF_SALT) {
            table("whatsmeow_nct_salt", "our_jid", DETAILS, "our_jid", (item, row) -> {
                ObjectNode salt = StrictJson.object().put("salt", Buffers.base64(notEmpty(row, "salt")));
                contents.add(item, DETAILS, "nct_salt", StrictJson.write(salt), "");
            });
        }
        for (String table : tables) {
            String reason = NOT_CARRIED.get(table);
            if (reason != null) {
                reader.leave(table, reason);
            } else if (!read.contains(table)) {
                contents.leave("table " + table, Fate.UNKNOWN, "", "", "it is not of a known version of whatsmeow");
            }
        }
    }

    private void addDetails(String item, String id, ObjectNode details) throws DamagedException {
        contents.add(item + " (details)", DETAILS, id, StrictJson.write(details), "");
    }

    private void table(String table, @Nullable String column, KeyType<?> type, String id, RowReader each) {
        if (!tables.contains(table)) {
            contents.leave("table " + table, Fate.DAMAGED, type.name(), "", "it is missing");
        } else {
            read.add(table);
            Owner owner = column == null
                    ? null
                    : new Owner(
                            column, jid, "other devices", "of other devices, each of which is an account to import");
            String name = type.equals(KeyTypes.SIGNED_PRE_KEY) ? Contents.CREDENTIALS : type.name();
            reader.read(table, owner, name, id, each);
        }
    }

    private void readDevice(String item, ResultSet row) throws SQLException, DamagedException {
        byte[] signed = Columns.bytes(row, "signed_pre_key", Curve.KEY_BYTES);
        String id = Long.toString(Columns.number(row, "signed_pre_key_id", MAXIMUM_KEY_ID));
        byte[] signature = Columns.bytes(row, "signed_pre_key_sig", SIGNATURE_BYTES);
        SignedPreKey key = new SignedPreKey(new KeyPair(Curve.publicOf(signed), signed), signature, 0);
        contents.addCredentials(item, StrictJson.write(credentials(row)), "");
        contents.add(item + " (signed pre-key)", KeyTypes.SIGNED_PRE_KEY, id, key, "its time is not known");
    }

    /** Returns the columns that hold something. A text in place of bytes would be taken for their base64. */
    private static ObjectNode credentials(ResultSet row) throws SQLException, DamagedException {
        Columns.bytes(row, "noise_key", Curve.KEY_BYTES);
        Columns.bytes(row, "identity_key", Curve.KEY_BYTES);
        Columns.number(row, "registration_id", SessionState.MAXIMUM_UNSIGNED);
        ObjectNode json = StrictJson.object();
        ResultSetMetaData columns = row.getMetaData();
        for (int i = 1; i <= columns.getColumnCount(); i++) {
            String name = columns.getColumnName(i).toLowerCase(Locale.ROOT);
            Object value = row.getObject(i);
            if (value == null) {
                continue;
            }
            switch (name) {
                case "noise_key",
                        "identity_key",
                        "signed_pre_key",
                        "signed_pre_key_sig",
                        "adv_key",
                        "adv_details",
                        "adv_account_sig",
                        "adv_account_sig_key",
                        "adv_device_sig" -> json.put(name, Buffers.base64(Columns.bytes(row, name)));
                case "registration_id", "signed_pre_key_id", "lid_migration_ts" ->
                    json.put(name, Columns.number(row, name, Long.MAX_VALUE));
                default -> {
                    String text = value instanceof UUID uuid ? uuid.toString() : Columns.findText(row, name);
                    if (text == null) {
                        throw new DamagedException("its column \"" + name + "\" does not hold a text");
                    }
                    json.put(name, text);
                }
            }
        }
        return json;
    }

    /** The MACs of one collection: of each index, that of the highest version counts. */
    private static final class Macs {
        private final Map<String, byte[]> byIndex = new TreeMap<>();
        private long rows;
        private long damaged;
        private long newest;

        void add(ResultSet row) throws SQLException {
            rows++;
            try {
                newest = Math.max(newest, Columns.number(row, "version", Long.MAX_VALUE));
                byIndex.put(
                        Buffers.base64(Columns.bytes(row, "index_mac", MAC_BYTES)),
                        Columns.bytes(row, "value_mac", MAC_BYTES));
            } catch (DamagedException e) {
                damaged++;
            }
        }

        void check(long version) throws DamagedException {
            if (damaged > 0) {
                throw new DamagedException(
                        damaged + " MACs of it do not have 32 bytes, an index of as many, and a version");
            }
            if (newest > version) {
                throw new DamagedException("it has MACs of a newer version than its own");
            }
        }

        /** Says how many there are, and how many rows were of lower versions; empty if none were. */
        String remark() {
            long former = rows - damaged - byIndex.size();
            return former == 0 ? "" : "with " + byIndex.size() + " MACs; " + former + " were of former versions";
        }
    }

    private void readSyncVersions() {
        Map<String, Macs> macs = new TreeMap<>();
        if (!tables.contains(MACS)) {
            contents.leave("table " + MACS, Fate.DAMAGED, KeyTypes.APP_STATE_SYNC_VERSION.name(), "", "it is missing");
        } else {
            long[] others = {0};
            try {
                database.query(
                        "SELECT jid, name, version, index_mac, value_mac FROM " + MACS + " ORDER BY version", row -> {
                            if (jid.equals(row.getString("jid"))) {
                                macs.computeIfAbsent(String.valueOf(row.getString("name")), name -> new Macs())
                                        .add(row);
                            } else {
                                others[0]++;
                            }
                        });
            } catch (SQLException e) {
                contents.leave(
                        MACS,
                        Fate.DAMAGED,
                        KeyTypes.APP_STATE_SYNC_VERSION.name(),
                        "",
                        "the database is damaged; no synchronization state is imported, so each collection is"
                                + " synchronized from its beginning");
                read.add("whatsmeow_app_state_version");
                return;
            }
            if (others[0] > 0) {
                leaveMacs(", other devices", "", others[0] + " rows of other devices");
            }
        }
        Set<String> used = new HashSet<>();
        table("whatsmeow_app_state_version", "jid", KeyTypes.APP_STATE_SYNC_VERSION, "name", (item, row) -> {
            String name = Columns.text(row, "name");
            used.add(name);
            long version = Columns.number(row, "version", Long.MAX_VALUE);
            Macs found = macs.getOrDefault(name, new Macs());
            found.check(version);
            AppStateSyncVersion state =
                    new AppStateSyncVersion(version, Columns.bytes(row, "hash", HASH_BYTES), found.byIndex);
            contents.add(item, KeyTypes.APP_STATE_SYNC_VERSION, name, state, found.remark());
        });
        macs.forEach((name, found) -> {
            if (!used.contains(name)) {
                leaveMacs(
                        " of " + name,
                        name,
                        found.rows + " MACs of a collection without a version, which is synchronized from its"
                                + " beginning");
            }
        });
    }

    private void leaveMacs(String which, String name, String reason) {
        contents.leave(MACS + which, Fate.NOT_CARRIED, KeyTypes.APP_STATE_SYNC_VERSION.name(), name, reason);
    }

    private static byte[] key(ResultSet row) throws SQLException, DamagedException {
        ByteArrayOutputStream message = new ByteArrayOutputStream();
        Protobuf.bytes(message, 1, Columns.bytes(row, "key_data"));
        if (row.getObject("fingerprint") != null) {
            Protobuf.bytes(message, 2, Columns.bytes(row, "fingerprint"));
        }
        Protobuf.number(message, 3, Columns.number(row, "timestamp", Long.MAX_VALUE));
        SyncKey.toJson(message.toByteArray());
        return message.toByteArray();
    }

    /** Returns a record of a session or sender key, which is JSON or protobuf. */
    private static byte[] record(ResultSet row, String column) throws SQLException, DamagedException {
        byte[] bytes = notEmpty(row, column);
        boolean isJson = bytes[0] == '{';
        if (column.equals("session")) {
            if (isJson) {
                WhatsmeowRecords.checkSession(bytes);
            } else {
                LibsignalRecords.checkSession(bytes);
            }
        } else if (isJson) {
            WhatsmeowRecords.checkSenderKey(bytes);
        } else {
            LibsignalRecords.checkSenderKey(bytes);
        }
        return bytes;
    }

    private static byte[] notEmpty(ResultSet row, String column) throws SQLException, DamagedException {
        byte[] bytes = Columns.bytes(row, column);
        if (bytes.length == 0) {
            throw new DamagedException("it is empty");
        }
        return bytes;
    }

    private static String address(ResultSet row, String column) throws SQLException, DamagedException {
        String address = Columns.text(row, column);
        int colon = colon(address);
        return address.substring(0, colon) + "." + address.substring(colon + 1);
    }

    private static int colon(String address) throws DamagedException {
        int colon = address.lastIndexOf(':');
        if (colon <= 0 || !address.substring(colon + 1).matches("[0-9]{1,5}")) {
            throw new DamagedException("its address is not a name and a device");
        }
        return colon;
    }

    private static byte[] withType(byte[] publicKey) {
        byte[] typed = new byte[publicKey.length + 1];
        typed[0] = Curve.TYPE;
        System.arraycopy(publicKey, 0, typed, 1, publicKey.length);
        return typed;
    }
}
