package dev.keystore.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.keystore.KeyPair;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreInspection;
import dev.keystore.spi.ContextOwner;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.signal.libsignal.protocol.ecc.ECKeyPair;
import org.signal.libsignal.protocol.state.SessionRecord;

/** The commands {@code import} and {@code export}, run in this process. */
@Timeout(60)
class TransferCommandTest {

    @TempDir
    private Path folder;

    private String url() {
        return Stores.sqlite(folder.resolve("keys.db"));
    }

    private String source() throws IOException {
        return Baileys.copy(folder.resolve("auth_info_baileys")).toString();
    }

    @Test
    @DisplayName("R91 R92 R93 a folder of Baileys is imported and exported again, with counts, and the same files")
    void baileys_thereAndBack() throws Exception {
        String source = source();
        Map<String, JsonNode> before = Baileys.trees(Path.of(source));

        Ran imported = Ran.of("import", "baileys", source, url(), "--context", "alice", "--json");

        assertThat(imported.code()).as(imported.toString()).isZero();
        JsonNode report = imported.json();
        assertThat(report.get("outcome").asText()).isEqualTo("WRITTEN");
        assertThat(report.get("complete").asBoolean()).isTrue();
        assertThat(report.get("fates").get("CARRIED").asInt()).isEqualTo(before.size());
        assertThat(report.get("items")).hasSize(before.size());
        assertThat(report.get("types").get("session").get("entries").asInt()).isEqualTo(2);
        assertThat(report.get("types").get("session").get("sha256").asText()).hasSize(64);
        assertThat(imported.err()).contains("must not be used again", "break its conversations");
        assertThat(Baileys.trees(Path.of(source))).isEqualTo(before);
        assertThat(Stores.entries(url())).isEqualTo(Map.of("alice", (long) before.size()));

        Ran again = Ran.of("import", "baileys", source, url(), "--context", "alice");
        assertThat(again.code()).as(again.toString()).isZero();
        assertThat(again.out()).contains("session: ", "2 entries", "Imported, verified: ", "(already there)");

        Path target = folder.resolve("exported");
        Ran exported = Ran.of("export", "baileys", url(), target.toString(), "--context", "alice");
        assertThat(exported.code()).as(exported.toString()).isZero();
        assertThat(exported.out()).contains("Exported, verified: " + before.size() + " entries");
        assertThat(exported.err()).contains("Context \"alice\" must not be used again");
        assertThat(Baileys.trees(target)).isEqualTo(before);
        Ran refused = Ran.of("export", "baileys", url(), target.toString(), "--context", "alice");
        assertThat(refused.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(refused.err()).contains("it exists");
    }

    @Test
    @DisplayName("R94 a dry run says the same and creates nothing; a source without entries creates no store either")
    void dryRun_changesNothing() throws Exception {
        String source = source();

        Ran dry = Ran.of("import", "baileys", source, url(), "--context", "alice", "--dry-run", "--json");

        assertThat(dry.code()).as(dry.toString()).isZero();
        assertThat(dry.json().get("dryRun").asBoolean()).isTrue();
        assertThat(dry.warnings()).isEmpty();
        assertThat(folder.resolve("keys.db")).doesNotExist();
        Path empty = Files.createDirectory(folder.resolve("empty"));
        Ran nothing = Ran.of("import", "baileys", empty.toString(), url(), "--context", "alice");
        assertThat(nothing.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(nothing.err()).contains("holds nothing that can be imported");
        Ran missing = Ran.of("import", "baileys", folder.resolve("missing").toString(), url(), "--context", "alice");
        assertThat(missing.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(missing.err()).contains("it does not exist");
        assertThat(folder.resolve("keys.db")).doesNotExist();

        Ran real = Ran.of("import", "baileys", source, url(), "--context", "alice", "--json");
        assertThat(real.json().get("types")).isEqualTo(dry.json().get("types"));
        assertThat(real.json().get("items")).isEqualTo(dry.json().get("items"));
        Path target = folder.resolve("exported");
        Ran export = Ran.of("export", "baileys", url(), target.toString(), "--context", "alice", "--dry-run");
        assertThat(export.code()).isZero();
        assertThat(export.out()).contains("Would be exported", "Nothing was changed");
        assertThat(target).doesNotExist();
    }

    @Test
    @DisplayName("R94 a dry run into a filled context, and one of an export, take nothing over: no byte is changed")
    void dryRun_takesNothingOver() throws Exception {
        String source = source();
        Stores.fill(url(), "alice");
        ContextOwner owner = owner();
        Map<String, byte[]> before = files();

        Ran refused = Ran.of("import", "baileys", source, url(), "--context", "alice", "--dry-run");
        Ran replacing = Ran.of("import", "baileys", source, url(), "--context", "alice", "--dry-run", "--replace");
        Ran exporting = Ran.of(
                "export", "jsonl", url(), folder.resolve("a.jsonl").toString(), "--context", "alice", "--dry-run");

        assertThat(refused.err()).contains("the context holds other entries");
        assertThat(replacing.code()).as(replacing.toString()).isZero();
        assertThat(replacing.out()).contains("(replaced)", "Nothing was changed");
        assertThat(exporting.code()).as(exporting.toString()).isZero();
        assertThat(exporting.out()).contains("Would be exported: 27 entries");
        assertThat(owner()).isEqualTo(owner);
        Map<String, byte[]> after = files();
        assertThat(after.keySet()).isEqualTo(before.keySet());
        after.forEach((name, bytes) -> assertThat(bytes).as(name).isEqualTo(before.get(name)));
        Ran missing = Ran.of(
                "export", "jsonl", url(), folder.resolve("b.jsonl").toString(), "--context", "nobody", "--dry-run");
        assertThat(missing.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(missing.err()).contains("does not hold any entry");
    }

    @Test
    @DisplayName("R94 a dry run of an export of a context of which every entry is damaged fails as the export does")
    void dryRun_ofDamagedContext_fails() throws Exception {
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            byte[] value = "session of bob 1".getBytes(StandardCharsets.UTF_8);
            database.forContext("alice").put(KeyTypes.SESSION, "bob.1", value);
        }
        Stores.damage(folder.resolve("keys.db"), "1");
        String target = folder.resolve("a.jsonl").toString();

        Ran dry = Ran.of("export", "jsonl", url(), target, "--context", "alice", "--dry-run");
        Ran real = Ran.of("export", "jsonl", url(), target, "--context", "alice");

        assertThat(dry.code()).as(dry.toString()).isEqualTo(real.code());
        assertThat(dry.err()).contains("session/bob.1").doesNotContain("does not hold any entry");
        assertThat(real.err()).contains("session/bob.1");
    }

    private ContextOwner owner() {
        try (StoreInspection store = SignalKeyDatabase.builder().url(url()).openToInspect()) {
            return store.owner("alice").orElseThrow();
        }
    }

    private Map<String, byte[]> files() throws IOException {
        Map<String, byte[]> files = new TreeMap<>();
        try (Stream<Path> listed = Files.list(folder)) {
            for (Path file : listed.filter(Files::isRegularFile).toList()) {
                files.put(file.getFileName().toString(), Files.readAllBytes(file));
            }
        }
        return files;
    }

    @Test
    @DisplayName("R92 what is damaged or unknown is named with what follows from it, and is a finding")
    void damagedFile_isAFinding() throws Exception {
        String source = source();
        Files.writeString(Path.of(source, "session-9.9.json"), "{\"_sess");
        Files.writeString(Path.of(source, "wallpaper-1.json"), "{}");

        Ran ran = Ran.of("import", "baileys", source, url(), "--context", "alice");

        assertThat(ran.code()).isEqualTo(ExitCodes.FINDINGS);
        assertThat(ran.out())
                .contains("Not imported (damaged): session-9.9.json: it is cut", "until it starts a new session")
                .contains("Not imported (unknown): wallpaper-1.json");
        Ran kept = Ran.of("import", "baileys", source, url(), "--context", "bob", "--keep-unknown", "--json");
        assertThat(kept.json().get("types").get("baileys-file").get("entries").asInt())
                .isEqualTo(1);
    }

    @Test
    @DisplayName("R92 a .bak file that stands in for its main file is named as one that may be older; nothing else is")
    void backup_isNamed() throws Exception {
        String source = source();
        String name = "session-15550100002.7.json";
        Files.move(Path.of(source, name), Path.of(source, name + ".bak"));

        Ran ran = Ran.of("import", "baileys", source, url(), "--context", "alice");

        assertThat(ran.code()).as(ran.toString()).isZero();
        assertThat(ran.out().lines().filter(line -> line.startsWith("Carried: ")))
                .containsExactly(
                        "Carried: " + name + ".bak: in place of its main file, which is missing; it may be older");
    }

    @Test
    @DisplayName("R92 an identity that signal-cli did not trust is named, and one that it trusted is not")
    void untrustedIdentity_isNamed() throws Exception {
        Path file = SignalCli.write(folder, ECKeyPair.generate());
        String untrusted = "00000000-0000-0000-0000-000000000001";
        String trusted = "00000000-0000-0000-0000-000000000002";
        try (Connection connection =
                        DriverManager.getConnection("jdbc:sqlite:" + folder.resolve("123456.d/account.db"));
                Statement statement = connection.createStatement()) {
            String key = "x'05" + "01".repeat(32) + "'";
            statement.execute("INSERT INTO identity VALUES ('" + untrusted + "', " + key + ", 1, 0), ('" + trusted
                    + "', " + key + ", 1, 1)");
        }

        Ran ran = Ran.of("import", "signal-cli", file.toString(), url(), "--context", "alice", "--account", "aci");

        assertThat(ran.code()).as(ran.toString()).isZero();
        assertThat(ran.out().lines().filter(line -> line.startsWith("Carried: ")))
                .singleElement()
                .asString()
                .contains(untrusted, "signal-cli did not trust it; only a TrustPolicy of yours can refuse it");
    }

    @Test
    @DisplayName("the source is renamed on request, once it was imported; a name in use is left alone")
    void source_isRenamed() throws Exception {
        String source = source();
        Files.createDirectory(Path.of(source + ".imported"));

        Ran ran = Ran.of("import", "baileys", source, url(), "--context", "alice", "--rename-source", "--json");

        assertThat(ran.code()).as(ran.toString()).isZero();
        assertThat(ran.json().get("renamedTo").asText()).isEqualTo(source + ".imported-2");
        assertThat(ran.warnings()).isEmpty();
        assertThat(Path.of(source)).doesNotExist();
        assertThat(Path.of(source + ".imported-2")).isNotEmptyDirectory();
        assertThat(Path.of(source + ".imported")).isEmptyDirectory();
    }

    @Test
    @DisplayName("a context that holds others is left, and replaced on request; one whose owner is alive is refused")
    void contextInUse_isRefused() throws Exception {
        String source = source();
        Stores.fill(url(), "alice");

        Ran refused = Ran.of("import", "baileys", source, url(), "--context", "alice");
        assertThat(refused.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(refused.err()).contains("the context holds other entries");
        assertThat(Ran.of("import", "baileys", source, url(), "--context", "alice", "--replace")
                        .code())
                .as("not confirmed")
                .isEqualTo(ExitCodes.FAILED);
        assertThat(Stores.entries(url())).isEqualTo(Map.of("alice", 27L));
        Ran replaced = Ran.of("import", "baileys", source, url(), "--context", "alice", "--replace", "--yes");
        assertThat(replaced.code()).as(replaced.toString()).isZero();
        assertThat(replaced.out()).contains("(replaced)");

        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            SignalKeyStore alice = database.forContext("alice");
            alice.put(KeyTypes.LID_MAPPING, "1", "2");
            Ran owned = Ran.of("export", "baileys", url(), folder.resolve("out").toString(), "--context", "alice");
            assertThat(owned.code()).isEqualTo(ExitCodes.FAILED);
            assertThat(owned.err()).contains("in use by process", "--take-over");
            assertThat(Ran.of("import", "baileys", source, url(), "--context", "alice", "--replace", "--yes")
                            .err())
                    .contains("in use by process");
            Ran dry = Ran.of(
                    "import", "baileys", source, url(), "--context", "alice", "--dry-run", "--replace", "--take-over");
            assertThat(dry.err()).as("a dry run takes nothing over").contains("in use by process");
            alice.put(KeyTypes.LID_MAPPING, "1", "3"); // still the owner
        }
    }

    @Test
    @DisplayName("sessions are converted to the records of libsignal on request, and back; both say so")
    void sessions_areConverted() throws Exception {
        String source = source();
        Map<String, JsonNode> before = Baileys.trees(Path.of(source));

        Ran imported = Ran.of("import", "baileys", source, url(), "--context", "alice", "--convert-sessions", "--json");

        assertThat(imported.code()).as(imported.toString()).isZero();
        assertThat(imported.json().get("fates").get("CONVERTED").asInt()).isEqualTo(5);
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            byte[] session = database.forContext("alice")
                    .find(KeyTypes.SESSION, "15550100002.7")
                    .orElseThrow();
            assertThat(session[0]).isEqualTo((byte) 0x0a);
        }
        Ran unconverted = Ran.of(
                "export", "baileys", url(), folder.resolve("newer").toString(), "--context", "alice", "--dry-run");
        assertThat(unconverted.out())
                .contains("Carried: session/15550100002.7: it is in the form of libsignal, which Baileys cannot read");
        Path target = folder.resolve("exported");
        Ran exported =
                Ran.of("export", "baileys", url(), target.toString(), "--context", "alice", "--convert-sessions");
        assertThat(exported.code()).as(exported.toString()).isZero();
        assertThat(exported.out()).contains("5 of them converted");
        Map<String, JsonNode> after = Baileys.trees(target);
        assertThat(after.keySet()).isEqualTo(before.keySet());
        assertThat(after.get("session-15550100002.7.json").has("_sessions")).isTrue();
    }

    @Test
    @DisplayName("JSON Lines carry an account between stores, encrypted ones included, with entries of an application")
    void jsonLines_thereAndBack() throws Exception {
        Path key = folder.resolve("root.key");
        assertThat(Ran.of("key", "generate", key.toString()).code()).isZero();
        Stores.fill(url(), "alice");
        String lines = folder.resolve("alice.jsonl").toString();
        assertThat(Ran.of("export", "jsonl", url(), lines, "--context", "alice").code())
                .isZero();
        String target = Stores.sqlite(folder.resolve("new.db"));

        Ran ran = Ran.of("import", "jsonl", lines, target, "--context", "bob", "--key-file", key.toString());

        assertThat(ran.code()).as(ran.toString()).isZero();
        Ran verified = Ran.of("verify", target, "--key-file", key.toString(), "--json");
        assertThat(verified.json().get("entries").asLong()).isEqualTo(27);
        assertThat(Ran.of("verify", target).code()).isEqualTo(ExitCodes.FAILED);
    }

    @Test
    @DisplayName("SQLite databases: one of several devices has to be named, and such a database is not renamed")
    void databases() throws Exception {
        Path file = folder.resolve("whatsmeow.db");
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file);
                Statement statement = connection.createStatement()) {
            statement.execute("CREATE TABLE whatsmeow_version (version INTEGER)");
            statement.execute("INSERT INTO whatsmeow_version VALUES (15)");
            statement.execute("CREATE TABLE whatsmeow_device (jid TEXT, registration_id BIGINT, noise_key bytea,"
                    + " identity_key bytea, signed_pre_key bytea, signed_pre_key_id INTEGER,"
                    + " signed_pre_key_sig bytea)");
            for (String jid : new String[] {"1:7@s.whatsapp.net", "2:3@s.whatsapp.net"}) {
                statement.execute("INSERT INTO whatsmeow_device VALUES ('" + jid
                        + "', 5, randomblob(32), randomblob(32), randomblob(32), 1, randomblob(64))");
            }
        }
        byte[] before = Files.readAllBytes(file);
        Ran several = Ran.of("import", "whatsmeow", file.toString(), url(), "--context", "alice");
        assertThat(several.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(several.err()).contains("2 accounts", "--account: 1:7@s.whatsapp.net, 2:3@s.whatsapp.net");
        String[] one = {
            "import", "whatsmeow", file.toString(), url(), "--context", "alice", "--account", "1:7@s.whatsapp.net"
        };
        Ran renaming = Ran.of(join(one, "--rename-source"));
        assertThat(renaming.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(renaming.err()).contains("holds other accounts as well");
        assertThat(folder.resolve("keys.db")).doesNotExist();

        Ran ran = Ran.of(join(one, "--json"));

        assertThat(ran.code()).as("rows of the other device are named").isEqualTo(ExitCodes.FINDINGS);
        assertThat(ran.json().get("types").get("signed-pre-key").get("entries").asInt())
                .isEqualTo(1);
        assertThat(Files.readAllBytes(file)).isEqualTo(before);

        Path baileys = folder.resolve("baileys.db");
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + baileys);
                Statement statement = connection.createStatement()) {
            statement.execute("CREATE TABLE creds (value TEXT)");
            statement.execute("CREATE TABLE signal_keys (type TEXT, id TEXT, value TEXT)");
            statement.execute("INSERT INTO signal_keys VALUES ('lid-mapping', '1', '\"2\"')");
        }
        Ran sqlite = Ran.of("import", "baileys-sqlite", baileys.toString(), url(), "--context", "bob");
        assertThat(sqlite.code()).as(sqlite.toString()).isZero();
        Files.write(folder.resolve("baileys.db-wal"), new byte[0]);
        Ran withLog =
                Ran.of("import", "baileys-sqlite", baileys.toString(), url(), "--context", "bob", "--rename-source");
        assertThat(withLog.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(withLog.err()).contains("cannot be renamed without baileys.db-wal");
    }

    @Test
    @DisplayName("a folder of baileys_ex is imported, and its sessions converted")
    void baileysEx() throws Exception {
        Path source = Files.createDirectories(folder.resolve("ex"));
        Files.writeString(
                source.resolve(".baileys_ex_file_persistence.json"),
                "{\"backend\":\"file_persistence\",\"version\":1,\"key_index\":{\"lid-mapping\":[\"1\"],"
                        + "\"session\":[\"15550100002.7\"]}}");
        Files.writeString(source.resolve("lid-mapping-1.json"), "\"2\"");
        String session = "session-15550100002.7.json";
        Files.copy(Path.of("../keystore-interop/src/test/resources/baileys-ex", session), source.resolve(session));
        JsonNode bot = Baileys.trees(Path.of(source())).get("creds.json");
        ObjectNode credentials = JsonNodeFactory.instance.objectNode();
        credentials.set("noise_key", bot.get("noiseKey"));
        credentials.set("signed_identity_key", bot.get("signedIdentityKey"));
        ObjectNode signed = credentials.putObject("signed_pre_key");
        signed.set("key_pair", bot.at("/signedPreKey/keyPair"));
        signed.set("signature", bot.at("/signedPreKey/signature"));
        signed.set("key_id", bot.at("/signedPreKey/keyId"));
        credentials.set("registration_id", bot.get("registrationId"));
        Files.writeString(source.resolve("creds.json"), credentials.toString());

        Ran ran = Ran.of(
                "import", "baileys-ex", source.toString(), url(), "--context", "alice", "--convert-sessions", "--json");

        assertThat(ran.code()).as(ran.toString()).isZero();
        assertThat(ran.json().at("/types/lid-mapping/entries").asInt()).isEqualTo(1);
        assertThat(ran.json().at("/types/credentials/entries").asInt()).isEqualTo(1);
        assertThat(ran.json().at("/fates/CONVERTED").asInt()).isEqualTo(1);
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            byte[] record = database.forContext("alice")
                    .find(KeyTypes.SESSION, "15550100002.7")
                    .orElseThrow();
            assertThat(new SessionRecord(record).hasSenderChain()).isTrue();
        }
    }

    @Test
    @DisplayName("of an account of signal-cli, one of the two identities has to be named, and the file, not its folder")
    void signalCli() throws Exception {
        Path data = Files.createDirectories(folder.resolve("data"));
        Files.writeString(data.resolve("accounts.json"), "{\"version\":2,\"accounts\":[{\"path\":\"123456\"}]}");
        Files.writeString(data.resolve("123456"), "{\"version\":10}");
        String file = data.resolve("123456").toString();

        Ran ofFolder = Ran.of("import", "signal-cli", data.toString(), url(), "--context", "alice");
        Ran unnamed = Ran.of("import", "signal-cli", file, url(), "--context", "alice");
        Ran incomplete = Ran.of("import", "signal-cli", file, url(), "--context", "alice", "--account", "pni");

        assertThat(ofFolder.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(ofFolder.err()).contains("is a folder; name the file of one account", file);
        assertThat(unnamed.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(unnamed.err()).contains("2 accounts", "--account: aci, pni");
        assertThat(incomplete.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(incomplete.err()).contains(file + ".d: could not read the folder");
        assertThat(folder.resolve("keys.db")).doesNotExist();
    }

    @Test
    @DisplayName("an account of signal-cli is imported")
    void signalCli_isImported() throws Exception {
        ECKeyPair preKey = ECKeyPair.generate();
        Path file = SignalCli.write(folder, preKey);

        Ran ran = Ran.of(
                "import", "signal-cli", file.toString(), url(), "--context", "alice", "--account", "aci", "--json");

        assertThat(ran.code()).as(ran.toString()).isZero();
        assertThat(ran.json().get("complete").asBoolean()).isTrue();
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            SignalKeyStore alice = database.forContext("alice");
            KeyPair imported = alice.find(KeyTypes.PRE_KEY, "17").orElseThrow();
            assertThat(imported.publicKey()).isEqualTo(preKey.getPublicKey().serialize());
            assertThat(imported.privateKey()).isEqualTo(preKey.getPrivateKey().serialize());
        }
    }

    @Test
    @DisplayName("R93 entries of other types are exported as they are, or named: none is left out without a word")
    void otherTypes_areExportedOrNamed() throws Exception {
        Stores.fill(url(), "alice");
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            SignalKeyStore alice = database.forContext("alice");
            alice.put(KeyType.ofBytes("push-token"), "1", new byte[] {1});
            alice.put(KeyType.ofBytes("libsignal-last-key-id"), "pre-key", new byte[] {1});
        }
        String file = folder.resolve("alice.jsonl").toString();

        Ran exported = Ran.of("export", "jsonl", url(), file, "--context", "alice");
        Ran imported = Ran.of("import", "jsonl", file, url(), "--context", "bob");
        Ran toBaileys = Ran.of(
                "export", "baileys", url(), folder.resolve("auth").toString(), "--context", "alice", "--dry-run");

        assertThat(exported.code()).as(exported.toString()).isZero();
        assertThat(imported.code()).as(imported.toString()).isZero();
        assertThat(Stores.entries(url())).isEqualTo(Map.of("alice", 29L, "bob", 29L));
        assertThat(toBaileys.code()).isEqualTo(ExitCodes.FINDINGS);
        assertThat(toBaileys.out())
                .contains("Not exported (not carried): push-token/1: Baileys has no such type")
                .contains("Not exported (not carried): libsignal-last-key-id/pre-key");
    }

    @Test
    @DisplayName("R43 an export of a context with a damaged entry of another type is refused")
    void damagedEntryOfOtherType_isRefused() throws Exception {
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url())) {
            SignalKeyStore alice = database.forContext("alice");
            alice.put(KeyType.ofBytes("push-token"), "1", "session of bob 1".getBytes(StandardCharsets.UTF_8));
            alice.put(KeyTypes.LID_MAPPING, "1", "2");
        }
        Stores.damage(folder.resolve("keys.db"), "1");
        Path target = folder.resolve("a.jsonl");

        Ran ran = Ran.of("export", "jsonl", url(), target.toString(), "--context", "alice");

        assertThat(ran.code()).as(ran.toString()).isEqualTo(ExitCodes.FAILED);
        assertThat(ran.err()).contains("/1", "keystore delete-damaged");
        assertThat(target).doesNotExist();
    }

    @Test
    @DisplayName("a source that must keep its name says why, and is not offered to be renamed")
    void sourceThatKeepsItsName() throws Exception {
        Path file = Files.writeString(folder.resolve("auth.db"), "");
        assertThat(RenamedSource.whyNot(file, 0)).isNull();
        assertThat(RenamedSource.whyNot(file, 2)).contains("holds other accounts");
        Files.writeString(folder.resolve("auth.db-wal"), "");
        assertThat(RenamedSource.whyNot(file, 1)).contains("without auth.db-wal");
    }

    @Test
    @DisplayName("a password is only for a database on a server, and such a database is imported from no other format")
    void databaseOnServer() {
        String server = "jdbc:postgresql://localhost/none";
        Ran ofFile = Ran.of(
                "import",
                "whatsmeow",
                "file.db",
                url(),
                "--context",
                "alice",
                "--source-password-env",
                "SOURCE_PASSWORD");
        Ran ofBaileys = Ran.of("import", "baileys", server, url(), "--context", "alice");
        Ran withPassword = Ran.of("import", "whatsmeow", server + "?password=pw-5f1c", url(), "--context", "alice");

        assertThat(ofFile.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(ofFile.err()).contains("--source-password-env is only for a database on a server");
        assertThat(ofBaileys.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(ofBaileys.err()).contains("is the URL of a database");
        assertThat(withPassword.code()).isEqualTo(ExitCodes.USAGE);
        assertThat(withPassword.err()).contains("--source-password-env").doesNotContain("pw-5f1c");
    }

    private static String[] join(String[] arguments, String last) {
        String[] joined = java.util.Arrays.copyOf(arguments, arguments.length + 1);
        joined[arguments.length] = last;
        return joined;
    }

    @Test
    @DisplayName("wrong usage is code 2: a format that can only be imported, an unknown one, no context")
    void wrongUsage() throws Exception {
        assertThat(Ran.of("import", "jsonl", "a.jsonl", url(), "--context", "alice", "--keep-unknown")
                        .err())
                .contains("--keep-unknown is only for the format baileys");
        Stores.fill(url(), "alice");
        String target = folder.resolve("out").toString();
        assertThat(Ran.of("export", "whatsmeow", url(), target, "--context", "alice"))
                .satisfies(ran -> assertThat(ran.code()).isEqualTo(ExitCodes.USAGE))
                .satisfies(ran -> assertThat(ran.err()).contains("can only be imported"));
        assertThat(Ran.of("import", "other", target, url(), "--context", "alice")
                        .err())
                .contains("baileys-sqlite");
        assertThat(Ran.of("export", "baileys", url(), target).code()).isEqualTo(ExitCodes.USAGE);
        assertThat(Ran.of("import", "jsonl", target, url(), "--context", "a", "--account", "b")
                        .err())
                .contains("--account is not accepted");
        assertThat(Ran.of("export", "jsonl", url(), target, "--context", "nobody")
                        .code())
                .isEqualTo(ExitCodes.FAILED);
        assertThat(Ran.of("import", "--help").out().replaceAll("\\s+", " "))
                .contains("baileys, baileys-sqlite, baileys-ex, signal-cli, whatsmeow, jsonl");
        assertThat(new String(Files.readAllBytes(folder.resolve("keys.db")), StandardCharsets.ISO_8859_1))
                .doesNotContain("nobody");
    }
}
