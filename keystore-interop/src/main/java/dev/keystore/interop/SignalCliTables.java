package dev.keystore.interop;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.keystore.KeyPair;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.SignedPreKey;
import dev.keystore.interop.ForeignStore.Reading;
import dev.keystore.interop.TableReader.Owner;
import dev.keystore.interop.TableReader.RowReader;
import dev.keystore.interop.TransferItem.Fate;
import java.nio.ByteBuffer;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The tables of an account of signal-cli, of which the rows of one identity become entries. Rows that belong to both
 * identities, such as sender keys, become entries of the ACI; only the identity keys of others become those of both.
 */
final class SignalCliTables {

    /** What the standard types have no place for. */
    static final KeyType<byte[]> DETAILS = KeyType.ofBytes("signal-cli");

    /** Marks one-time Kyber pre-keys, as {@code keystore-libsignal} does. */
    static final KeyType<byte[]> ONE_TIME_KYBER_PRE_KEY = KeyType.ofBytes("libsignal-one-time-kyber-pre-key");

    /** The device that every contact has. */
    private static final int PRIMARY_DEVICE = 1;

    private static final int NEWEST_DEVICE = 127;
    private static final int SIGNATURE_BYTES = 64;
    private static final int UUID_BYTES = 16;
    private static final long MAXIMUM_KEY_ID = 0xFF_FFFF;
    private static final int UNTRUSTED = 0;
    private static final int VERIFIED = 2;
    private static final Pattern SERVICE_ID =
            Pattern.compile("(PNI:)?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");

    /** Tables whose rows have no place in a context, with the reason. */
    private static final Map<String, String> NOT_CARRIED = Map.ofEntries(
            Map.entry("recipient", "contacts and their profiles, which are no keys of this account"),
            Map.entry("sticker", "sticker packs, which are no keys of this account"),
            Map.entry("group_v1", "groups of the former kind, which have no keys"),
            Map.entry("group_v1_member", "members of groups, which are no keys"),
            Map.entry("group_v2_member", "members of groups, which are no keys"),
            Map.entry("message_send_log", "sent messages, kept to send them again"),
            Map.entry("message_send_log_content", "sent messages, kept to send them again"),
            Map.entry("cdsi", "numbers of contacts, which are no keys"),
            Map.entry("storage_id", "records on the server that signal-cli does not know"));

    /** One of the two identities of an account: its name in the file, and its number in the database. */
    enum Identity {
        ACI("aciAccountData", 0),
        PNI("pniAccountData", 1);

        final String field;
        final int number;

        Identity(String field, int number) {
            this.field = field;
            this.number = number;
        }
    }

    private final Contents contents;
    private final boolean isAci;
    private final Owner owner;
    private final TableReader reader;
    private final Set<String> tables;
    private final Set<String> read = new TreeSet<>();
    private final Map<String, Set<Integer>> devices = new TreeMap<>();

    SignalCliTables(SqliteCopy database, Identity identity, Contents contents, Reading reading) throws SQLException {
        this.contents = contents;
        this.isAci = identity == Identity.ACI;
        this.owner = new Owner(
                "account_id_type",
                Integer.toString(identity.number),
                "other identity",
                "of the other identity, which is another context");
        this.reader = new TableReader(database, contents, reading);
        this.tables = database.tables();
    }

    void read() throws SQLException {
        own("pre_key", KeyTypes.PRE_KEY, this::readPreKey);
        own("signed_pre_key", KeyTypes.SIGNED_PRE_KEY, this::readSignedPreKey);
        own("kyber_pre_key", KeyTypes.KYBER_PRE_KEY, this::readKyberPreKey);
        own("session", KeyTypes.SESSION, this::readSession);
        // After the sessions, which say what devices a contact has.
        table("identity", null, KeyTypes.IDENTITY_KEY.name(), "address", this::readIdentity);
        shared("sender_key", KeyTypes.SENDER_KEY.name(), "address", this::readSenderKey);
        Map<String, ObjectNode> times = new TreeMap<>();
        shared("sender_key_shared", KeyTypes.SENDER_KEY_MEMORY.name(), "address", (item, row) -> {
            String address = address(row);
            long time = Columns.number(row, "timestamp", Long.MAX_VALUE);
            ObjectNode shared =
                    times.computeIfAbsent(distribution(row).toString(), distribution -> StrictJson.object());
            if (shared.has(address)) {
                throw new DamagedException("the same device was found before");
            }
            shared.put(address, time);
        });
        times.forEach(this::addMemory);
        shared("group_v2", DETAILS.name(), "group_id", this::readGroup);
        shared("key_value", DETAILS.name(), "key", this::readKeyValue);
        for (String table : new TreeSet<>(tables)) {
            String reason = NOT_CARRIED.get(table);
            if (reason != null) {
                reader.leave(table, reason);
            } else if (!read.contains(table)) {
                contents.leave("table " + table, Fate.UNKNOWN, "", "", "it is not of a known version of signal-cli");
            }
        }
    }

    private void own(String table, KeyType<?> type, RowReader each) {
        table(table, owner, type.name(), type.equals(KeyTypes.SESSION) ? "address" : "key_id", each);
    }

    /** Reads a table that belongs to the account as a whole into the context of the ACI. */
    private void shared(String table, String type, String id, RowReader each) {
        if (isAci || !tables.contains(table)) {
            table(table, null, type, id, each);
        } else {
            read.add(table);
            reader.leave(table, "they belong to the whole account, and are kept in the context of the ACI");
        }
    }

    private void table(String table, @Nullable Owner rows, String type, String id, RowReader each) {
        if (tables.contains(table)) {
            read.add(table);
            reader.read(table, rows, type, id, each);
        } else {
            contents.leave("table " + table, Fate.DAMAGED, type, "", "it is missing");
        }
    }

    private void readPreKey(String item, ResultSet row) throws SQLException, DamagedException {
        String id = keyId(row);
        OptionalLong stale = Columns.findNumber(row, "stale_timestamp");
        contents.add(item, KeyTypes.PRE_KEY, id, keyPair(row), "");
        if (stale.isPresent()) {
            addDetails(item, "pre_key/" + id, StrictJson.object().put("staleTimestamp", stale.getAsLong()));
        }
    }

    private void readSignedPreKey(String item, ResultSet row) throws SQLException, DamagedException {
        long timestamp = Columns.findNumber(row, "timestamp").orElse(0);
        byte[] signature = Columns.bytes(row, "signature", SIGNATURE_BYTES);
        contents.add(
                item, KeyTypes.SIGNED_PRE_KEY, keyId(row), new SignedPreKey(keyPair(row), signature, timestamp), "");
    }

    private void readKyberPreKey(String item, ResultSet row) throws SQLException, DamagedException {
        String id = keyId(row);
        byte[] record = Columns.bytes(row, "serialized");
        LibsignalRecords.checkKyberPreKey(Long.parseLong(id), record);
        boolean isLastResort = Columns.number(row, "is_last_resort", 1) == 1;
        OptionalLong stale = Columns.findNumber(row, "stale_timestamp");
        ObjectNode details = StrictJson.object().put("isLastResort", isLastResort);
        Columns.findNumber(row, "timestamp").ifPresent(time -> details.put("timestamp", time));
        stale.ifPresent(time -> details.put("staleTimestamp", time));
        contents.add(item, KeyTypes.KYBER_PRE_KEY, id, record, "");
        if (!isLastResort) {
            contents.add(item + " (one-time)", ONE_TIME_KYBER_PRE_KEY, id, new byte[0], "");
        }
        addDetails(item, "kyber_pre_key/" + id, details);
    }

    private void readSession(String item, ResultSet row) throws SQLException, DamagedException {
        byte[] record = Columns.bytes(row, "record");
        LibsignalRecords.checkSession(record);
        contents.add(item, KeyTypes.SESSION, address(row), record, "");
        devices.computeIfAbsent(serviceId(row), name -> new TreeSet<>()).add(device(row));
    }

    /** signal-cli keeps one identity key for all devices of a contact; here each device has its own entry. */
    private void readIdentity(String item, ResultSet row) throws SQLException, DamagedException {
        String name = serviceId(row);
        byte[] key = Columns.bytes(row, "identity_key", Curve.KEY_BYTES + 1);
        Curve.withoutType(key);
        long trust = Columns.number(row, "trust_level", VERIFIED);
        long added = Columns.number(row, "added_timestamp", Long.MAX_VALUE);
        Set<Integer> known = new TreeSet<>(devices.getOrDefault(name, Set.of()));
        known.add(PRIMARY_DEVICE);
        for (int device : known) {
            contents.add(
                    item + " (device " + device + ")",
                    KeyTypes.IDENTITY_KEY,
                    name + "." + device,
                    key,
                    trust == UNTRUSTED
                            ? "it is the key of " + name + "; signal-cli did not trust it; only a TrustPolicy of yours"
                                    + " can refuse it"
                            : "");
        }
        addDetails(
                item,
                "identity/" + name,
                StrictJson.object().put("trustLevel", trust).put("addedTimestamp", added));
    }

    private void readSenderKey(String item, ResultSet row) throws SQLException, DamagedException {
        String id = distribution(row) + ":" + address(row);
        byte[] record = Columns.bytes(row, "record");
        LibsignalRecords.checkSenderKey(record);
        long created = Columns.number(row, "created_timestamp", Long.MAX_VALUE);
        contents.add(item, KeyTypes.SENDER_KEY, id, record, "");
        addDetails(item, "sender_key/" + id, StrictJson.object().put("createdTimestamp", created));
    }

    /** Adds the devices that have received the sender key of a distribution, with the times. */
    private void addMemory(String distribution, ObjectNode times) {
        String item = "sender_key_shared of " + distribution;
        Map<String, Boolean> devicesOfIt = new LinkedHashMap<>();
        times.fieldNames().forEachRemaining(device -> devicesOfIt.put(device, true));
        try {
            contents.add(item, KeyTypes.SENDER_KEY_MEMORY, distribution, devicesOfIt, "");
            addDetails(item, "sender_key_shared/" + distribution, times);
        } catch (DamagedException e) {
            throw new IllegalStateException("A distribution was added twice: " + e.reason(), e);
        }
    }

    private void readGroup(String item, ResultSet row) throws SQLException, DamagedException {
        String id = Buffers.base64(Columns.bytes(row, "group_id"));
        String masterKey = Buffers.base64(Columns.bytes(row, "master_key", Curve.KEY_BYTES));
        ObjectNode group = StrictJson.object().put("masterKey", masterKey);
        group.put("distributionId", distribution(row).toString());
        contents.add(item, DETAILS, "group_v2/" + id, StrictJson.write(group), "");
    }

    private void readKeyValue(String item, ResultSet row) throws SQLException, DamagedException {
        ObjectNode node = StrictJson.object();
        Object value = row.getObject("value");
        if (value instanceof byte[] bytes) {
            node.put("bytes", Buffers.base64(bytes));
        } else if (value instanceof Double number) {
            if (!Double.isFinite(number)) {
                throw new DamagedException("its number is infinite");
            }
            node.put("value", number);
        } else if (value instanceof Number number) {
            node.put("value", number.longValue());
        } else {
            node.put("value", Columns.findText(row, "value"));
        }
        String id = "key_value/" + Columns.text(row, "key");
        contents.add(item, DETAILS, id, StrictJson.write(node), "");
    }

    private void addDetails(String item, String id, ObjectNode details) throws DamagedException {
        contents.add(item + " (details)", DETAILS, id, StrictJson.write(details), "");
    }

    private static String keyId(ResultSet row) throws SQLException, DamagedException {
        return Long.toString(Columns.number(row, "key_id", MAXIMUM_KEY_ID));
    }

    private static KeyPair keyPair(ResultSet row) throws SQLException, DamagedException {
        byte[] publicKey = Columns.bytes(row, "public_key", Curve.KEY_BYTES + 1);
        byte[] privateKey = Columns.bytes(row, "private_key", Curve.KEY_BYTES);
        Curve.checkPair(publicKey, privateKey);
        return new KeyPair(publicKey, privateKey);
    }

    private static String serviceId(ResultSet row) throws SQLException, DamagedException {
        String id = Columns.text(row, "address");
        if (!SERVICE_ID.matcher(id).matches()) {
            throw new DamagedException("its address is not the id of an account");
        }
        return id;
    }

    private static int device(ResultSet row) throws SQLException, DamagedException {
        int device = (int) Columns.number(row, "device_id", NEWEST_DEVICE);
        if (device == 0) {
            throw new DamagedException("its device is not a number from 1 to " + NEWEST_DEVICE);
        }
        return device;
    }

    private static String address(ResultSet row) throws SQLException, DamagedException {
        return serviceId(row) + "." + device(row);
    }

    private static UUID distribution(ResultSet row) throws SQLException, DamagedException {
        ByteBuffer id = ByteBuffer.wrap(Columns.bytes(row, "distribution_id", UUID_BYTES));
        return new UUID(id.getLong(), id.getLong());
    }
}
