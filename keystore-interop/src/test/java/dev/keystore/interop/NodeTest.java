package dev.keystore.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.signal.libsignal.protocol.SignalProtocolAddress;

/** The real JavaScript libraries read what was exported, and continue with sessions that were converted. */
@EnabledIfSystemProperty(named = NodeProcess.MODULES, matches = ".+", disabledReason = "needs Node: -Pnode")
@Timeout(120)
class NodeTest {

    private static final String A = "15550100001";
    private static final String B = "15550100002";
    private static final SignalProtocolAddress ALICE = new SignalProtocolAddress(A, 7);
    private static final SignalProtocolAddress BOB = new SignalProtocolAddress(B, 7);
    static final List<String> REAL = Samples.REAL;

    @TempDir
    Path temporary;

    private Account a;
    private Account b;

    @BeforeEach
    void read() throws Exception {
        a = Account.of(Samples.copy("7.0.0-rc14/bot-a", temporary.resolve("a")));
        b = Account.of(Samples.copy("7.0.0-rc14/bot-b", temporary.resolve("b")));
    }

    @ParameterizedTest
    @FieldSource("REAL")
    @DisplayName("R93 Baileys reads an exported folder, and finds what it had written")
    void baileys_readsExport(String name) throws Exception {
        JsonNode truth = Samples.truth(name);
        Path exported = temporary.resolve("exported");
        try (SignalKeyDatabase database = Samples.database(temporary)) {
            SignalKeyStore alice = database.forContext("alice");
            AccountImport.from(BaileysFolder.at(Samples.copy(name, temporary))).to(alice);
            AccountExport.from(alice).to(BaileysFolder.at(exported));
        }

        for (String each : name.startsWith("6.") ? List.of("baileys-6", "baileys") : List.of("baileys")) {
            check(baileys(each, exported, truth), truth);
        }
    }

    private static void check(JsonNode found, JsonNode truth) {
        assertThat(found.get("creds")).isEqualTo(truth.get("creds"));
        ObjectNode keys = truth.get("keys").deepCopy();
        ObjectNode foundKeys = (ObjectNode) found.get("keys");
        // Baileys makes a protobuf object of these, with defaults: compare what it was given.
        JsonNode syncKeys = keys.remove("app-state-sync-key");
        JsonNode foundSyncKeys = foundKeys.remove("app-state-sync-key");
        syncKeys.properties()
                .forEach(key -> assertThat(foundSyncKeys.get(key.getKey()).get("keyData"))
                        .isEqualTo(key.getValue().get("keyData")));
        assertThat(foundKeys).isEqualTo(keys);
    }

    /** Reads a folder with a package: the version of Baileys that wrote the data, or the newest. */
    private static JsonNode baileys(String name, Path folder, JsonNode truth) throws Exception {
        ObjectNode ids = StrictJson.object();
        truth.get("keys").properties().forEach(type -> {
            ArrayNode names = ids.putArray(type.getKey());
            type.getValue().fieldNames().forEachRemaining(names::add);
        });
        Process process = new ProcessBuilder(
                        "node",
                        Path.of("src/test/node/read-folder.mjs")
                                .toAbsolutePath()
                                .toString(),
                        System.getProperty(NodeProcess.MODULES),
                        name,
                        folder.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        process.getOutputStream().write(StrictJson.write(ids));
        process.getOutputStream().close();
        byte[] output = process.getInputStream().readAllBytes();
        assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
        assertThat(process.exitValue()).isZero();
        return Samples.tree(output);
    }

    @Test
    @DisplayName("the recorded messages are those that libsignal-node writes")
    void recordedMessages_areItsOwn() throws Exception {
        try (NodePeer bob = new NodePeer(b.credentials(), A, b.session(A))) {
            for (var message : Samples.recordedMessages().properties()) {
                assertThat(bob.encrypt(message.getKey()))
                        .isEqualTo(Buffers.base64(message.getValue().textValue()));
            }
        }
    }

    @Test
    @DisplayName("libsignal-client and libsignal-node continue with each other; Node refuses messages as they are sent")
    void converted_goesOn() throws Exception {
        Party alice = new Party(a.credentials(), B, a.convert(a.session(B), SessionFormat.LIBSIGNAL));
        try (NodePeer bob = new NodePeer(b.credentials(), A, b.session(A))) {
            byte[] skipped = bob.encrypt("skipped");
            for (int i = 0; i < 4; i++) {
                assertThat(alice.decrypt(bob.encrypt("there " + i))).isEqualTo("there " + i);
                byte[] before = alice.session();
                byte[] raw = alice.encrypt("back " + i);
                assertThat(raw[0]).isEqualTo((byte) 0x34);
                assertThatThrownBy(() -> bob.decrypt(raw)).hasMessageContaining("SessionError");
                assertThat(bob.decrypt(Whisper.downConverted(raw, before))).isEqualTo("back " + i);
            }
            assertThat(alice.decrypt(skipped)).isEqualTo("skipped");
        }
    }

    @Test
    @DisplayName("a session goes to libsignal-client, talks there, and goes back to libsignal-node, which continues")
    void back_goesOn() throws Exception {
        Party alice = new Party(a.credentials(), B, a.convert(a.session(B), SessionFormat.LIBSIGNAL));
        try (NodePeer bob = new NodePeer(b.credentials(), A, b.session(A))) {
            assertThat(alice.decrypt(bob.encrypt("one"))).isEqualTo("one");
            byte[] skipped = bob.encrypt("skipped");
            assertThat(alice.decrypt(bob.encrypt("two"))).isEqualTo("two");
            byte[] before = alice.session();
            assertThat(bob.decrypt(Whisper.downConverted(alice.encrypt("three"), before)))
                    .isEqualTo("three");
            byte[] back = a.convert(alice.session(), SessionFormat.BAILEYS);
            try (NodePeer inNode = new NodePeer(a.credentials(), B, back)) {
                assertThat(inNode.decrypt(skipped)).isEqualTo("skipped");
                for (int i = 0; i < 3; i++) {
                    assertThat(bob.decrypt(inNode.encrypt("there " + i))).isEqualTo("there " + i);
                    assertThat(inNode.decrypt(bob.encrypt("back " + i))).isEqualTo("back " + i);
                }
            }
        }
    }

    @Test
    @DisplayName("members of a group in Baileys and in libsignal-client continue with converted sender keys, both ways")
    void group_goesOn() throws Exception {
        byte[] ofBob = a.convertSenderKey(a.senderKey(B), SessionFormat.LIBSIGNAL);
        byte[] own = a.convertSenderKey(a.senderKey(A), SessionFormat.LIBSIGNAL);
        Party alice = new Party(a.credentials(), B, a.convert(a.session(B), SessionFormat.LIBSIGNAL));
        WhatsAppGroup group = new WhatsAppGroup();
        alice.loadSenderKey(BOB, group.surrogate(ofBob));
        alice.loadSenderKey(ALICE, own);
        try (NodeGroup bob = new NodeGroup(b.senderKey(B));
                NodeGroup ofAlice = new NodeGroup(b.senderKey(A))) {
            byte[] skipped = bob.encrypt("skipped");
            for (int i = 0; i < 3; i++) {
                byte[] message = group.received(bob.encrypt("there " + i), WhatsAppGroup.publicKey(ofBob));
                assertThat(alice.decryptFromGroup(BOB, message)).isEqualTo("there " + i);
                byte[] raw = alice.encryptToGroup(ALICE, "back " + i);
                assertThatThrownBy(() -> ofAlice.decrypt(raw)).hasMessageContaining("Error");
                assertThat(ofAlice.decrypt(WhatsAppGroup.sent(raw, own))).isEqualTo("back " + i);
            }
            assertThat(alice.decryptFromGroup(BOB, group.received(skipped, WhatsAppGroup.publicKey(ofBob))))
                    .isEqualTo("skipped");
        }
    }

    @Test
    @DisplayName(
            "a sender key goes to libsignal-client and back to Baileys, which reads the messages that were skipped")
    void group_goesBack() throws Exception {
        byte[] ofBob = a.convertSenderKey(a.senderKey(B), SessionFormat.LIBSIGNAL);
        Party alice = new Party(a.credentials(), B, a.convert(a.session(B), SessionFormat.LIBSIGNAL));
        WhatsAppGroup group = new WhatsAppGroup();
        alice.loadSenderKey(BOB, group.surrogate(ofBob));
        try (NodeGroup bob = new NodeGroup(b.senderKey(B))) {
            byte[] skipped = bob.encrypt("skipped");
            byte[] next = group.received(bob.encrypt("next"), WhatsAppGroup.publicKey(ofBob));
            assertThat(alice.decryptFromGroup(BOB, next)).isEqualTo("next");
            byte[] back = WhatsAppGroup.withPublicKey(alice.senderKey(BOB), WhatsAppGroup.publicKey(ofBob));
            try (NodeGroup inNode = new NodeGroup(a.convertSenderKey(back, SessionFormat.BAILEYS))) {
                assertThat(inNode.decrypt(skipped)).isEqualTo("skipped");
                assertThat(inNode.decrypt(bob.encrypt("on"))).isEqualTo("on");
            }
        }
    }

    @Test
    @DisplayName("the recorded messages to the group are those of Baileys, and so is the record that skipped some")
    void recordedGroup_isItsOwn() throws Exception {
        JsonNode recorded = Samples.recordedGroup();
        try (NodeGroup ofBob = new NodeGroup(a.senderKey(B))) {
            assertThat(ofBob.decrypt(Samples.groupMessage("group 3"))).isEqualTo("group 3");
            assertThat(Samples.tree(ofBob.senderKey()))
                    .isEqualTo(Samples.tree(
                            Buffers.base64(recorded.get("after group 3").textValue())));
            // Baileys fails on message keys that it wrote itself, once it has read them; on converted ones, it does
            // not.
            assertThatThrownBy(() -> ofBob.decrypt(Samples.groupMessage("group 1")))
                    .hasMessageContaining("Expected Buffer");
        }
        byte[] libsignal =
                a.convertSenderKey(Buffers.base64(recorded.get("after group 3").textValue()), SessionFormat.LIBSIGNAL);
        try (NodeGroup ofBob = new NodeGroup(a.convertSenderKey(libsignal, SessionFormat.BAILEYS))) {
            assertThat(ofBob.decrypt(Samples.groupMessage("group 1"))).isEqualTo("group 1");
        }
    }
}
