package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.JsonNode;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.interop.TransferItem.Fate;
import dev.keystore.libsignal.SignalAccount;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.signal.libsignal.protocol.IdentityKeyPair;
import org.signal.libsignal.protocol.SessionBuilder;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.groups.GroupCipher;
import org.signal.libsignal.protocol.message.SignalMessage;
import org.signal.libsignal.protocol.state.impl.InMemorySignalProtocolStore;

/** Imports an account of signal-cli, whose conversations then continue in a {@link SignalAccount}. */
@Timeout(600)
class SignalCliAccountTest {

    @TempDir
    Path temporary;

    private SignalCliFixture source;

    @BeforeEach
    void create() throws Exception {
        source = new SignalCliFixture(temporary, true);
    }

    @Test
    @DisplayName("R91 R92 conversations continue after the import, with skipped messages, new contacts and groups")
    void conversations_goOn() throws Exception {
        try (SignalKeyDatabase database = Samples.database(temporary)) {
            SignalKeyStore store = database.forContext("alice");
            TransferReport report =
                    AccountImport.from(SignalCliAccount.at(source.file)).to(store);
            assertThat(report.items(Fate.DAMAGED)).isEmpty();
            SignalAccount alice = SignalAccount.open(store);
            assertThat(alice.identityKey()).isEqualTo(source.aci.getPublicKey());
            assertThat(alice.registrationId()).isEqualTo(SignalCliFixture.REGISTRATION);
            assertThat(alice.applicationData()).isEqualTo(Files.readAllBytes(source.file));

            // Bob, in the session that there was
            assertThat(alice.decrypt(SignalCliFixture.BOB, new SignalMessage(source.missing)))
                    .isEqualTo("missing".getBytes(UTF_8));
            for (String text : List.of("four", "five")) {
                assertThat(SignalCliFixture.decrypt(
                                source.bob,
                                SignalCliFixture.ALICE,
                                alice.encrypt(SignalCliFixture.BOB, text.getBytes(UTF_8))))
                        .isEqualTo(text);
                assertThat(alice.decrypt(
                                SignalCliFixture.BOB,
                                SignalCliFixture.encrypt(source.bob, SignalCliFixture.ALICE, "answer")))
                        .isEqualTo("answer".getBytes(UTF_8));
            }

            // Bob, in the group
            byte[] toGroup = new GroupCipher(source.bob, SignalCliFixture.BOB)
                    .encrypt(SignalCliFixture.DISTRIBUTION, "group".getBytes(UTF_8))
                    .serialize();
            byte[] inGroup = alice.transaction(
                    SignalCliFixture.DISTRIBUTION,
                    SignalCliFixture.BOB,
                    (signal, tx) -> new GroupCipher(signal, SignalCliFixture.BOB).decrypt(toGroup));
            assertThat(inGroup).isEqualTo("group".getBytes(UTF_8));

            // new contacts, with the pre-keys that a server still has
            startWith(alice, "dave", SignalCliFixture.FREE_PRE_KEY, SignalCliFixture.ONE_TIME);
            assertThat(store.find(KeyTypes.PRE_KEY, "18")).isEmpty();
            assertThat(store.find(KeyTypes.KYBER_PRE_KEY, "8")).isEmpty();
            assertThat(store.find(KeyTypes.KYBER_PRE_KEY, "9")).isPresent();

            // ids continue
            assertThat(alice.generatePreKeys(1).get(0).getId()).isEqualTo(101);
            assertThat(alice.generateSignedPreKey().getId()).isEqualTo(6);
            assertThat(alice.generateLastResortKyberPreKey().getId()).isEqualTo(10);
        }
    }

    private void startWith(SignalAccount alice, String name, int preKey, int kyber) throws Exception {
        SignalProtocolAddress address = new SignalProtocolAddress(name, 1);
        InMemorySignalProtocolStore store = new InMemorySignalProtocolStore(IdentityKeyPair.generate(), 3);
        new SessionBuilder(store, SignalCliFixture.ALICE)
                .process(SignalCliFixture.bundle(
                        source.alice, source.aci, SignalCliFixture.REGISTRATION, preKey, kyber));
        byte[] received =
                alice.decrypt(address, SignalCliFixture.encrypt(store, SignalCliFixture.ALICE, "hello from " + name));
        assertThat(received).isEqualTo(("hello from " + name).getBytes(UTF_8));
    }

    @Test
    @DisplayName("R91 the phone number's identity is another context, and continues as well")
    void pni_goesOn() throws Exception {
        try (SignalKeyDatabase database = Samples.database(temporary)) {
            SignalKeyStore store = database.forContext("alice-pni");
            TransferReport report =
                    AccountImport.from(SignalCliAccount.at(source.file).pni()).to(store);
            assertThat(report.items(Fate.DAMAGED)).isEmpty();
            assertThat(store.find(KeyTypes.SENDER_KEY, SignalCliFixture.DISTRIBUTION + ":" + SignalCliFixture.BOB))
                    .isEmpty();
            SignalAccount alice = SignalAccount.open(store);
            assertThat(alice.identityKey()).isEqualTo(source.pni.getPublicKey());
            assertThat(alice.registrationId()).isEqualTo(SignalCliFixture.PNI_REGISTRATION);
            assertThat(alice.applicationData()).isEmpty();
            assertThat(SignalCliFixture.decrypt(
                            source.carol,
                            SignalCliFixture.ALICE_PNI,
                            alice.encrypt(SignalCliFixture.CAROL, "hello".getBytes(UTF_8))))
                    .isEqualTo("hello");
        }
    }

    @Test
    @DisplayName("R92 every row and file is imported or named, and nothing is changed")
    void rows_areNamed() throws Exception {
        Files.createDirectory(source.database.resolveSibling("msg-cache"));
        Files.writeString(source.database.resolveSibling("odd"), "x");
        source.execute("CREATE TABLE newer (a INTEGER)");
        source.execute("INSERT INTO identity (address, identity_key, added_timestamp, trust_level) VALUES"
                + " ('nobody', x'05', 1, 1)");
        source.execute("INSERT INTO session (account_id_type, address, device_id, record) VALUES" + " (0, '"
                + SignalCliFixture.ACI + "', 128, x'0a00')");
        source.execute("INSERT INTO kyber_pre_key (account_id_type, key_id, serialized, is_last_resort)"
                + " SELECT 0, 77, serialized, 0 FROM kyber_pre_key WHERE key_id = 8 AND account_id_type = 0");
        byte[] database = Files.readAllBytes(source.database);

        Contents contents = Samples.read(SignalCliAccount.at(source.file));

        assertThat(items(contents, Fate.DAMAGED))
                .extracting(TransferItem::id)
                .containsExactlyInAnyOrder("nobody", SignalCliFixture.ACI, "77");
        assertThat(items(contents, Fate.NOT_CARRIED))
                .extracting(TransferItem::name)
                .containsExactlyInAnyOrder(
                        "cdsi",
                        "recipient",
                        "msg-cache (in the folder)",
                        "pre_key, other identity",
                        "signed_pre_key, other identity",
                        "kyber_pre_key, other identity",
                        "session, other identity");
        assertThat(items(contents, Fate.UNKNOWN))
                .extracting(TransferItem::name)
                .containsExactlyInAnyOrder("table newer", "odd (in the folder)");
        String bob = SignalCliFixture.BOB.getName();
        assertThat(contents.ids(KeyTypes.IDENTITY_KEY))
                .containsExactly(bob + ".1", bob + ".3", SignalCliFixture.CAROL.getName() + ".1");
        assertThat(details(contents, "identity/" + bob).toString())
                .isEqualTo("{\"trustLevel\":2,\"addedTimestamp\":16}");
        assertThat(details(contents, "pre_key/18").get("staleTimestamp").longValue())
                .isEqualTo(1_763_900_000_001L);
        assertThat(details(contents, "kyber_pre_key/9").get("isLastResort").booleanValue())
                .isTrue();
        assertThat(details(contents, "key_value/cdsi-token").get("bytes").textValue())
                .isEqualTo("BQY=");
        assertThat(details(contents, "key_value/last-receive-timestamp")
                        .get("value")
                        .longValue())
                .isEqualTo(1_763_900_000_002L);
        assertThat(details(contents, "group_v2/AQID").get("distributionId").textValue())
                .isEqualTo(SignalCliFixture.DISTRIBUTION.toString());
        assertThat(details(contents, "sender_key_shared/" + SignalCliFixture.DISTRIBUTION)
                        .toString())
                .isEqualTo("{\"" + bob + ".1\":19,\"" + bob + ".3\":21}");
        assertThat(contents.entry("sender-key-memory", SignalCliFixture.DISTRIBUTION.toString())
                        .value())
                .isEqualTo(Map.of(bob + ".1", true, bob + ".3", true));
        assertThat(contents.items())
                .filteredOn(item -> item.id().equals(SignalCliFixture.CAROL.getName() + ".1"))
                .singleElement()
                .satisfies(item -> assertThat(item.reason()).contains("did not trust it"));
        assertThat(Files.readAllBytes(source.database)).isEqualTo(database);
        assertThat(source.database.getParent().toFile().list())
                .containsExactlyInAnyOrder("account.db", "msg-cache", "odd");
    }

    private static List<TransferItem> items(Contents contents, Fate fate) {
        return contents.items().stream().filter(item -> item.fate() == fate).toList();
    }

    private static JsonNode details(Contents contents, String id) {
        return Samples.tree(contents.entry("signal-cli", id).encoded());
    }

    @Test
    @DisplayName("R92 an account that signal-cli uses is refused, and one that it begins to use meanwhile")
    void lockedAccount_isRefused() throws Exception {
        ForeignStore account = SignalCliAccount.at(source.file);
        try (FileChannel channel = FileChannel.open(source.file, StandardOpenOption.WRITE);
                FileLock lock = channel.lock()) {
            assertThat(lock.isValid()).isTrue();
            assertThatExceptionOfType(ForeignStoreException.class)
                    .isThrownBy(() -> Samples.read(account))
                    .withMessageContaining("signal-cli is using it");
        }
        try (LockingProcess process = new LockingProcess(source.file)) {
            assertThat(process.isAlive()).isTrue();
            assertThatExceptionOfType(ForeignStoreException.class)
                    .isThrownBy(() -> Samples.read(account))
                    .withMessageContaining("signal-cli is using it");
        }
        ForeignStore.Read read = account.read(new ForeignStore.Reading(false, List.of(), progress -> {}));
        read.unchanged().run();
        try (LockingProcess process = new LockingProcess(source.file)) {
            assertThat(process.isAlive()).isTrue();
            assertThatExceptionOfType(ForeignStoreException.class)
                    .isThrownBy(() -> read.unchanged().run())
                    .withMessageContaining("signal-cli is using it");
        }
        Files.writeString(source.file, "{}");
        assertThatExceptionOfType(ForeignStoreException.class)
                .isThrownBy(() -> read.unchanged().run())
                .withMessageContaining("it was changed while it was read");
    }

    @Test
    @DisplayName("R92 an account whose database is written while it is read is refused")
    void changingDatabase_isRefused() {
        try (SignalKeyDatabase database = Samples.database(temporary)) {
            SignalKeyStore alice = database.forContext("alice");
            AccountImport changing = AccountImport.from(SignalCliAccount.at(source.file))
                    .listener(progress -> {
                        if (progress.items() == 3) {
                            Samples.changeOneByte(source.database);
                        }
                    });
            assertThatExceptionOfType(ForeignStoreException.class)
                    .isThrownBy(() -> changing.to(alice))
                    .withMessageContaining("it was changed while it was read");
            assertThat(Samples.isEmpty(alice)).isTrue();
        }
    }

    /** Another process that holds the lock which signal-cli holds, until this is closed. */
    static final class LockingProcess implements AutoCloseable {

        private final Process process;

        LockingProcess(Path file) throws Exception {
            process = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "java")
                                    .toString(),
                            "-cp",
                            System.getProperty("java.class.path"),
                            LockingProcess.class.getName(),
                            file.toString())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            BufferedReader output = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8));
            assertThat(output.readLine()).isEqualTo("locked");
        }

        boolean isAlive() {
            return process.isAlive();
        }

        @Override
        public void close() {
            process.destroyForcibly().onExit().join();
        }

        public static void main(String[] arguments) throws Exception {
            try (FileChannel channel = FileChannel.open(Path.of(arguments[0]), StandardOpenOption.WRITE);
                    FileLock lock = channel.lock()) {
                System.out.println(lock.isValid() ? "locked" : "not locked");
                System.in.read();
            }
        }
    }

    @Test
    @DisplayName("R92 a newer or older version of database or file is refused, with those that are known")
    void otherVersions_areRefused() throws Exception {
        ForeignStore account = SignalCliAccount.at(source.file);
        for (int version : List.of(29, 16)) {
            source.execute("PRAGMA user_version = " + version);
            assertThatExceptionOfType(ForeignStoreException.class)
                    .isThrownBy(() -> Samples.read(account))
                    .withMessageContaining("its database is of version " + version + "; known are 17 to 28");
        }
        source.execute("PRAGMA user_version = 28");
        Files.writeString(source.file, Files.readString(source.file).replace("\"version\":10", "\"version\":11"));
        assertThatExceptionOfType(ForeignStoreException.class)
                .isThrownBy(() -> Samples.read(account))
                .withMessageContaining("its file is of version 11; known are 8 to 10");
    }

    @Test
    @DisplayName("R92 a damaged file of an account is named, and the database is imported; an absent one is refused")
    void damagedFile_isNamed() throws Exception {
        Files.writeString(source.file, "");
        Contents contents = Samples.read(SignalCliAccount.at(source.file));
        assertThat(contents.credentials()).isNull();
        assertThat(items(contents, Fate.DAMAGED))
                .singleElement()
                .satisfies(item -> assertThat(item.type()).isEqualTo("credentials"));
        assertThat(contents.ids(KeyTypes.SESSION)).hasSize(1);
        Files.delete(source.file);
        assertThatExceptionOfType(ForeignStoreException.class)
                .isThrownBy(() -> Samples.read(SignalCliAccount.at(source.file)))
                .withMessageContaining("it does not exist");
    }

    @Test
    @DisplayName("R92 a Kyber pre-key whose public key, its copy in the secret key, or its hash there changed is named")
    void damagedKyberPreKey_isNamed() throws Exception {
        for (int at : List.of(10, 1_500, 3_200, 4_690)) {
            byte[] record =
                    source.alice.loadKyberPreKey(SignalCliFixture.LAST_RESORT).serialize();
            record[at] ^= 1;
            source.execute("UPDATE kyber_pre_key SET serialized = ? WHERE account_id_type = 0 AND key_id = 9", (Object)
                    record);
            Contents contents = Samples.read(SignalCliAccount.at(source.file));
            assertThat(items(contents, Fate.DAMAGED))
                    .as("byte %s", at)
                    .singleElement()
                    .satisfies(item -> assertThat(item.reason()).contains("its public key does not belong"));
        }
    }

    @Test
    @DisplayName("R92 the accounts of a data folder are listed; names that lead elsewhere are refused")
    void accounts_areListed() throws Exception {
        assertThat(SignalCliAccount.accounts(source.folder)).containsExactly(source.file);
        Path list = source.folder.resolve("accounts.json");
        String whole = Files.readString(list);
        for (String other : List.of(
                whole.replace("\"123456\"", "\"../123456\""),
                whole.replace("\"123456\"", "\"..\""),
                whole.replace("\"version\":2", "\"version\":3"),
                whole.replace("\"123456\"", "17"),
                "",
                "[".repeat(100_000))) {
            Files.writeString(list, other);
            assertThatExceptionOfType(ForeignStoreException.class)
                    .isThrownBy(() -> SignalCliAccount.accounts(source.folder))
                    .withMessageContaining("could not list the accounts");
        }
    }

    @Test
    @DisplayName("R93 the neutral form holds all that an import adds, so that one-time Kyber pre-keys stay such")
    void neutralForm_isComplete() {
        try (SignalKeyDatabase database = Samples.database(temporary)) {
            SignalKeyStore alice = database.forContext("alice");
            AccountImport.from(SignalCliAccount.at(source.file)).to(alice);
            Path exported = temporary.resolve("alice.jsonl");
            AccountExport.from(alice).to(JsonLinesFile.at(exported));

            SignalKeyStore bob = database.forContext("bob");
            AccountImport.from(JsonLinesFile.at(exported)).to(bob);

            assertThat(bob.find(SignalCliTables.ONE_TIME_KYBER_PRE_KEY, "8")).isPresent();
            assertThat(database.inspection().inspect("bob").types())
                    .isEqualTo(database.inspection().inspect("alice").types());
        }
    }

    @Test
    @DisplayName("R92 a link in place of the folder of an account is not followed")
    void linkedFolder_isRefused() throws Exception {
        Path folder = source.database.getParent();
        Path elsewhere = Files.move(folder, temporary.resolve("elsewhere"));
        Files.createSymbolicLink(folder, elsewhere);
        assertThatExceptionOfType(ForeignStoreException.class)
                .isThrownBy(() -> Samples.read(SignalCliAccount.at(source.file)))
                .withMessageContaining("123456.d: could not import it: it is a link");
    }

    @Test
    @DisplayName("R92 an older database is imported with the columns that it has; rows are numbered by table")
    void olderDatabase_isImported() throws Exception {
        source.execute("ALTER TABLE pre_key DROP COLUMN stale_timestamp");
        source.execute("ALTER TABLE kyber_pre_key DROP COLUMN stale_timestamp");
        source.execute("PRAGMA user_version = 17");

        Contents contents = Samples.read(SignalCliAccount.at(source.file));

        assertThat(items(contents, Fate.DAMAGED)).isEmpty();
        assertThat(contents.ids(KeyTypes.PRE_KEY)).containsExactly("18");
        assertThat(contents.ids(KeyTypes.KYBER_PRE_KEY)).containsExactly("8", "9");
        assertThat(contents.items()).extracting(TransferItem::name).contains("session row 1", "sender_key row 1");
    }
}
