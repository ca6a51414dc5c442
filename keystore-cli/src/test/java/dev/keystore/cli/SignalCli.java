package dev.keystore.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.Base64;
import java.util.HexFormat;
import org.signal.libsignal.protocol.ecc.ECKeyPair;

/** An account of signal-cli with one pre-key. */
final class SignalCli {

    private SignalCli() {}

    /** Writes the account, and returns its file. */
    static Path write(Path folder, ECKeyPair preKey) throws Exception {
        Path file = folder.resolve("123456");
        ECKeyPair identity = ECKeyPair.generate();
        Files.writeString(
                file,
                "{\"version\":10,\"aciAccountData\":{\"registrationId\":5,\"identityPublicKey\":\""
                        + base64(identity.getPublicKey().serialize()) + "\",\"identityPrivateKey\":\""
                        + base64(identity.getPrivateKey().serialize())
                        + "\",\"nextPreKeyId\":18,\"nextSignedPreKeyId\":2,\"nextKyberPreKeyId\":3}}");
        Path tables = Files.createDirectory(folder.resolve("123456.d")).resolve("account.db");
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + tables);
                Statement statement = connection.createStatement()) {
            String owned = "account_id_type INTEGER, key_id INTEGER, public_key BLOB, private_key BLOB";
            String address = "address TEXT, device_id INTEGER, distribution_id BLOB";
            for (String table : new String[] {
                "pre_key (" + owned + ", stale_timestamp INTEGER)",
                "signed_pre_key (" + owned + ", signature BLOB, timestamp INTEGER)",
                "kyber_pre_key (account_id_type INTEGER, key_id INTEGER, serialized BLOB, is_last_resort INTEGER)",
                "session (account_id_type INTEGER, address TEXT, device_id INTEGER, record BLOB)",
                "identity (address TEXT, identity_key BLOB, added_timestamp INTEGER, trust_level INTEGER)",
                "sender_key (" + address + ", record BLOB, created_timestamp INTEGER)",
                "sender_key_shared (" + address + ", timestamp INTEGER)",
                "group_v2 (group_id BLOB, master_key BLOB, distribution_id BLOB)",
                "key_value (key TEXT, value ANY)"
            }) {
                statement.execute("CREATE TABLE " + table);
            }
            statement.execute("INSERT INTO pre_key VALUES (0, 17, x'"
                    + HexFormat.of().formatHex(preKey.getPublicKey().serialize()) + "', x'"
                    + HexFormat.of().formatHex(preKey.getPrivateKey().serialize()) + "', NULL)");
            statement.execute("PRAGMA user_version = 28");
        }
        return file;
    }

    private static String base64(byte[] bytes) {
        return Base64.getEncoder().encodeToString(bytes);
    }
}
