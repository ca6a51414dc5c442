package dev.keystore.interop;

import com.fasterxml.jackson.databind.JsonNode;
import dev.keystore.KeyType;
import dev.keystore.interop.SignalCliTables.Identity;
import dev.keystore.interop.TransferItem.Fate;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * An account of signal-cli: the file of the account, and the SQLite database in the folder next to it, of the schema
 * versions 17 to 28.
 *
 * <p>An account of Signal has two identities, for its account id (ACI) and for its phone number (PNI), each with its
 * own pre-keys and sessions. Each is one context: {@link #at} is the ACI, and {@link #pni} the other one.
 *
 * <p>The entries are those that {@code SignalAccount} of the module {@code keystore-libsignal} reads, so it opens the
 * context and continues with its sessions. The application data of the ACI is the file of the account, byte for byte:
 * the password, the profile key and whatever else signal-cli keeps there. What the standard types have no place for is
 * kept under {@link #DETAILS}.
 *
 * <p>It can only be imported. Nothing is written, and signal-cli cannot start while it is read, since its lock is held.
 */
public final class SignalCliAccount extends ForeignStore {

    /**
     * What else signal-cli keeps, as JSON objects: {@code identity/ADDRESS} with {@code trustLevel} and
     * {@code addedTimestamp}; {@code pre_key/ID} and {@code kyber_pre_key/ID} with times; {@code sender_key/ID} and
     * {@code sender_key_shared/DISTRIBUTION} with times; {@code group_v2/GROUP} with {@code masterKey} and
     * {@code distributionId}; and {@code key_value/KEY} with {@code value}, or {@code bytes} in base64. Times are in
     * milliseconds.
     */
    public static final KeyType<byte[]> DETAILS = SignalCliTables.DETAILS;

    private static final int OLDEST_DATABASE = 17;
    private static final int NEWEST_DATABASE = 28;
    private static final int OLDEST_FILE = 8;
    private static final int NEWEST_FILE = 10;
    private static final int NEWEST_LIST = 2;
    private static final String DATABASE = "account.db";

    private final Path file;
    private final Identity identity;

    private SignalCliAccount(Path file, Identity identity) {
        this.file = file;
        this.identity = identity;
    }

    /**
     * Names the ACI of an account. Nothing is read yet.
     *
     * @param file the file of the account, one of {@link #accounts}; its database is in the folder with the same name
     *     and {@code .d}
     * @return the store of its ACI
     */
    public static SignalCliAccount at(Path file) {
        return new SignalCliAccount(Objects.requireNonNull(file, "file").toAbsolutePath(), Identity.ACI);
    }

    /**
     * Names the PNI of the same account. Nothing is read yet.
     *
     * @return the store of its PNI
     */
    public SignalCliAccount pni() {
        return new SignalCliAccount(file, Identity.PNI);
    }

    /**
     * Lists the accounts in a data folder of signal-cli, from its {@code accounts.json}.
     *
     * @param folder the folder, usually {@code ~/.local/share/signal-cli/data}
     * @return the files of the accounts, in the order of the list
     * @throws ForeignStoreException if the list cannot be read, or is of a version that is not known
     */
    public static List<Path> accounts(Path folder) {
        Path list = Objects.requireNonNull(folder, "folder").toAbsolutePath().resolve("accounts.json");
        List<Path> files = new ArrayList<>();
        try (SignalCliFile accounts = SignalCliFile.open(list)) {
            JsonFields fields = new JsonFields(StrictJson.read(accounts.document()));
            long version = fields.number("version", 0, Integer.MAX_VALUE);
            if (version > NEWEST_LIST) {
                throw new DamagedException("it is of version " + version + "; known are 1 to " + NEWEST_LIST);
            }
            for (JsonNode account : fields.take("accounts")) {
                files.add(list.resolveSibling(
                        NewFolder.checkName(BaileysValues.text(new JsonFields(account).take("path")))));
            }
        } catch (DamagedException e) {
            throw new ForeignStoreException(list + ": could not list the accounts: " + e.reason(), null);
        }
        return files;
    }

    /** Returns the path of the file, and which of its identities it is. */
    @Override
    public String toString() {
        return file + " (" + identity + ")";
    }

    @Override
    Collection<KeyType<?>> additionalTypes() {
        return List.of(DETAILS);
    }

    @Override
    Read read(Reading reading) {
        Path folder = file.resolveSibling(file.getFileName() + ".d");
        Contents contents = new Contents(toString(), reading.limits());
        Map<String, byte[]> digests = new LinkedHashMap<>();
        try (SignalCliFile account = SignalCliFile.open(file)) {
            if (Files.isSymbolicLink(folder)) {
                throw SqliteCopy.failed(folder, "it is a link, which is not followed", null);
            }
            FolderFiles files = FolderFiles.list(folder);
            readAccount(account.document(), contents);
            try (SqliteCopy database = SqliteCopy.open(folder.resolve(DATABASE), digests)) {
                checkVersion(database);
                new SignalCliTables(database, identity, contents, reading).read();
                database.nameDamage(contents);
            } catch (SQLException e) {
                throw SqliteCopy.failed(folder.resolve(DATABASE), "it is not a database that can be read", e);
            }
            leaveOthers(files, contents);
            return new Read(contents, () -> {
                SignalCliFile.checkUnchanged(file, account.document());
                SqliteCopy.checkUnchanged(folder.resolve(DATABASE), digests);
                files.checkUnchanged();
            });
        }
    }

    private void checkVersion(SqliteCopy database) throws SQLException {
        int[] version = {0};
        database.query("PRAGMA user_version", row -> version[0] = row.getInt(1));
        if (version[0] < OLDEST_DATABASE || version[0] > NEWEST_DATABASE) {
            throw refused("its database is of version " + version[0], OLDEST_DATABASE, NEWEST_DATABASE);
        }
    }

    private ForeignStoreException refused(String what, int oldest, int newest) {
        return SqliteCopy.failed(
                file,
                what + "; known are " + oldest + " to " + newest
                        + ", up to signal-cli 0.14.6, which brings an older one up to date when it opens it",
                null);
    }

    private void readAccount(byte[] document, Contents contents) {
        String item = file.getFileName().toString();
        try {
            JsonFields fields = new JsonFields(StrictJson.read(document));
            int version = (int) fields.number("version", 0, Integer.MAX_VALUE);
            if (version < OLDEST_FILE || version > NEWEST_FILE) {
                throw refused("its file is of version " + version, OLDEST_FILE, NEWEST_FILE);
            }
            LibsignalCredentials credentials = credentials(fields.object(identity.field));
            boolean isAci = identity == Identity.ACI;
            contents.addCredentials(
                    item,
                    credentials.encode(isAci ? document : new byte[0]),
                    isAci ? "" : "without the file itself, which is kept in the context of the ACI");
        } catch (DamagedException e) {
            String reason = e.reason() + "; " + Losses.of(Contents.CREDENTIALS);
            contents.leave(item, Fate.DAMAGED, Contents.CREDENTIALS, "", reason);
        }
    }

    private static LibsignalCredentials credentials(JsonFields fields) throws DamagedException {
        byte[] publicKey = fields.bytes("identityPublicKey", Curve.KEY_BYTES + 1);
        byte[] privateKey = fields.bytes("identityPrivateKey", Curve.KEY_BYTES);
        Curve.checkPair(publicKey, privateKey);
        return new LibsignalCredentials(
                (int) fields.number("registrationId", 1, Integer.MAX_VALUE),
                publicKey,
                privateKey,
                nextId(fields, "nextPreKeyId"),
                nextId(fields, "nextSignedPreKeyId"),
                nextId(fields, "nextKyberPreKeyId"));
    }

    private static int nextId(JsonFields fields, String name) throws DamagedException {
        int next = (int) fields.number(name, 0, LibsignalCredentials.MAXIMUM_KEY_ID + 1L);
        return next == 0 || next > LibsignalCredentials.MAXIMUM_KEY_ID ? 1 : next;
    }

    /** Names what else is in the folder of the account. */
    private static void leaveOthers(FolderFiles files, Contents contents) {
        Set<String> database = Set.of(DATABASE, DATABASE + "-wal", DATABASE + "-journal");
        files.files().keySet().stream().filter(name -> !database.contains(name)).forEach(name -> {
            String item = name + " (in the folder)";
            switch (name) {
                case DATABASE + "-shm" ->
                    contents.leave(item, Fate.NOT_NEEDED, "", "", "an index of the log, which SQLite creates again");
                case "msg-cache" ->
                    contents.leave(item, Fate.NOT_CARRIED, "", "", "received messages that were not processed yet");
                case "storage-manifest" ->
                    contents.leave(item, Fate.NOT_CARRIED, "", "", "a copy of what the server holds");
                default -> contents.leave(item, Fate.UNKNOWN, "", "", "it is not known to hold keys");
            }
        });
    }

    @Override
    List<TransferItem> write(Contents contents, String context, boolean dryRun) {
        throw new ForeignStoreException(
                file + ": could not export to it: an account of signal-cli can only be imported", null);
    }
}
