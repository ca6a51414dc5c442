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

/** The real JavaScript libraries read what was exported, and go on with sessions that were converted. */
@EnabledIfSystemProperty(named = NodePeer.MODULES, matches = ".+", disabledReason = "needs Node: -Pnode")
@Timeout(120)
class NodeTest {

    private static final String A = "15550100001";
    private static final String B = "15550100002";
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

        JsonNode found = baileys(exported, truth);

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

    private static JsonNode baileys(Path folder, JsonNode truth) throws Exception {
        ObjectNode ids = Json.object();
        truth.get("keys").properties().forEach(type -> {
            ArrayNode names = ids.putArray(type.getKey());
            type.getValue().fieldNames().forEachRemaining(names::add);
        });
        Process process = new ProcessBuilder(
                        "node",
                        Path.of("src/test/node/read-folder.mjs")
                                .toAbsolutePath()
                                .toString(),
                        System.getProperty(NodePeer.MODULES),
                        folder.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        process.getOutputStream().write(Json.write(ids));
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
    @DisplayName("libsignal-client and libsignal-node go on with each other; Node refuses messages as they are sent")
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
    @DisplayName("a session goes to libsignal-client, talks there, and goes back to libsignal-node, which goes on")
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
}
