package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.Statement;
import java.util.Base64;
import java.util.List;
import java.util.UUID;
import org.signal.libsignal.protocol.IdentityKeyPair;
import org.signal.libsignal.protocol.SessionBuilder;
import org.signal.libsignal.protocol.SessionCipher;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.ecc.ECKeyPair;
import org.signal.libsignal.protocol.groups.GroupCipher;
import org.signal.libsignal.protocol.groups.GroupSessionBuilder;
import org.signal.libsignal.protocol.kem.KEMKeyPair;
import org.signal.libsignal.protocol.kem.KEMKeyType;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.message.PreKeySignalMessage;
import org.signal.libsignal.protocol.message.SignalMessage;
import org.signal.libsignal.protocol.state.KyberPreKeyRecord;
import org.signal.libsignal.protocol.state.PreKeyBundle;
import org.signal.libsignal.protocol.state.PreKeyRecord;
import org.signal.libsignal.protocol.state.SignedPreKeyRecord;
import org.signal.libsignal.protocol.state.impl.InMemorySignalProtocolStore;

/**
 * A data folder of signal-cli with one account, in the schema of version 28: Alice, whose libsignal has conversations
 * with Bob and, on her phone number, with Carol. What the others need to continue is kept here.
 */
final class SignalCliFixture {

    static final String ACI = "11111111-2222-4333-8444-555555555555";
    static final String PNI = "PNI:66666666-7777-4888-8999-aaaaaaaaaaaa";
    static final SignalProtocolAddress ALICE = new SignalProtocolAddress(ACI, 2);
    static final SignalProtocolAddress ALICE_PNI = new SignalProtocolAddress(PNI, 2);
    static final SignalProtocolAddress BOB = new SignalProtocolAddress("bbbbbbbb-0000-4000-8000-000000000001", 3);
    static final SignalProtocolAddress CAROL = new SignalProtocolAddress("cccccccc-0000-4000-8000-000000000002", 1);
    static final UUID DISTRIBUTION = UUID.fromString("dddddddd-0000-4000-8000-000000000003");
    static final int REGISTRATION = 4_711;
    static final int PNI_REGISTRATION = 4_712;
    static final int LAST_RESORT = 9;
    static final int ONE_TIME = 8;
    static final int FREE_PRE_KEY = 18;
    static final int SIGNED = 5;

    private static final List<String> SCHEMA = List.of(
            "recipient (_id INTEGER PRIMARY KEY AUTOINCREMENT, number TEXT UNIQUE, aci TEXT UNIQUE, profile_key BLOB)",
            "pre_key (_id INTEGER PRIMARY KEY, account_id_type INTEGER NOT NULL, key_id INTEGER NOT NULL,"
                    + " public_key BLOB NOT NULL, private_key BLOB NOT NULL, stale_timestamp INTEGER,"
                    + " UNIQUE(account_id_type, key_id))",
            "signed_pre_key (_id INTEGER PRIMARY KEY, account_id_type INTEGER NOT NULL, key_id INTEGER NOT NULL,"
                    + " public_key BLOB NOT NULL, private_key BLOB NOT NULL, signature BLOB NOT NULL,"
                    + " timestamp INTEGER DEFAULT 0, UNIQUE(account_id_type, key_id))",
            "kyber_pre_key (_id INTEGER PRIMARY KEY, account_id_type INTEGER NOT NULL, key_id INTEGER NOT NULL,"
                    + " serialized BLOB NOT NULL, is_last_resort INTEGER NOT NULL, stale_timestamp INTEGER,"
                    + " timestamp INTEGER DEFAULT 0, UNIQUE(account_id_type, key_id))",
            "session (_id INTEGER PRIMARY KEY, account_id_type INTEGER NOT NULL, address TEXT NOT NULL,"
                    + " device_id INTEGER NOT NULL, record BLOB NOT NULL, UNIQUE(account_id_type, address, device_id))",
            "identity (_id INTEGER PRIMARY KEY, address TEXT UNIQUE NOT NULL, identity_key BLOB NOT NULL,"
                    + " added_timestamp INTEGER NOT NULL, trust_level INTEGER NOT NULL)",
            "sender_key (_id INTEGER PRIMARY KEY, address TEXT NOT NULL, device_id INTEGER NOT NULL,"
                    + " distribution_id BLOB NOT NULL, record BLOB NOT NULL, created_timestamp INTEGER NOT NULL,"
                    + " UNIQUE(address, device_id, distribution_id))",
            "sender_key_shared (_id INTEGER PRIMARY KEY, address TEXT NOT NULL, device_id INTEGER NOT NULL,"
                    + " distribution_id BLOB NOT NULL, timestamp INTEGER NOT NULL,"
                    + " UNIQUE(address, device_id, distribution_id))",
            "group_v2 (_id INTEGER PRIMARY KEY, group_id BLOB UNIQUE NOT NULL, master_key BLOB NOT NULL,"
                    + " group_data BLOB, distribution_id BLOB UNIQUE NOT NULL)",
            "key_value (_id INTEGER PRIMARY KEY, key TEXT UNIQUE NOT NULL, value ANY)",
            "cdsi (_id INTEGER PRIMARY KEY, number TEXT NOT NULL UNIQUE, last_seen_at INTEGER NOT NULL)",
            "message_send_log (_id INTEGER PRIMARY KEY, content_id INTEGER NOT NULL)");

    final Path folder;
    final Path file;
    final Path database;
    final IdentityKeyPair aci = IdentityKeyPair.generate();
    final IdentityKeyPair pni = IdentityKeyPair.generate();
    final InMemorySignalProtocolStore alice = new InMemorySignalProtocolStore(aci, REGISTRATION);
    final InMemorySignalProtocolStore alicePni = new InMemorySignalProtocolStore(pni, PNI_REGISTRATION);
    final InMemorySignalProtocolStore bob = new InMemorySignalProtocolStore(IdentityKeyPair.generate(), 1);
    final InMemorySignalProtocolStore carol = new InMemorySignalProtocolStore(IdentityKeyPair.generate(), 2);

    /** A message of Bob that Alice has not received, although she has received the next one. */
    final byte[] missing;

    private final boolean isStrict;

    /**
     * Creates the folder.
     *
     * @param isStrict whether the tables are strict, as signal-cli creates them; else they hold values of any type
     */
    SignalCliFixture(Path parent, boolean isStrict) throws Exception {
        this.isStrict = isStrict;
        folder = Files.createDirectories(parent.resolve("data"));
        file = folder.resolve("123456");
        database = Files.createDirectory(folder.resolve("123456.d")).resolve("account.db");
        addKeys(alice, aci);
        addKeys(alicePni, pni);
        new SessionBuilder(bob, ALICE).process(bundle(alice, aci, REGISTRATION, 17, 7));
        exchange(bob, BOB, alice, ALICE, "one");
        exchange(alice, ALICE, bob, BOB, "two");
        missing = encrypt(bob, ALICE, "missing").serialize();
        exchange(bob, BOB, alice, ALICE, "three");
        new SessionBuilder(carol, ALICE_PNI).process(bundle(alicePni, pni, PNI_REGISTRATION, 17, LAST_RESORT));
        exchange(carol, CAROL, alicePni, ALICE_PNI, "to the number");
        var distribution = new GroupSessionBuilder(bob).create(BOB, DISTRIBUTION);
        new GroupSessionBuilder(alice).process(BOB, distribution);
        new GroupCipher(alice, BOB)
                .decrypt(new GroupCipher(bob, BOB)
                        .encrypt(DISTRIBUTION, "to the group".getBytes(UTF_8))
                        .serialize());
        writeFile();
        writeDatabase();
    }

    private static void addKeys(InMemorySignalProtocolStore store, IdentityKeyPair identity) {
        for (int id : List.of(17, FREE_PRE_KEY)) {
            store.storePreKey(id, new PreKeyRecord(id, ECKeyPair.generate()));
        }
        ECKeyPair signed = ECKeyPair.generate();
        byte[] signature = identity.getPrivateKey()
                .calculateSignature(signed.getPublicKey().serialize());
        store.storeSignedPreKey(SIGNED, new SignedPreKeyRecord(SIGNED, 1_763_900_000_000L, signed, signature));
        for (int id : List.of(7, ONE_TIME, LAST_RESORT)) {
            KEMKeyPair pair = KEMKeyPair.generate(KEMKeyType.KYBER_1024);
            byte[] kyberSignature = identity.getPrivateKey()
                    .calculateSignature(pair.getPublicKey().serialize());
            store.storeKyberPreKey(id, new KyberPreKeyRecord(id, 1_763_900_000_000L, pair, kyberSignature));
        }
    }

    static PreKeyBundle bundle(
            InMemorySignalProtocolStore store, IdentityKeyPair identity, int registration, int preKey, int kyber)
            throws Exception {
        SignedPreKeyRecord signed = store.loadSignedPreKey(SIGNED);
        KyberPreKeyRecord kyberRecord = store.loadKyberPreKey(kyber);
        return new PreKeyBundle(
                registration,
                2,
                preKey,
                store.loadPreKey(preKey).getKeyPair().getPublicKey(),
                SIGNED,
                signed.getKeyPair().getPublicKey(),
                signed.getSignature(),
                identity.getPublicKey(),
                kyber,
                kyberRecord.getKeyPair().getPublicKey(),
                kyberRecord.getSignature());
    }

    static CiphertextMessage encrypt(InMemorySignalProtocolStore from, SignalProtocolAddress to, String text)
            throws Exception {
        return new SessionCipher(from, to).encrypt(text.getBytes(UTF_8));
    }

    static String decrypt(InMemorySignalProtocolStore to, SignalProtocolAddress from, CiphertextMessage message)
            throws Exception {
        SessionCipher cipher = new SessionCipher(to, from);
        return new String(
                message instanceof PreKeySignalMessage first
                        ? cipher.decrypt(first)
                        : cipher.decrypt(new SignalMessage(message.serialize())),
                UTF_8);
    }

    private static void exchange(
            InMemorySignalProtocolStore from,
            SignalProtocolAddress sender,
            InMemorySignalProtocolStore to,
            SignalProtocolAddress receiver,
            String text)
            throws Exception {
        if (!decrypt(to, sender, encrypt(from, receiver, text)).equals(text)) {
            throw new IllegalStateException("A message of the fixture was not decrypted");
        }
    }

    private void writeFile() throws Exception {
        ObjectNode account = StrictJson.object()
                .put("version", 10)
                .put("timestamp", 1_763_900_000_000L)
                .put("serviceEnvironment", "LIVE")
                .put("registered", true)
                .put("number", "+15550100001")
                .put("deviceId", 2)
                .put("isMultiDevice", true)
                .put("password", "made up");
        account.set("aciAccountData", accountData(ACI, REGISTRATION, aci));
        account.set("pniAccountData", accountData(PNI, PNI_REGISTRATION, pni));
        account.putNull("registrationLockPin").put("profileKey", Buffers.base64(new byte[32]));
        Files.write(file, StrictJson.write(account));
        Files.writeString(
                folder.resolve("accounts.json"),
                "{\"accounts\":[{\"path\":\"123456\",\"environment\":\"LIVE\",\"number\":\"+15550100001\",\"uuid\":\""
                        + ACI + "\"}],\"version\":2}");
    }

    private static ObjectNode accountData(String serviceId, int registration, IdentityKeyPair identity) {
        return StrictJson.object()
                .put("serviceId", serviceId)
                .put("registrationId", registration)
                .put("identityPrivateKey", base64(identity.getPrivateKey().serialize()))
                .put("identityPublicKey", base64(identity.getPublicKey().serialize()))
                .put("nextPreKeyId", 101)
                .put("nextSignedPreKeyId", 6)
                .put("activeSignedPreKeyId", SIGNED)
                .put("nextKyberPreKeyId", 10)
                .put("activeLastResortKyberPreKeyId", LAST_RESORT);
    }

    private static String base64(byte[] bytes) {
        return Base64.getEncoder().encodeToString(bytes);
    }

    private void writeDatabase() throws Exception {
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + database)) {
            connection.setAutoCommit(false);
            for (String table : SCHEMA) {
                execute(connection, "CREATE TABLE " + table + (isStrict ? " STRICT" : ""));
            }
            execute(connection, "PRAGMA user_version = 28");
            addRows(connection, 0, alice, BOB);
            addRows(connection, 1, alicePni, CAROL);
            execute(connection, "UPDATE pre_key SET stale_timestamp = 1763900000001 WHERE account_id_type = 0");
            execute(
                    connection,
                    "INSERT INTO sender_key (address, device_id, distribution_id, record, created_timestamp)"
                            + " VALUES (?, ?, ?, ?, ?)",
                    BOB.getName(),
                    BOB.getDeviceId(),
                    bytes(DISTRIBUTION),
                    alice.loadSenderKey(BOB, DISTRIBUTION).serialize(),
                    17L);
            for (int device : List.of(1, 3)) {
                execute(
                        connection,
                        "INSERT INTO sender_key_shared (address, device_id, distribution_id, timestamp)"
                                + " VALUES (?, ?, ?, ?)",
                        BOB.getName(),
                        device,
                        bytes(DISTRIBUTION),
                        18L + device);
            }
            execute(
                    connection,
                    "INSERT INTO group_v2 (group_id, master_key, group_data, distribution_id) VALUES (?, ?, ?, ?)",
                    new byte[] {1, 2, 3},
                    new byte[32],
                    new byte[] {4},
                    bytes(DISTRIBUTION));
            String keyValue = "INSERT INTO key_value (key, value) VALUES (?, ?)";
            execute(connection, keyValue, "last-receive-timestamp", 1_763_900_000_002L);
            execute(connection, keyValue, "cdsi-token", new byte[] {5, 6});
            execute(connection, "INSERT INTO recipient (number) VALUES ('+15550100002')");
            execute(connection, "INSERT INTO cdsi (number, last_seen_at) VALUES ('+15550100002', 1)");
            connection.commit();
        }
    }

    private static void addRows(
            Connection connection, int type, InMemorySignalProtocolStore store, SignalProtocolAddress contact)
            throws Exception {
        PreKeyRecord preKey = store.loadPreKey(FREE_PRE_KEY);
        execute(
                connection,
                "INSERT INTO pre_key (account_id_type, key_id, public_key, private_key) VALUES (?, ?, ?, ?)",
                type,
                FREE_PRE_KEY,
                preKey.getKeyPair().getPublicKey().serialize(),
                preKey.getKeyPair().getPrivateKey().serialize());
        SignedPreKeyRecord signed = store.loadSignedPreKey(SIGNED);
        execute(
                connection,
                "INSERT INTO signed_pre_key (account_id_type, key_id, public_key, private_key, signature, timestamp)"
                        + " VALUES (?, ?, ?, ?, ?, ?)",
                type,
                SIGNED,
                signed.getKeyPair().getPublicKey().serialize(),
                signed.getKeyPair().getPrivateKey().serialize(),
                signed.getSignature(),
                signed.getTimestamp());
        for (int id : List.of(ONE_TIME, LAST_RESORT)) {
            execute(
                    connection,
                    "INSERT INTO kyber_pre_key (account_id_type, key_id, serialized, is_last_resort, timestamp)"
                            + " VALUES (?, ?, ?, ?, ?)",
                    type,
                    id,
                    store.loadKyberPreKey(id).serialize(),
                    id == LAST_RESORT ? 1 : 0,
                    1_763_900_000_000L);
        }
        execute(
                connection,
                "INSERT INTO session (account_id_type, address, device_id, record) VALUES (?, ?, ?, ?)",
                type,
                contact.getName(),
                contact.getDeviceId(),
                store.loadSession(contact).serialize());
        execute(
                connection,
                "INSERT INTO identity (address, identity_key, added_timestamp, trust_level) VALUES (?, ?, ?, ?)",
                contact.getName(),
                store.getIdentity(contact).serialize(),
                16L,
                type == 0 ? 2 : 0);
    }

    void execute(String sql, Object... values) throws Exception {
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + database)) {
            execute(connection, sql, values);
        }
    }

    private static void execute(Connection connection, String sql, Object... values) throws Exception {
        if (values.length == 0) {
            try (Statement statement = connection.createStatement()) {
                statement.execute(sql);
            }
            return;
        }
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) {
                statement.setObject(i + 1, values[i]);
            }
            statement.execute();
        }
    }

    private static byte[] bytes(UUID id) {
        return ByteBuffer.allocate(16)
                .putLong(id.getMostSignificantBits())
                .putLong(id.getLeastSignificantBits())
                .array();
    }
}
