package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.interop.TransferItem.Fate;
import dev.keystore.interop.TransferReport.Outcome;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.signal.libsignal.protocol.state.SessionRecord;

/** Imports and exports that convert sessions, and what they say about each record. */
class ConvertedAccountTest {

    private static final String SESSION = "15550100002.7";
    private static final String SENDER_KEY = "120363000000000001@g.us::15550100002::7";

    @TempDir
    Path temporary;

    private Path folder;
    private SignalKeyDatabase database;
    private SignalKeyStore alice;

    @BeforeEach
    void open() throws Exception {
        folder = Samples.copy("7.0.0-rc14/bot-a", temporary);
        database = Samples.database(temporary);
        alice = database.forContext("alice");
    }

    @AfterEach
    void close() {
        database.close();
    }

    private AccountImport converting() {
        return AccountImport.from(BaileysFolder.at(folder)).convertingSessionsTo(SessionFormat.LIBSIGNAL);
    }

    @Test
    @DisplayName("an import converts sessions and sender keys, says so, and leaves everything else as it is")
    void import_converts() throws Exception {
        TransferReport dry = converting().dryRun(alice);
        assertThat(Samples.isEmpty(alice)).isTrue();

        TransferReport report = converting().to(alice);

        assertThat(report.items()).isEqualTo(dry.items());
        assertThat(report.isComplete()).as("%s", report.items()).isTrue();
        assertThat(report.items(Fate.CONVERTED))
                .extracting(TransferItem::type)
                .containsExactlyInAnyOrder("session", "session", "sender-key", "sender-key", "sender-key");
        assertThat(report.items(Fate.CONVERTED)).extracting(TransferItem::name).contains("session-15550100002.7.json");
        assertThat(report.items()).hasSameSizeAs(Samples.files(folder).keySet());
        byte[] session = alice.find(KeyTypes.SESSION, SESSION).orElseThrow();
        assertThat(new SessionRecord(session).getSessionVersion()).isEqualTo(3);
        SignalKeyStore bob = database.forContext("bob");
        TransferReport plain = AccountImport.from(BaileysFolder.at(folder)).to(bob);
        Map<String, EntryDigest> others = new TreeMap<>(plain.types());
        others.keySet().removeAll(List.of("session", "sender-key"));
        assertThat(report.types()).containsAllEntriesOf(others);
        assertThat(plain.items(Fate.CONVERTED)).as("not by default").isEmpty();
        assertThat(bob.find(KeyTypes.SESSION, SESSION).orElseThrow())
                .isEqualTo(Files.readAllBytes(folder.resolve("session-15550100002.7.json")));
        assertThatExceptionOfType(ForeignStoreException.class)
                .as("closed chains have other keys now")
                .isThrownBy(() -> converting().to(bob));
    }

    @Test
    @DisplayName("R93 an export converts them back: the files of the source, with the same other files, and no more")
    void export_convertsBack() throws Exception {
        converting().to(alice);
        Path exported = temporary.resolve("exported");

        TransferReport dry = AccountExport.from(alice)
                .convertingSessionsTo(SessionFormat.BAILEYS)
                .dryRun(BaileysFolder.at(exported));
        TransferReport report = AccountExport.from(alice)
                .convertingSessionsTo(SessionFormat.BAILEYS)
                .to(BaileysFolder.at(exported));

        assertThat(report.items()).isEqualTo(dry.items());
        assertThat(report.isComplete()).as("%s", report.items()).isTrue();
        assertThat(report.items(Fate.CONVERTED)).hasSize(5);
        Map<String, JsonNode> after = Samples.trees(exported);
        Map<String, JsonNode> before = Samples.trees(folder);
        assertThat(after.keySet()).isEqualTo(before.keySet());
        after.keySet().removeIf(name -> name.startsWith("session-"));
        before.keySet().removeIf(name -> name.startsWith("session-"));
        after.forEach((name, tree) -> assertThat(decoded(tree)).as(name).isEqualTo(decoded(before.get(name))));
    }

    /** Returns the JSON within a Buffer of JSON, in which order and spacing do not count. */
    private static JsonNode decoded(JsonNode tree) {
        String data = tree.path("data").asText("");
        if (!data.startsWith("W3s")) {
            return tree;
        }
        try {
            return Samples.tree(Buffers.base64(data));
        } catch (DamagedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    @DisplayName("the device 0 of a phone is converted, with the remark that libsignal refuses it")
    void deviceZero_isRemarked() throws Exception {
        Files.move(folder.resolve("session-15550100002.7.json"), folder.resolve("session-15550100002.0.json"));

        TransferReport report = converting().to(alice);

        assertThat(report.items(Fate.CONVERTED))
                .filteredOn(item -> !item.reason().isEmpty())
                .singleElement()
                .satisfies(item -> assertThat(item.id()).isEqualTo("15550100002.0"))
                .satisfies(item -> assertThat(item.reason()).contains("devices 1 to 127 only"));
    }

    @Test
    @DisplayName("R92 records that cannot be converted are named with the reason, and the rest is imported")
    void damagedRecords_areNamed() throws Exception {
        damage("session-15550100002.7.json", session -> {
            for (JsonNode each : session.get("_sessions")) {
                ((ObjectNode) each.get("currentRatchet")).put("rootKey", Buffers.base64(new byte[Curve.KEY_BYTES]));
            }
        });

        TransferReport report = converting().to(alice);

        assertThat(report.items(Fate.NOT_CARRIED)).singleElement().satisfies(item -> {
            assertThat(item.name()).isEqualTo("session-15550100002.7.json");
            assertThat(item.type()).isEqualTo("session");
            assertThat(item.id()).isEqualTo(SESSION);
            assertThat(item.reason())
                    .contains("root key in it is zero", "cannot be decrypted until it starts a new session");
        });
        assertThat(alice.find(KeyTypes.SESSION, SESSION)).isEmpty();
        assertThat(alice.find(KeyTypes.SESSION, "15550100003.7")).isPresent();
    }

    @Test
    @DisplayName("R92 a closed session that cannot be converted is named, and the open one is imported")
    void damagedClosedSession_isNamed() throws Exception {
        damage("session-15550100002.7.json", session -> {
            for (JsonNode each : session.get("_sessions")) {
                if (each.get("indexInfo").get("closed").longValue() != -1) {
                    ((ObjectNode) each.get("_chains"))
                            .remove(each.get("currentRatchet")
                                    .get("ephemeralKeyPair")
                                    .get("pubKey")
                                    .textValue());
                }
            }
        });

        TransferReport report = converting().to(alice);

        assertThat(report.items(Fate.NOT_CARRIED))
                .singleElement()
                .satisfies(item -> assertThat(item.reason()).contains("a closed session in it", "no sending chain"));
        assertThat(report.items(Fate.CONVERTED)).hasSize(5);
        assertThat(new SessionRecord(alice.find(KeyTypes.SESSION, SESSION).orElseThrow()).hasSenderChain())
                .isTrue();
    }

    private interface Change {
        void of(JsonNode tree);
    }

    private void damage(String file, Change change) throws Exception {
        JsonNode tree = Samples.tree(Files.readAllBytes(folder.resolve(file)));
        change.of(tree);
        Files.write(folder.resolve(file), StrictJson.write(tree));
    }

    @Test
    @DisplayName("R92 without the credentials of Baileys, its sessions cannot be converted, and sender keys can")
    void missingCredentials_areNamed() throws Exception {
        Files.delete(folder.resolve("creds.json"));

        TransferReport report = converting().to(alice);

        assertThat(report.items(Fate.NOT_CARRIED))
                .hasSize(2)
                .allSatisfy(item -> assertThat(item.reason()).contains("our identity is not known"));
        assertThat(report.items(Fate.CONVERTED)).hasSize(3);
        assertThat(report.outcome()).isEqualTo(Outcome.WRITTEN);
    }

    @Test
    @DisplayName("an export names what cannot go back: sessions of another identity, and those with Kyber keys")
    void export_namesWhatCannotGoBack() throws Exception {
        converting().to(alice);
        byte[] session = alice.find(KeyTypes.SESSION, SESSION).orElseThrow();
        byte[] version4 = session.clone();
        version4[session.length > 127 ? 4 : 3] = 4;
        assertThat(new SessionRecord(version4).getSessionVersion()).isEqualTo(4);
        alice.put(KeyTypes.SESSION, SESSION, version4);
        alice.saveCredentials(Files.readAllBytes(
                Samples.copy("7.0.0-rc14/bot-b", temporary.resolve("b")).resolve("creds.json")));
        Path exported = temporary.resolve("exported");

        TransferReport report = AccountExport.from(alice)
                .convertingSessionsTo(SessionFormat.BAILEYS)
                .to(BaileysFolder.at(exported));

        assertThat(report.items(Fate.NOT_CARRIED))
                .extracting(TransferItem::reason)
                .anySatisfy(reason -> assertThat(reason).contains("session of version 4"))
                .anySatisfy(reason -> assertThat(reason).contains("another identity"))
                .hasSize(2);
        assertThat(exported.resolve("session-15550100002.7.json")).doesNotExist();
        assertThat(exported.resolve("sender-key-120363000000000001@g.us--15550100002--7.json"))
                .exists();
    }

    @Test
    @DisplayName("sessions that are in the form already stay as they are, bytes of an application too")
    void sameForm_isKept() throws Exception {
        AccountImport.from(BaileysFolder.at(folder)).to(alice);
        Path exported = temporary.resolve("exported");

        TransferReport report = AccountExport.from(alice)
                .convertingSessionsTo(SessionFormat.BAILEYS)
                .to(BaileysFolder.at(exported));

        assertThat(report.items(Fate.CONVERTED)).isEmpty();
        assertThat(Samples.trees(exported)).isEqualTo(Samples.trees(folder));
        JsonLinesFile lines = JsonLinesFile.at(temporary.resolve("alice.jsonl"));
        AccountExport.from(alice).convertingSessionsTo(SessionFormat.WHATSMEOW).to(lines);
        SignalKeyStore bob = database.forContext("bob");
        AccountImport.from(lines).to(bob);
        assertThat(new String(bob.find(KeyTypes.SESSION, SESSION).orElseThrow(), UTF_8))
                .startsWith("{\"SessionState\":{\"LocalIdentityPublic\":");
        assertThat(new String(bob.find(KeyTypes.SENDER_KEY, SENDER_KEY).orElseThrow(), UTF_8))
                .startsWith("{\"SenderKeyStates\":[{\"Keys\":[]");
    }
}
