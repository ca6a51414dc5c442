package dev.keystore.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNullPointerException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.keystore.KeyTypes;
import java.io.ByteArrayOutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.signal.libsignal.protocol.DuplicateMessageException;
import org.signal.libsignal.protocol.IdentityKey;
import org.signal.libsignal.protocol.InvalidMessageException;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.ecc.ECKeyPair;
import org.signal.libsignal.protocol.ecc.ECPublicKey;
import org.signal.libsignal.protocol.message.PreKeySignalMessage;
import org.signal.libsignal.protocol.state.PreKeyBundle;
import org.signal.libsignal.protocol.state.SessionRecord;

/** Records that the real library wrote, in another form: libsignal-client continues with them, there and back. */
class SessionConversionTest {

    private static final String A = "15550100001";
    private static final String B = "15550100002";
    private static final SignalProtocolAddress SENDER = new SignalProtocolAddress(A, 7);
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

    private Party partyA() throws Exception {
        return a.party(B, a.convert(a.session(B), SessionFormat.LIBSIGNAL));
    }

    private Party partyB() throws Exception {
        return b.party(A, b.convert(b.session(A), SessionFormat.LIBSIGNAL));
    }

    private static void converse(Party one, Party other) throws Exception {
        for (int i = 0; i < 3; i++) {
            assertThat(other.decrypt(one.encrypt("there " + i))).isEqualTo("there " + i);
            assertThat(one.decrypt(other.encrypt("back " + i))).isEqualTo("back " + i);
        }
    }

    private static JsonNode open(byte[] session) {
        return openOf(Samples.tree(session));
    }

    private static JsonNode openOf(JsonNode record) {
        for (JsonNode each : record.get("_sessions")) {
            if (each.get("indexInfo").get("closed").intValue() == -1) {
                return each;
            }
        }
        throw new AssertionError("there is no open session");
    }

    @Test
    @DisplayName("two accounts of Baileys continue with each other in libsignal-client, over several ratchet steps")
    void realSessions_goOn() throws Exception {
        converse(partyA(), partyB());
        converse(partyB(), partyA());
    }

    @Test
    @DisplayName("messages that libsignal-node has encrypted decrypt after a conversion, in any order")
    void recordedMessages_decrypt() throws Exception {
        Party alice = partyA();
        JsonNode recorded = Samples.recordedMessages();
        for (String text : List.of("recorded 2", "recorded 1", "recorded 3")) {
            assertThat(alice.decrypt(Buffers.base64(recorded.get(text).textValue())))
                    .isEqualTo(text);
        }
    }

    @ParameterizedTest
    @FieldSource("REAL")
    @DisplayName("every session and sender key of the data loads, and is the same after a conversion there and back")
    void realRecords_thereAndBack(String name) throws Exception {
        Account account = Account.of(Samples.copy(name, temporary.resolve("real")));
        for (SessionFormat format : SessionFormat.values()) {
            if (format == SessionFormat.BAILEYS) {
                continue;
            }
            for (String id : account.contents().ids(KeyTypes.SESSION)) {
                byte[] session = account.contents().entry("session", id).encoded();
                byte[] converted = account.convert(session, format);
                if (format != SessionFormat.WHATSMEOW) { // where the seeds of message keys are not known any more
                    byte[] back = account.convert(converted, SessionFormat.BAILEYS);
                    assertThat(comparable(back)).as(format.name()).isEqualTo(comparable(session));
                }
                if (format == SessionFormat.LIBSIGNAL) {
                    SessionRecord record = new SessionRecord(converted);
                    assertThat(record.getSessionVersion()).isEqualTo(3);
                    assertThat(record.hasSenderChain()).isTrue();
                    assertThat(record.getRemoteRegistrationId())
                            .isEqualTo(open(session).get("registrationId").intValue());
                    assertThat(record.getLocalRegistrationId())
                            .isEqualTo(
                                    account.credentials().get("registrationId").intValue());
                } else {
                    byte[] round = account.convert(converted, SessionFormat.LIBSIGNAL);
                    new SessionRecord(round);
                    assertThat(indexes(round)).isEqualTo(indexes(account.convert(session, SessionFormat.LIBSIGNAL)));
                }
            }
            for (String id : account.contents().ids(KeyTypes.SENDER_KEY)) {
                byte[] senderKey = account.contents().entry("sender-key", id).encoded();
                byte[] converted = account.convertSenderKey(senderKey, format);
                JsonNode back = Samples.tree(account.convertSenderKey(converted, SessionFormat.BAILEYS));
                JsonNode before = Samples.tree(senderKey);
                // Up to 6.7.21, the key of another member has no private key; later, an empty one.
                for (JsonNode state : before) {
                    ObjectNode signing = (ObjectNode) state.get("senderSigningKey");
                    if (!signing.has("private")) {
                        signing.set("private", Buffers.writeNumbers(new byte[0]));
                    }
                }
                assertThat(back).isEqualTo(before);
            }
        }
    }

    /** Returns a session without what no other form holds, and without closed chains that decrypt nothing. */
    private static JsonNode comparable(byte[] session) {
        JsonNode record = Samples.tree(session);
        for (JsonNode each : record.get("_sessions")) {
            ObjectNode index = (ObjectNode) each.get("indexInfo");
            boolean isOpen = index.get("closed").intValue() == -1;
            index.remove(List.of("used", "created", "baseKeyType"));
            index.put("closed", !isOpen);
            ObjectNode chains = (ObjectNode) each.get("_chains");
            List<String> empty = new ArrayList<>();
            chains.properties().forEach(chain -> {
                if (!chain.getValue().get("chainKey").has("key")
                        && chain.getValue().get("messageKeys").isEmpty()) {
                    empty.add(chain.getKey());
                }
            });
            chains.remove(empty);
        }
        return record;
    }

    @Test
    @DisplayName("a message that was skipped decrypts once, and so does the next one")
    void skippedMessage_decrypts() throws Exception {
        JsonNode session = open(a.session(B));
        String ratchetKey =
                session.get("currentRatchet").get("lastRemoteEphemeralKey").textValue();
        byte[] seed = Buffers.base64(session.get("_chains")
                .get(ratchetKey)
                .get("messageKeys")
                .get("0")
                .textValue());
        byte[] skipped = Whisper.message(seed, Buffers.base64(ratchetKey), 0, b.identity(), a.identity(), "skipped");
        Party alice = partyA();

        assertThat(alice.decrypt(skipped)).isEqualTo("skipped");
        assertThatExceptionOfType(DuplicateMessageException.class).isThrownBy(() -> alice.decrypt(skipped));
        converse(alice, partyB());
    }

    @Test
    @DisplayName("a closed session still decrypts what its other side sends")
    void closedSession_decrypts() throws Exception {
        JsonNode record = Samples.tree(b.session(A));
        ObjectNode sessions = (ObjectNode) record.get("_sessions");
        List<String> open = new ArrayList<>();
        sessions.properties().forEach(each -> {
            ObjectNode index = (ObjectNode) each.getValue().get("indexInfo");
            if (index.get("closed").intValue() == -1) {
                open.add(each.getKey());
            }
            index.put("closed", -1);
        });
        sessions.remove(open);
        Party former = b.party(A, b.convert(StrictJson.write(record), SessionFormat.LIBSIGNAL));

        assertThat(partyA().decrypt(former.encrypt("late"))).isEqualTo("late");
    }

    @Test
    @DisplayName("a closed chain gets a random key: its skipped message decrypts, and one forged with zeros does not")
    void closedChain_cannotBeForged() throws Exception {
        JsonNode record = Samples.tree(a.session(B));
        JsonNode session = open(a.session(B));
        String ratchetKey =
                session.get("currentRatchet").get("lastRemoteEphemeralKey").textValue();
        for (JsonNode each : record.get("_sessions")) {
            if (each.get("_chains").has(ratchetKey)) {
                ((ObjectNode) each.get("_chains").get(ratchetKey).get("chainKey")).remove("key");
            }
        }
        byte[] closed = StrictJson.write(record);
        byte[] seed = Buffers.base64(session.get("_chains")
                .get(ratchetKey)
                .get("messageKeys")
                .get("0")
                .textValue());
        byte[] key = Buffers.base64(ratchetKey);
        byte[] skipped = Whisper.message(seed, key, 0, b.identity(), a.identity(), "skipped");
        byte[] forged = Whisper.message(Whisper.seed(new byte[32]), key, 2, b.identity(), a.identity(), "forged");
        byte[] converted = a.convert(closed, SessionFormat.LIBSIGNAL);

        Party alice = a.party(B, converted);
        assertThatExceptionOfType(InvalidMessageException.class).isThrownBy(() -> alice.decrypt(forged));
        assertThat(alice.decrypt(skipped)).isEqualTo("skipped");

        assertThat(a.convert(closed, SessionFormat.LIBSIGNAL)).isNotEqualTo(converted);
        byte[] random = chainKey(converted, key);
        assertThat(random).isNotEqualTo(chainKey(a.convert(closed, SessionFormat.LIBSIGNAL), key));
        assertThat(keysInGo(closed, ratchetKey))
                .doesNotContain(Buffers.base64(new byte[32]))
                .doesNotContainAnyElementsOf(keysInGo(closed, ratchetKey));
        Party withZeros = a.party(B, replaced(converted, random, new byte[32]));
        assertThat(withZeros.decrypt(forged)).as("what zeros would allow").isEqualTo("forged");
    }

    /** Returns the chain keys of a ratchet key in the form of whatsmeow. */
    private List<String> keysInGo(byte[] session, String ratchetKey) throws DamagedException {
        JsonNode go = Samples.tree(a.convert(session, SessionFormat.WHATSMEOW));
        List<String> keys = new ArrayList<>();
        for (JsonNode chains : go.findValues("ReceiverChains")) {
            for (JsonNode chain : chains) {
                if (chain.get("SenderRatchetKeyPublic").textValue().equals(ratchetKey)) {
                    keys.add(chain.at("/ChainKey/Key").textValue());
                }
            }
        }
        assertThat(keys).isNotEmpty().doesNotContainNull();
        return keys;
    }

    private static byte[] chainKey(byte[] libsignal, byte[] ratchetKey) throws DamagedException {
        return LibsignalSessionForm.read(libsignal).open().receivers().stream()
                .filter(chain -> Arrays.equals(chain.publicKey(), ratchetKey))
                .findFirst()
                .orElseThrow()
                .key();
    }

    private static byte[] replaced(byte[] bytes, byte[] from, byte[] to) {
        byte[] replaced = bytes.clone();
        for (int i = 0; i + from.length <= bytes.length; i++) {
            if (Arrays.equals(Arrays.copyOfRange(bytes, i, i + from.length), from)) {
                System.arraycopy(to, 0, replaced, i, to.length);
                return replaced;
            }
        }
        throw new AssertionError("not found");
    }

    @ParameterizedTest
    @EnumSource(names = "LIBSIGNAL", mode = EnumSource.Mode.EXCLUDE)
    @DisplayName(
            "a conversation in libsignal-client continues after a conversion there and back, skipped messages included")
    void libsignalSession_thereAndBack_goesOn(SessionFormat format) throws Exception {
        Party alice = partyA();
        Party bob = partyB();
        converse(alice, bob);
        byte[] first = alice.encrypt("first");
        byte[] second = alice.encrypt("second");
        assertThat(bob.decrypt(alice.encrypt("third"))).isEqualTo("third");
        byte[] old = bob.encrypt("old");
        assertThat(alice.decrypt(bob.encrypt("new"))).isEqualTo("new");

        alice.load(a.convert(a.convert(alice.session(), format), SessionFormat.LIBSIGNAL));
        bob.load(b.convert(b.convert(bob.session(), format), SessionFormat.LIBSIGNAL));

        assertThat(bob.decrypt(second)).isEqualTo("second");
        assertThatExceptionOfType(DuplicateMessageException.class).isThrownBy(() -> bob.decrypt(second));
        assertThat(alice.decrypt(old)).isEqualTo("old");
        converse(bob, alice);
        bob.load(b.convert(b.convert(bob.session(), format), SessionFormat.LIBSIGNAL));
        assertThat(bob.decrypt(first)).as("of a chain that is not the newest").isEqualTo("first");
        converse(alice, bob);
    }

    @Test
    @DisplayName("message keys without a seed cannot go to Baileys, which is said; the session continues")
    void derivedKeys_areNamed() throws Exception {
        byte[] derived = a.convert(a.session(B), SessionFormat.WHATSMEOW);

        byte[] back = a.convert(derived, SessionFormat.BAILEYS, "1 message keys of a chain in it");

        converse(a.party(B, a.convert(back, SessionFormat.LIBSIGNAL)), partyB());
    }

    @Test
    @DisplayName("libsignal-client continues with a session that waits for its first answer: it repeats the keys")
    void pendingSession_goesOn() throws Exception {
        JsonNode record = Samples.tree(b.session(A));
        ObjectNode session = (ObjectNode) openOf(record);
        String baseKey = session.at("/indexInfo/baseKey").textValue();
        ((ObjectNode) session.get("indexInfo")).put("created", System.currentTimeMillis());
        session.putObject("pendingPreKey")
                .put("signedKeyId", 1)
                .put("baseKey", baseKey)
                .put("preKeyId", 3);

        Party bob = b.party(A, b.convert(StrictJson.write(record), SessionFormat.LIBSIGNAL));
        PreKeySignalMessage message = new PreKeySignalMessage(bob.encrypt("first"));

        assertThat(message.getPreKeyId()).hasValue(3);
        assertThat(message.getSignedPreKeyId()).isEqualTo(1);
        assertThat(message.getBaseKey().serialize()).isEqualTo(Buffers.base64(baseKey));
        assertThat(message.getIdentityKey().serialize()).isEqualTo(b.identity());
    }

    @Test
    @DisplayName("a session that waits for its first answer keeps what repeats its keys, in each form")
    void pendingSession_isConverted() throws Exception {
        JsonNode record = Samples.tree(b.session(A));
        ObjectNode session = null;
        for (JsonNode each : record.get("_sessions")) {
            if (each.get("indexInfo").get("closed").intValue() == -1) {
                session = (ObjectNode) each;
            }
        }
        String baseKey = session.get("indexInfo").get("baseKey").textValue();
        session.putObject("pendingPreKey")
                .put("signedKeyId", 1)
                .put("baseKey", baseKey)
                .put("preKeyId", 3);

        byte[] converted = b.convert(StrictJson.write(record), SessionFormat.LIBSIGNAL);

        SessionState.PendingPreKey pending =
                LibsignalSessionForm.read(converted).open().pending();
        long created = session.get("indexInfo").get("created").longValue();
        assertThat(pending).isEqualTo(new SessionState.PendingPreKey(3L, 1, created / 1_000));
        JsonNode back = open(b.convert(converted, SessionFormat.BAILEYS));
        assertThat(back.get("pendingPreKey")).isEqualTo(session.get("pendingPreKey"));
        assertThat(back.get("indexInfo").get("baseKeyType").intValue()).isEqualTo(1);
        JsonNode go =
                Samples.tree(b.convert(converted, SessionFormat.WHATSMEOW)).get("SessionState");
        assertThat(go.get("PendingPreKey").get("PreKeyID").get("Value").intValue())
                .isEqualTo(3);
        byte[] fromGo =
                b.convert(StrictJson.write(StrictJson.object().set("SessionState", go)), SessionFormat.LIBSIGNAL);
        assertThat(LibsignalSessionForm.read(fromGo).open().pending())
                .isEqualTo(new SessionState.PendingPreKey(3L, 1, Account.NOW / 1_000));
    }

    @ParameterizedTest
    @EnumSource(names = "LIBSIGNAL", mode = EnumSource.Mode.EXCLUDE)
    @DisplayName("members of a group continue after a conversion there and back, skipped messages included")
    void senderKeys_thereAndBack_goOn(SessionFormat format) throws Exception {
        Party alice = partyA();
        Party bob = partyB();
        alice.loadSenderKey(SENDER, a.convertSenderKey(a.senderKey(A), SessionFormat.LIBSIGNAL));
        bob.loadSenderKey(SENDER, b.convertSenderKey(b.senderKey(A), SessionFormat.LIBSIGNAL));
        assertThat(bob.decryptFromGroup(SENDER, alice.encryptToGroup(SENDER, "one")))
                .isEqualTo("one");
        byte[] skipped = alice.encryptToGroup(SENDER, "skipped");
        assertThat(bob.decryptFromGroup(SENDER, alice.encryptToGroup(SENDER, "two")))
                .isEqualTo("two");

        alice.loadSenderKey(SENDER, thereAndBack(a, alice.senderKey(SENDER), format));
        bob.loadSenderKey(SENDER, thereAndBack(b, bob.senderKey(SENDER), format));

        assertThat(bob.decryptFromGroup(SENDER, skipped)).isEqualTo("skipped");
        assertThatExceptionOfType(DuplicateMessageException.class)
                .isThrownBy(() -> bob.decryptFromGroup(SENDER, skipped));
        assertThat(bob.decryptFromGroup(SENDER, alice.encryptToGroup(SENDER, "three")))
                .isEqualTo("three");
    }

    private static byte[] thereAndBack(Account account, byte[] senderKey, SessionFormat format)
            throws DamagedException {
        byte[] there = account.convertSenderKey(senderKey, format);
        assertThat(Samples.tree(there).toString())
                .contains(
                        switch (format) {
                            case BAILEYS -> "senderMessageKeys";
                            case BAILEYS_EX -> "sender_message_keys";
                            default -> "SenderKeyStates";
                        });
        return account.convertSenderKey(there, SessionFormat.LIBSIGNAL);
    }

    @Test
    @DisplayName("a record that whatsmeow's structures describe, which this module did not write, is read and written")
    void goRecord_isTheSame() throws Exception {
        byte[] go = Samples.goSession();
        SessionState open = LibsignalSessionForm.read(a.convert(go, SessionFormat.LIBSIGNAL))
                .open();

        assertThat(Samples.tree(a.convert(a.session(B), SessionFormat.WHATSMEOW)))
                .isEqualTo(withoutPrivateKeys(Samples.tree(go)));
        assertThat(open.receivers().get(open.receivers().size() - 1).index()).isEqualTo(2);
        converse(a.party(B, a.convert(go, SessionFormat.LIBSIGNAL)), partyB());
    }

    /** whatsmeow writes zeros for the private key of a receiving chain once it has read a record; here it is null. */
    private static JsonNode withoutPrivateKeys(JsonNode record) {
        for (List<JsonNode> chains : List.of(
                record.at("/SessionState").findValues("ReceiverChains"),
                record.at("/PreviousStates").findValues("ReceiverChains"))) {
            chains.forEach(list -> list.forEach(chain -> ((ObjectNode) chain).putNull("SenderRatchetKeyPrivate")));
        }
        return record;
    }

    @Test
    @DisplayName("a sender key that whatsmeow's structures describe is read and written, with its skipped message")
    void goSenderKey_isTheSame() throws Exception {
        byte[] go = Samples.goSenderKey();
        byte[] converted = b.convertSenderKey(go, SessionFormat.LIBSIGNAL);
        Party alice = partyA();
        Party bob = partyB();
        alice.loadSenderKey(SENDER, a.convertSenderKey(a.senderKey(A), SessionFormat.LIBSIGNAL));
        bob.loadSenderKey(SENDER, converted);

        byte[] skipped = alice.encryptToGroup(SENDER, "skipped");
        assertThat(bob.decryptFromGroup(SENDER, alice.encryptToGroup(SENDER, "next")))
                .isEqualTo("next");
        assertThat(bob.decryptFromGroup(SENDER, skipped)).isEqualTo("skipped");
        assertThat(Samples.tree(b.convertSenderKey(converted, SessionFormat.WHATSMEOW)))
                .isEqualTo(Samples.tree(go));
    }

    @Test
    @DisplayName("one chain has the same index in the forms of Baileys and baileys_ex, whose counters differ by one")
    void exRecord_isTheSame() throws Exception {
        byte[] ex = Samples.exSession();
        JsonNode openInEx = Samples.tree(ex).at("/sessions/BWNpQO5qfQ+9I9XvDSObbhw7EVD2FpW0eFMUciw9H21u");
        SessionStates direct = LibsignalSessionForm.read(a.convert(a.session(B), SessionFormat.LIBSIGNAL));
        SessionStates fromEx = LibsignalSessionForm.read(a.convert(ex, SessionFormat.LIBSIGNAL));

        assertThat(counters(open(a.session(B)), "_chains", "chainKey"))
                .isEqualTo(Map.of(
                        "BYl4b8GBfReU6ENSs+IT4lX4S3JwnHh5nPt1UmyXof9D",
                        1,
                        "BUi1BF5qUnVn0N/em/cFYHox4f5XCzD/Z4hS2nY3X40O",
                        -1));
        assertThat(counters(openInEx, "chains", "chain_key"))
                .isEqualTo(Map.of(
                        "BYl4b8GBfReU6ENSs+IT4lX4S3JwnHh5nPt1UmyXof9D",
                        2,
                        "BUi1BF5qUnVn0N/em/cFYHox4f5XCzD/Z4hS2nY3X40O",
                        0));
        assertThat(indexes(fromEx.open())).isEqualTo(indexes(direct.open()));
        assertThat(fromEx.open().localRegistrationId()).isEqualTo(direct.open().localRegistrationId());
        assertThat(fromEx.closed()).hasSameSizeAs(direct.closed());
        assertThat(Samples.tree(a.convert(ex, SessionFormat.WHATSMEOW))
                        .at("/SessionState/SessionVersion")
                        .intValue())
                .isEqualTo(3);
        assertThat(indexes(fromEx.closed().get(0)))
                .isEqualTo(indexes(direct.closed().get(0)));
        Party alice = a.party(B, a.convert(ex, SessionFormat.LIBSIGNAL));
        for (var message : Samples.recordedMessages().properties()) {
            assertThat(alice.decrypt(Buffers.base64(message.getValue().textValue())))
                    .isEqualTo(message.getKey());
        }
    }

    private static Map<String, Integer> counters(JsonNode session, String chains, String chainKey) {
        Map<String, Integer> counters = new TreeMap<>();
        session.get(chains).properties().forEach(chain -> {
            if (chain.getValue().get(chainKey).hasNonNull("key")) {
                counters.put(
                        chain.getKey(),
                        chain.getValue().get(chainKey).get("counter").intValue());
            }
        });
        return counters;
    }

    /** Returns the indexes of the open session, and of the closed ones. */
    private static List<Map<String, Long>> indexes(byte[] libsignal) throws DamagedException {
        SessionStates states = LibsignalSessionForm.read(libsignal);
        return Stream.concat(Stream.of(states.open()), states.closed().stream())
                .map(SessionConversionTest::indexes)
                .toList();
    }

    private static Map<String, Long> indexes(SessionState state) {
        Map<String, Long> indexes = new TreeMap<>();
        indexes.put("sender", state.sender().index());
        state.receivers().forEach(chain -> indexes.put(Buffers.base64(chain.publicKey()), chain.index()));
        indexes.put("previous", state.previousCounter());
        return indexes;
    }

    @Test
    @DisplayName("the receiving chains of baileys_ex have no order: the one that was used last becomes the newest")
    void exRecord_newestChain() throws Exception {
        JsonNode record = Samples.tree(Samples.exSession());
        JsonNode session = record.at("/sessions/BWNpQO5qfQ+9I9XvDSObbhw7EVD2FpW0eFMUciw9H21u");
        ObjectNode chains = (ObjectNode) session.get("chains");
        String newest = "BYl4b8GBfReU6ENSs+IT4lX4S3JwnHh5nPt1UmyXof9D";
        ObjectNode reordered = StrictJson.object();
        reordered.set(newest, chains.get(newest));
        chains.properties().forEach(chain -> {
            ObjectNode older = chain.getValue().deepCopy();
            if (older.get("chain_type").textValue().equals("receiving")
                    && !chain.getKey().equals(newest)) {
                older.withObject("/message_keys").set("0", Buffers.write(new byte[32]));
                older.withObject("/chain_key").put("counter", 1);
            }
            reordered.putIfAbsent(chain.getKey(), older);
        });
        ((ObjectNode) session).set("chains", reordered);

        List<SessionState.Chain> receivers = BaileysExSessionForm.read(
                        StrictJson.write(record), OwnIdentity.of(StrictJson.write(a.credentials())), Account.NOW)
                .open()
                .receivers();

        assertThat(receivers).hasSize(4);
        assertThat(Buffers.base64(receivers.get(3).publicKey())).isEqualTo(newest);
        JsonNode written = Samples.tree(
                a.convert(a.convert(StrictJson.write(record), SessionFormat.LIBSIGNAL), SessionFormat.BAILEYS_EX));
        assertThat(written.findPath("last_remote_ephemeral")).isEqualTo(Buffers.write(Buffers.base64(newest)));
    }

    @Test
    @DisplayName("R92 sessions of baileys_ex: without a ratchet key pair, or of another identity, they are named")
    void exRecord_damaged() throws Exception {
        JsonNode record = Samples.tree(Samples.exSession());
        JsonNode closed = record.at("/sessions/BZnpexgBw9lExc4OPXhBTijOstRY2rKqD3LGLATwAoFL");
        ((ObjectNode) closed.get("current_ratchet")).putNull("ephemeral_key_pair");
        byte[] converted = a.convert(
                StrictJson.write(record),
                SessionFormat.LIBSIGNAL,
                "a closed session in it, since it has no ratchet key pair, so that it cannot be continued");
        assertThat(LibsignalSessionForm.read(converted).closed()).isEmpty();
        b.convert(Samples.exSession(), SessionFormat.LIBSIGNAL, "it belongs to another identity than the credentials");
        assertThatExceptionOfType(DamagedException.class)
                .isThrownBy(() -> BaileysExSessionForm.read(Samples.exSession(), null, Account.NOW))
                .satisfies(e -> assertThat(e.reason()).contains("our registration id is not known"));
    }

    @Test
    @DisplayName("messages to a group that Baileys has encrypted decrypt after a conversion, skipped ones included")
    void recordedGroupMessages_decrypt() throws Exception {
        SignalProtocolAddress sender = new SignalProtocolAddress(B, 7);
        byte[] direct = a.convertSenderKey(a.senderKey(B), SessionFormat.LIBSIGNAL);
        byte[] publicKey = WhatsAppGroup.publicKey(direct);
        WhatsAppGroup group = new WhatsAppGroup();
        Party alice = partyA();
        alice.loadSenderKey(sender, group.surrogate(direct));
        for (String text : List.of("group 3", "group 1", "group 2")) {
            byte[] message = group.received(Samples.groupMessage(text), publicKey);
            assertThat(alice.decryptFromGroup(sender, message)).isEqualTo(text);
        }

        // Baileys itself has skipped the first two
        byte[] record =
                Buffers.base64(Samples.recordedGroup().get("after group 3").textValue());
        JsonNode back = Samples.tree(
                a.convertSenderKey(a.convertSenderKey(record, SessionFormat.LIBSIGNAL), SessionFormat.BAILEYS));
        assertThat(back.at("/0/senderMessageKeys").findValues("iteration"))
                .isEqualTo(Samples.tree(record).at("/0/senderMessageKeys").findValues("iteration"))
                .hasSize(5);
        assertThat(back.at("/0/senderMessageKeys/0/seed/data").isTextual())
                .as("Baileys uses message keys in base64 only")
                .isTrue();
        for (SessionFormat between : List.of(SessionFormat.BAILEYS_EX, SessionFormat.WHATSMEOW)) {
            byte[] skipped = a.convertSenderKey(a.convertSenderKey(record, between), SessionFormat.LIBSIGNAL);
            alice.loadSenderKey(sender, group.surrogate(skipped));
            for (String text : List.of("group 2", "group 1")) {
                byte[] message = group.received(Samples.groupMessage(text), publicKey);
                assertThat(alice.decryptFromGroup(sender, message)).isEqualTo(text);
                assertThatExceptionOfType(DuplicateMessageException.class)
                        .isThrownBy(() -> alice.decryptFromGroup(sender, message));
            }
        }
    }

    @Test
    @DisplayName("of states with one id, the one that Baileys uses is carried, and the newest is used")
    void senderKeyStates_order() throws Exception {
        JsonNode states = Samples.tree(a.senderKey(A));
        JsonNode first = states.get(0);
        ObjectNode again = first.deepCopy();
        ((ObjectNode) again.get("senderChainKey")).put("iteration", 9);
        ObjectNode newest = again.deepCopy();
        newest.put("senderKeyId", 7);
        byte[] record = StrictJson.write(
                StrictJson.NODES.arrayNode().add(first).add(again).add(newest));

        byte[] converted = a.convertSenderKey(record, SessionFormat.LIBSIGNAL, "whose id another one has");

        List<SenderKeyState> read = SenderKeyForms.readLibsignal(converted).newestFirst();
        assertThat(read)
                .extracting(SenderKeyState::keyId)
                .containsExactly(7L, first.get("senderKeyId").longValue());
        assertThat(read.get(1).next().iteration()).isEqualTo(1);
        assertThat(Samples.tree(a.convertSenderKey(converted, SessionFormat.BAILEYS)))
                .extracting(state -> state.get("senderKeyId").longValue())
                .containsExactly(first.get("senderKeyId").longValue(), 7L);
    }

    @Test
    @DisplayName("of states with one id and different signing keys, the newest is carried")
    void senderKeyStates_ofDifferentKeys() throws Exception {
        JsonNode own = Samples.tree(a.senderKey(A)).get(0);
        ObjectNode newer = Samples.tree(a.senderKey(B)).get(0).deepCopy();
        newer.set("senderKeyId", own.get("senderKeyId"));
        byte[] record = StrictJson.write(StrictJson.NODES.arrayNode().add(own).add(newer));

        byte[] converted = a.convertSenderKey(record, SessionFormat.LIBSIGNAL, "whose id another one has");

        assertThat(SenderKeyForms.readLibsignal(converted).newestFirst())
                .extracting(SenderKeyState::publicKey)
                .containsExactly(Buffers.read(newer.at("/senderSigningKey/public")));
    }

    /** A record of Baileys whose open session is there several times, under other base keys. */
    private byte[] repeated(int times, boolean closed) throws DamagedException {
        JsonNode record = Samples.tree(a.session(B));
        ObjectNode sessions = (ObjectNode) record.get("_sessions");
        ObjectNode open = (ObjectNode) openOf(record);
        List<String> others = new ArrayList<>();
        sessions.properties().forEach(each -> {
            if (!each.getValue().equals(open)) {
                others.add(each.getKey());
            }
        });
        sessions.remove(others);
        for (int i = 1; i <= times; i++) {
            byte[] baseKey = Curve.withType(new byte[32]);
            baseKey[32] = (byte) i;
            ObjectNode copy = open.deepCopy();
            ((ObjectNode) copy.get("indexInfo"))
                    .put("baseKey", Buffers.base64(baseKey))
                    .put("used", i)
                    .put("closed", closed ? i : -1);
            sessions.set(Buffers.base64(baseKey), copy);
        }
        return StrictJson.write(record);
    }

    @Test
    @DisplayName("of more than 40 closed sessions, the newest are carried, and the others named")
    void closedSessions_haveALimit() throws Exception {
        byte[] converted = a.convert(
                repeated(42, true),
                SessionFormat.LIBSIGNAL,
                "a closed session in it, since there are 40 newer ones",
                "a closed session in it, since there are 40 newer ones");

        assertThat(LibsignalSessionForm.read(converted).closed())
                .hasSize(40)
                .extracting(state -> (int) state.baseKey()[32])
                .startsWith(42, 41)
                .endsWith(3);
        converse(a.party(B, converted), partyB());
    }

    @Test
    @DisplayName("closed sessions keep their order on the way back to Baileys, and when they are converted again")
    void closedSessions_keepTheirOrder() throws Exception {
        byte[] back = a.convert(a.convert(repeated(3, true), SessionFormat.LIBSIGNAL), SessionFormat.BAILEYS);
        long[] times = new long[4];
        for (JsonNode session : Samples.tree(back).get("_sessions")) {
            JsonNode index = session.get("indexInfo");
            if (index.get("closed").longValue() != -1) {
                int key = Buffers.base64(index.get("baseKey").textValue())[32];
                times[key] = index.get("used").longValue();
                assertThat(index.get("closed").longValue()).isEqualTo(times[key]);
            }
        }
        assertThat(times).as("the newest was used last").isSorted().doesNotHaveDuplicates();
        assertThat(LibsignalSessionForm.read(a.convert(back, SessionFormat.LIBSIGNAL))
                        .closed())
                .extracting(state -> (int) state.baseKey()[32])
                .containsExactly(3, 2, 1);
    }

    @ParameterizedTest
    @EnumSource(names = {"BAILEYS", "BAILEYS_EX"})
    @DisplayName("of closed sessions with one base key, which names them in the target, the newest is carried")
    void closedSessions_ofOneBaseKey(SessionFormat format) throws Exception {
        SessionStates states = LibsignalSessionForm.read(a.convert(repeated(1, true), SessionFormat.LIBSIGNAL));
        SessionState closed = states.closed().get(0);
        byte[] twice = LibsignalSessionForm.write(new SessionStates(states.open(), List.of(closed, closed), List.of()))
                .bytes();

        byte[] converted = a.convert(twice, format, "since a newer one has the same base key");

        assertThat(Samples.tree(converted).elements().next()).hasSize(2);
    }

    @Test
    @DisplayName("a sending chain that is not the current one is named, and the session continues")
    void formerSendingChain_isNamed() throws Exception {
        JsonNode record = Samples.tree(a.session(B));
        ObjectNode chains = (ObjectNode) openOf(record).get("_chains");
        ObjectNode former = chains.elements().next().deepCopy();
        chains.set(Buffers.base64(Curve.withType(new byte[32])), former.put("chainType", 1));

        byte[] converted = a.convert(
                StrictJson.write(record), SessionFormat.LIBSIGNAL, "a sending chain in it that is not used any more");

        converse(a.party(B, converted), partyB());
    }

    @Test
    @DisplayName("of more than five states of a sender key, the newest are carried, and the others named")
    void senderKeyStates_haveALimit() throws Exception {
        ObjectNode state = (ObjectNode) Samples.tree(a.senderKey(A)).get(0);
        ArrayNode states = StrictJson.NODES.arrayNode();
        for (int id = 1; id <= 7; id++) {
            states.add(state.deepCopy().put("senderKeyId", id));
        }

        byte[] converted = a.convertSenderKey(
                StrictJson.write(states), SessionFormat.LIBSIGNAL, "2 states in it, which has 5 newer ones");

        assertThat(SenderKeyForms.readLibsignal(converted).newestFirst())
                .extracting(SenderKeyState::keyId)
                .containsExactly(7L, 6L, 5L, 4L, 3L);
    }

    @Test
    @DisplayName("of several open sessions, one stays open, and the others become closed ones")
    void openSessions_areCarried() throws Exception {
        byte[] converted = a.convert(repeated(2, false), SessionFormat.LIBSIGNAL);

        SessionStates states = LibsignalSessionForm.read(converted);
        assertThat(states.open()).isNotNull();
        assertThat(states.closed()).hasSize(2);
        converse(a.party(B, converted), partyB());
    }

    @Test
    @DisplayName("a record without a version has one registration id for all of its sessions")
    void recordWithoutVersion_isConverted() throws Exception {
        ObjectNode record = (ObjectNode) Samples.tree(a.session(B));
        record.remove("version");
        int registration = openOf(record).get("registrationId").intValue();
        record.put("registrationId", registration);
        record.get("_sessions").forEach(session -> ((ObjectNode) session).remove("registrationId"));
        byte[] session = StrictJson.write(record);

        assertThat(BaileysSession.read(record, session)).isEqualTo(session);
        byte[] converted = a.convert(session, SessionFormat.LIBSIGNAL);

        assertThat(new SessionRecord(converted).getRemoteRegistrationId()).isEqualTo(registration);
        converse(a.party(B, converted), partyB());
    }

    @Test
    @DisplayName("what libsignal-client refuses of WhatsApp: device 0, first messages without Kyber, group messages")
    void libsignal_refuses() throws Exception {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new SignalProtocolAddress(B, 0))
                .withMessageContaining("protocol address is invalid");
        Party alice = partyA();
        alice.loadSenderKey(
                new SignalProtocolAddress(B, 7), a.convertSenderKey(a.senderKey(B), SessionFormat.LIBSIGNAL));
        byte[] toGroup = Samples.groupMessage("group 1");
        assertThatThrownBy(() -> alice.decryptFromGroup(new SignalProtocolAddress(B, 7), toGroup))
                .isInstanceOf(InvalidMessageException.class);
        byte[] inner =
                Buffers.base64(Samples.recordedMessages().get("recorded 1").textValue());
        ByteArrayOutputStream first = new ByteArrayOutputStream();
        first.write(0x33);
        Protobuf.number(first, 1, 3);
        Protobuf.bytes(first, 2, b.identity());
        Protobuf.bytes(first, 3, b.identity());
        Protobuf.bytes(first, 4, inner);
        Protobuf.number(first, 5, 7);
        Protobuf.number(first, 6, 1);
        assertThatExceptionOfType(InvalidMessageException.class)
                .isThrownBy(() -> alice.decryptFirst(first.toByteArray()))
                .withMessageContaining("X3DH no longer supported");
    }

    @Test
    @DisplayName("libsignal-client writes the version byte 0x34, which peers of WhatsApp refuse")
    void libsignal_writesOtherVersion() throws Exception {
        assertThat(partyA().encrypt("x")[0]).isEqualTo((byte) 0x34);
    }

    @Test
    @DisplayName("libsignal-client starts no session without a Kyber pre-key, which its bundles must have")
    void libsignal_startsNoSessionWithoutKyber() throws Exception {
        ECPublicKey signed = ECKeyPair.generate().getPublicKey();
        IdentityKey identity = new IdentityKey(b.identity());
        byte[] signature = new byte[64];
        assertThatNullPointerException()
                .isThrownBy(() -> new PreKeyBundle(1, 7, 3, signed, 1, signed, signature, identity, 0, null, signature))
                .withMessageContaining("kyberPreKeyPublic");
    }
}
