package dev.keystore.interop;

import dev.keystore.AppStateSyncVersion;
import dev.keystore.KeyPair;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.SignedPreKey;
import dev.keystore.TcToken;
import dev.keystore.interop.TransferItem.Fate;
import java.io.ByteArrayOutputStream;
import java.nio.file.Path;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A device in a SQLite database of whatsmeow, of the schema versions 8 to 15.
 *
 * <p>One device is one context. Sessions and sender keys are kept byte for byte, as whatsmeow has serialized them. The
 * credentials are a JSON object of the row in {@code whatsmeow_device}: numbers and texts as they are, bytes in base64.
 * Ids of sessions and identity keys are {@code name.device}, those of sender keys {@code chat::name::device}.
 *
 * <p>It can only be imported, from a private copy like a {@link BaileysDatabase}.
 */
public final class WhatsmeowDatabase extends ForeignStore {

    private static final int NEWEST_VERSION = 15;
    private static final int OLDEST_VERSION = 8;
    private static final int HASH_BYTES = 128;
    private static final int MAC_BYTES = 32;
    private static final long MAXIMUM_KEY_ID = (1L << 24) - 1;

    /** Tables whose rows have no place in a context, with the reason. */
    private static final Map<String, String> NOT_CARRIED = Map.of(
            "whatsmeow_message_secrets", "secrets of single messages: reactions and votes on them cannot be read",
            "whatsmeow_contacts", "names of contacts, which are no keys",
            "whatsmeow_chat_settings", "settings of chats, which are no keys",
            "whatsmeow_nct_salt", "a salt that the client receives again",
            "whatsmeow_event_buffer", "plaintext of events that were being processed",
            "whatsmeow_retry_buffer", "plaintext of sent messages, kept to send them again");

    private final Path file;
    private final String jid;

    private WhatsmeowDatabase(Path file, String jid) {
        this.file = file;
        this.jid = jid;
    }

    /**
     * Names a device in a database. Nothing is read yet.
     *
     * @param file the file of the database
     * @param jid the id of the device, one of {@link #devices}
     * @return the store of the device
     */
    public static WhatsmeowDatabase at(Path file, String jid) {
        return new WhatsmeowDatabase(
                Objects.requireNonNull(file, "file").toAbsolutePath(), Objects.requireNonNull(jid, "jid"));
    }

    /**
     * Lists the devices of a database, each of which is an account.
     *
     * @param file the file of the database
     * @return their ids, sorted
     * @throws ForeignStoreException if the file cannot be read as a database of whatsmeow
     */
    public static List<String> devices(Path file) {
        Path absolute = Objects.requireNonNull(file, "file").toAbsolutePath();
        List<String> devices = new ArrayList<>();
        try (SqliteCopy database = SqliteCopy.open(absolute, new LinkedHashMap<>())) {
            checkVersion(absolute, database);
            database.query(
                    "SELECT jid FROM whatsmeow_device ORDER BY jid",
                    row -> devices.add(String.valueOf(row.getString(1))));
        } catch (SQLException e) {
            throw notReadable(absolute, e);
        }
        return devices;
    }

    private static ForeignStoreException notReadable(Path file, SQLException e) {
        return SqliteCopy.failed(file, "it is not a database of whatsmeow that can be read", e);
    }

    private static void checkVersion(Path file, SqliteCopy database) throws SQLException {
        Set<String> tables = database.tables();
        if (!tables.contains("whatsmeow_version") || !tables.contains("whatsmeow_device")) {
            throw SqliteCopy.failed(file, "it has no tables whatsmeow_version and whatsmeow_device", null);
        }
        List<Integer> versions = new ArrayList<>();
        database.query("SELECT version FROM whatsmeow_version", row -> versions.add(row.getInt(1)));
        if (versions.size() != 1 || versions.get(0) > NEWEST_VERSION || versions.get(0) < OLDEST_VERSION) {
            throw SqliteCopy.failed(
                    file,
                    "its schema is of version " + versions + "; known are " + OLDEST_VERSION + " to " + NEWEST_VERSION,
                    null);
        }
    }

    /** Returns the path of the file, and the id of the device. */
    @Override
    public String toString() {
        return file + " of " + jid;
    }

    @Override
    Read read(Reading reading) {
        Map<String, byte[]> digests = new LinkedHashMap<>();
        Contents contents = new Contents();
        try (SqliteCopy database = SqliteCopy.open(file, digests)) {
            checkVersion(file, database);
            new Device(database, contents, reading).read();
        } catch (SQLException e) {
            throw notReadable(file, e);
        }
        return new Read(contents, () -> SqliteCopy.checkUnchanged(file, digests));
    }

    @Override
    List<TransferItem> write(Contents contents, String context, boolean dryRun) {
        throw new ForeignStoreException(
                file + ": could not export to it: a database of whatsmeow can only be imported", null);
    }

    /** Reads the rows of the device, and counts those of others. */
    private final class Device {

        private final SqliteCopy database;
        private final Contents contents;
        private final Reading reading;
        private final Set<String> tables;
        private long rows;

        Device(SqliteCopy database, Contents contents, Reading reading) throws SQLException {
            this.database = database;
            this.contents = contents;
            this.reading = reading;
            this.tables = database.tables();
        }

        /** What a row becomes; the id is known before its values are checked. */
        private interface RowReader {
            void read(String item, ResultSet row) throws SQLException, DamagedException;
        }

        void read() throws SQLException {
            table("whatsmeow_device", "jid", KeyTypes.SIGNED_PRE_KEY, "jid", this::readDevice);
            table("whatsmeow_identity_keys", "our_jid", KeyTypes.IDENTITY_KEY, "their_id", (item, row) -> {
                byte[] key = bytes(row, "identity", Curve.KEY_BYTES);
                contents.add(item, KeyTypes.IDENTITY_KEY, address(row.getString("their_id")), withType(key), "");
            });
            table("whatsmeow_pre_keys", "jid", KeyTypes.PRE_KEY, "key_id", (item, row) -> {
                byte[] privateKey = bytes(row, "key", Curve.KEY_BYTES);
                KeyPair pair = new KeyPair(Curve.publicOf(privateKey), privateKey);
                String id = Long.toString(number(row, "key_id", MAXIMUM_KEY_ID));
                contents.add(item, KeyTypes.PRE_KEY, id, pair, uploaded(row));
            });
            table(
                    "whatsmeow_sessions",
                    "our_jid",
                    KeyTypes.SESSION,
                    "their_id",
                    (item, row) -> contents.add(
                            item, KeyTypes.SESSION, address(row.getString("their_id")), record(row, "session"), ""));
            table("whatsmeow_sender_keys", "our_jid", KeyTypes.SENDER_KEY, "chat_id", (item, row) -> {
                String sender = text(row.getString("sender_id"));
                int colon = colon(sender);
                String id = text(row.getString("chat_id")) + "::" + sender.substring(0, colon) + "::"
                        + sender.substring(colon + 1);
                contents.add(item, KeyTypes.SENDER_KEY, id, record(row, "sender_key"), "");
            });
            table(
                    "whatsmeow_app_state_sync_keys",
                    "jid",
                    KeyTypes.APP_STATE_SYNC_KEY,
                    "key_id",
                    (item, row) -> contents.add(
                            item, KeyTypes.APP_STATE_SYNC_KEY, Buffers.base64(bytes(row, "key_id")), key(row), ""));
            readSyncVersions();
            table(
                    "whatsmeow_privacy_tokens",
                    "our_jid",
                    KeyTypes.TC_TOKEN,
                    "their_jid",
                    (item, row) -> contents.add(
                            item,
                            KeyTypes.TC_TOKEN,
                            text(row.getString("their_jid")),
                            new TcToken(
                                    bytes(row, "token"), seconds(row, "timestamp"), seconds(row, "sender_timestamp")),
                            ""));
            table("whatsmeow_lid_map", "", KeyTypes.LID_MAPPING, "lid", (item, row) -> {
                String lid = text(row.getString("lid"));
                String pn = text(row.getString("pn"));
                contents.add(item, KeyTypes.LID_MAPPING, pn, lid, "shared by all devices");
                contents.add(item + " (reverse)", KeyTypes.LID_MAPPING, lid + "_reverse", pn, "shared by all devices");
            });
            for (String table : tables) {
                readOtherTable(table);
            }
        }

        private void table(String table, String owner, KeyType<?> type, String id, RowReader each) {
            if (!tables.contains(table)) {
                return;
            }
            long[] others = {0};
            try {
                database.query("SELECT * FROM " + table, row -> {
                    if (!owner.isEmpty() && !jid.equals(row.getString(owner))) {
                        others[0]++;
                        return;
                    }
                    String item = table + " row " + ++rows;
                    try {
                        each.read(item, row);
                    } catch (DamagedException e) {
                        String of = type.equals(KeyTypes.SIGNED_PRE_KEY) ? Contents.CREDENTIALS : type.name();
                        contents.leave(item, Fate.DAMAGED, of, shown(row, id), e.reason() + "; " + Losses.of(of));
                    }
                    reading.listener().accept(new TransferProgress(rows, 0));
                });
            } catch (SQLException e) {
                contents.leave(
                        table,
                        Fate.DAMAGED,
                        type.name(),
                        "",
                        "the database is damaged, so rows of it may be"
                                + " missing; check it with PRAGMA integrity_check");
            }
            if (others[0] > 0) {
                contents.leave(
                        table + ", other devices",
                        Fate.NOT_CARRIED,
                        type.name(),
                        "",
                        others[0] + " rows of other devices, each of which is an account to import");
            }
        }

        private static String shown(ResultSet row, String column) throws SQLException {
            Object id = row.getObject(column);
            return id instanceof byte[] bytes ? Buffers.base64(bytes) : String.valueOf(id);
        }

        private void readOtherTable(String table) throws SQLException {
            String reason = NOT_CARRIED.get(table);
            boolean known = Set.of(
                            "whatsmeow_version",
                            "whatsmeow_device",
                            "whatsmeow_identity_keys",
                            "whatsmeow_pre_keys",
                            "whatsmeow_sessions",
                            "whatsmeow_sender_keys",
                            "whatsmeow_app_state_sync_keys",
                            "whatsmeow_app_state_version",
                            "whatsmeow_app_state_mutation_macs",
                            "whatsmeow_privacy_tokens",
                            "whatsmeow_lid_map")
                    .contains(table);
            if (reason != null) {
                long[] count = {0};
                database.query("SELECT 1 FROM " + table, row -> count[0]++);
                if (count[0] > 0) {
                    contents.leave(table, Fate.NOT_CARRIED, "", "", count[0] + " rows: " + reason);
                }
            } else if (!known) {
                contents.leave("table " + table, Fate.UNKNOWN, "", "", "it is not of a known version of whatsmeow");
            }
        }

        private void readDevice(String item, ResultSet row) throws SQLException, DamagedException {
            byte[] signed = bytes(row, "signed_pre_key", Curve.KEY_BYTES);
            bytes(row, "noise_key", Curve.KEY_BYTES);
            bytes(row, "identity_key", Curve.KEY_BYTES);
            number(row, "registration_id", 0xffff_ffffL);
            String id = Long.toString(number(row, "signed_pre_key_id", MAXIMUM_KEY_ID));
            SignedPreKey key = new SignedPreKey(
                    new KeyPair(Curve.publicOf(signed), signed), bytes(row, "signed_pre_key_sig", 64), 0);
            var json = Json.object();
            ResultSetMetaData columns = row.getMetaData();
            for (int i = 1; i <= columns.getColumnCount(); i++) {
                Object value = row.getObject(i);
                String name = columns.getColumnName(i);
                if (value instanceof byte[] bytes) {
                    json.put(name, Buffers.base64(bytes));
                } else if (value instanceof Number number) {
                    json.put(name, number.longValue());
                } else if (value != null) {
                    json.put(name, value.toString());
                }
            }
            contents.addCredentials(item, Json.write(json), "");
            contents.add(item + " (signed pre-key)", KeyTypes.SIGNED_PRE_KEY, id, key, "its time is not known");
        }

        private void readSyncVersions() {
            Map<String, Map<String, byte[]>> macs = new LinkedHashMap<>();
            if (tables.contains("whatsmeow_app_state_mutation_macs")) {
                try {
                    // The row of the highest version counts for each index.
                    database.query(
                            "SELECT jid, name, index_mac, value_mac FROM whatsmeow_app_state_mutation_macs"
                                    + " ORDER BY version",
                            row -> {
                                byte[] index = row.getBytes("index_mac");
                                byte[] mac = row.getBytes("value_mac");
                                if (jid.equals(row.getString("jid")) && index != null && mac != null) {
                                    macs.computeIfAbsent(
                                                    String.valueOf(row.getString("name")),
                                                    name -> new LinkedHashMap<>())
                                            .put(Buffers.base64(index), mac);
                                }
                            });
                } catch (SQLException e) {
                    contents.leave(
                            "whatsmeow_app_state_mutation_macs",
                            Fate.DAMAGED,
                            KeyTypes.APP_STATE_SYNC_VERSION.name(),
                            "",
                            "the database is damaged; no synchronization state is imported, so each collection is"
                                    + " synchronized from its beginning");
                    return;
                }
            }
            table("whatsmeow_app_state_version", "jid", KeyTypes.APP_STATE_SYNC_VERSION, "name", (item, row) -> {
                String name = text(row.getString("name"));
                long version = number(row, "version", Long.MAX_VALUE);
                Map<String, byte[]> values = macs.getOrDefault(name, Map.of());
                if (values.values().stream().anyMatch(mac -> mac.length != MAC_BYTES)) {
                    throw new DamagedException("a MAC of it does not have 32 bytes");
                }
                AppStateSyncVersion state = new AppStateSyncVersion(version, bytes(row, "hash", HASH_BYTES), values);
                contents.add(item, KeyTypes.APP_STATE_SYNC_VERSION, name, state, "with " + values.size() + " MACs");
            });
        }

        private static String uploaded(ResultSet row) throws SQLException {
            return row.getBoolean("uploaded") ? "it was uploaded" : "it was not uploaded";
        }

        private static byte[] key(ResultSet row) throws SQLException, DamagedException {
            ByteArrayOutputStream message = new ByteArrayOutputStream();
            Protobuf.bytes(message, 1, bytes(row, "key_data"));
            byte[] fingerprint = row.getBytes("fingerprint");
            if (fingerprint != null) {
                Protobuf.bytes(message, 2, fingerprint);
            }
            Protobuf.number(message, 3, number(row, "timestamp", Long.MAX_VALUE));
            SyncKey.toJson(message.toByteArray());
            return message.toByteArray();
        }

        /** Returns a record of a session or sender key, which is JSON or protobuf. */
        private static byte[] record(ResultSet row, String column) throws SQLException, DamagedException {
            byte[] bytes = bytes(row, column);
            if (bytes.length == 0) {
                throw new DamagedException("it is empty");
            }
            if (bytes[0] == '{') {
                new JsonFields(Json.read(bytes)).take(column.equals("session") ? "SessionState" : "SenderKeyStates");
            } else if (bytes[0] != 0x0a && bytes[0] != 0x12) {
                throw new DamagedException("it is neither JSON nor protobuf");
            }
            return bytes;
        }

        private static String address(String written) throws DamagedException {
            String address = text(written);
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

        private static String text(@Nullable String text) throws DamagedException {
            if (text == null || text.isBlank()) {
                throw new DamagedException("a text in it is missing");
            }
            return text;
        }

        private static byte[] withType(byte[] publicKey) {
            byte[] typed = new byte[publicKey.length + 1];
            typed[0] = Curve.TYPE;
            System.arraycopy(publicKey, 0, typed, 1, publicKey.length);
            return typed;
        }

        private static byte[] bytes(ResultSet row, String column) throws SQLException, DamagedException {
            if (row.getObject(column) instanceof byte[] bytes) {
                return bytes;
            }
            throw new DamagedException("its column \"" + column + "\" does not hold bytes");
        }

        private static byte[] bytes(ResultSet row, String column, int length) throws SQLException, DamagedException {
            byte[] bytes = bytes(row, column);
            if (bytes.length != length) {
                throw new DamagedException(
                        "its column \"" + column + "\" has " + bytes.length + " bytes in place of " + length);
            }
            return bytes;
        }

        private static long number(ResultSet row, String column, long maximum) throws SQLException, DamagedException {
            if (row.getObject(column) instanceof Number number
                    && !(number instanceof Double)
                    && number.longValue() >= 0
                    && number.longValue() <= maximum) {
                return number.longValue();
            }
            throw new DamagedException("its column \"" + column + "\" does not hold a number in range");
        }

        private OptionalLong seconds(ResultSet row, String column) throws SQLException, DamagedException {
            Set<String> columns = database.columns("whatsmeow_privacy_tokens");
            return !columns.contains(column) || row.getObject(column) == null
                    ? OptionalLong.empty()
                    : OptionalLong.of(number(row, column, Long.MAX_VALUE));
        }
    }
}
