package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.keystore.KeyTypes;
import dev.keystore.interop.SenderKeyState.MessageSeed;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.signal.libsignal.protocol.state.SessionRecord;

/** Records that libsignal would load and could not use are refused, and damage is never a crash. */
class SessionCheckTest {

    private static final String KEY_31 = Buffers.base64(new byte[31]);
    private static final String ZERO = Buffers.base64(new byte[32]);

    @TempDir
    Path temporary;

    private Account account;
    private byte[] session;

    @BeforeEach
    void read() throws Exception {
        account = Account.of(Samples.copy("7.0.0-rc14/bot-a", temporary));
        session = account.session("15550100002");
    }

    /** A change of the open session, in the form of whatsmeow, which has all fields. */
    private interface Change {
        void of(ObjectNode state);
    }

    private static Arguments damage(String reason, Change change) {
        return Arguments.of(reason, change);
    }

    static Stream<Arguments> damages() {
        return Stream.of(
                damage("version 2", state -> state.put("SessionVersion", 2)),
                damage("version 4", state -> state.put("SessionVersion", 4)),
                damage("33 bytes with the type 5", state -> state.put("LocalIdentityPublic", ZERO)),
                damage("33 bytes with the type 5", state -> state.put("RemoteIdentityPublic", KEY_31)),
                damage("33 bytes with the type 5", state -> state.put("SenderBaseKey", ZERO)),
                damage("its root key in it has 31 bytes", state -> state.put("RootKey", KEY_31)),
                damage("its root key in it is zero", state -> state.put("RootKey", ZERO)),
                damage("\"RootKey\" is missing", state -> state.putNull("RootKey")),
                damage("out of range", state -> state.put("RemoteRegistrationID", -1)),
                damage("out of range", state -> state.put("LocalRegistrationID", 1L << 32)),
                damage("no sending chain", state -> state.putNull("SenderChain")),
                damage(
                        "does not belong to the private one",
                        state -> sender(state).put("SenderRatchetKeyPrivate", Buffers.base64(filled()))),
                damage(
                        "sending chain has no key",
                        state -> chainKey(sender(state)).putNull("Key")),
                damage(
                        "a chain key in it is zero",
                        state -> chainKey(sender(state)).put("Key", ZERO)),
                damage(
                        "a chain key in it is zero",
                        state -> chainKey(receiver(state)).put("Key", ZERO)),
                damage(
                        "a chain key in it has 31 bytes",
                        state -> chainKey(receiver(state)).put("Key", KEY_31)),
                damage(
                        "does not belong to its chain",
                        state -> messageKey(state).put("Index", 2)),
                damage(
                        "does not have 32, 32 and 16 bytes",
                        state -> messageKey(state).put("IV", ZERO)),
                damage("the same ratchet key", state -> ((ArrayNode) state.get("ReceiverChains")).add(receiver(state))),
                damage("fields that are not known", state -> state.put("New", 1)),
                damage("pending exchange", state -> state.putObject("PendingKeyExchange")));
    }

    private static byte[] filled() {
        byte[] key = new byte[32];
        key[5] = 1;
        return key;
    }

    private static ObjectNode sender(ObjectNode state) {
        return (ObjectNode) state.get("SenderChain");
    }

    private static ObjectNode receiver(ObjectNode state) {
        JsonNode receivers = state.get("ReceiverChains");
        return (ObjectNode) receivers.get(receivers.size() - 1);
    }

    private static ObjectNode chainKey(ObjectNode chain) {
        return (ObjectNode) chain.get("ChainKey");
    }

    private static ObjectNode messageKey(ObjectNode state) {
        return (ObjectNode) receiver(state).get("MessageKeys").get(0);
    }

    @ParameterizedTest
    @MethodSource("damages")
    @DisplayName("R92 a session that libsignal could not use is refused, with the reason")
    void damagedSession_isRefused(String reason, Change change) throws Exception {
        JsonNode record = Samples.tree(account.convert(session, SessionFormat.WHATSMEOW));
        change.of((ObjectNode) record.get("SessionState"));

        assertThatExceptionOfType(DamagedException.class)
                .isThrownBy(() -> WhatsmeowSessionForm.read(StrictJson.write(record), Account.NOW))
                .satisfies(e -> assertThat(e.reason()).contains(reason));
    }

    /** A change of the state of our sender key, whose next message has the number 5. */
    private interface SenderKeyChange {
        SenderKeyState of(SenderKeyState state);
    }

    private static Arguments senderKeyDamage(String reason, SenderKeyChange change) {
        return Arguments.of(reason, change);
    }

    static Stream<Arguments> senderKeyDamages() {
        long tooLarge = 1L << 32;
        return Stream.of(
                senderKeyDamage("an id in it is out of range", state -> withId(state, -1)),
                senderKeyDamage("an id in it is out of range", state -> withId(state, tooLarge)),
                senderKeyDamage("a number in it is out of range", state -> withNext(state, -1, 32)),
                senderKeyDamage("a number in it is out of range", state -> withNext(state, tooLarge, 32)),
                senderKeyDamage("a seed in it has 31 bytes", state -> withNext(state, 5, 31)),
                senderKeyDamage("33 bytes with the type 5", state -> withKeys(state, new byte[32], new byte[0])),
                senderKeyDamage(
                        "a private key in it has 31 bytes", state -> withKeys(state, state.publicKey(), new byte[31])),
                senderKeyDamage(
                        "does not belong to the private one", state -> withKeys(state, state.publicKey(), filled())),
                senderKeyDamage("a number in it is out of range", state -> withSkipped(state, -1, 32)),
                senderKeyDamage("a seed in it has 33 bytes", state -> withSkipped(state, 4, 33)),
                senderKeyDamage("does not belong to its chain", state -> withSkipped(state, 5, 32)));
    }

    private static SenderKeyState withId(SenderKeyState of, long id) {
        return new SenderKeyState(id, of.next(), of.publicKey(), of.privateKey(), of.skipped());
    }

    private static SenderKeyState withNext(SenderKeyState of, long iteration, int bytes) {
        MessageSeed next = new MessageSeed(iteration, new byte[bytes]);
        return new SenderKeyState(of.keyId(), next, of.publicKey(), of.privateKey(), of.skipped());
    }

    private static SenderKeyState withKeys(SenderKeyState of, byte[] publicKey, byte[] privateKey) {
        return new SenderKeyState(of.keyId(), of.next(), publicKey, privateKey, of.skipped());
    }

    private static SenderKeyState withSkipped(SenderKeyState of, long iteration, int bytes) {
        List<MessageSeed> skipped = List.of(new MessageSeed(iteration, new byte[bytes]));
        return new SenderKeyState(of.keyId(), of.next(), of.publicKey(), of.privateKey(), skipped);
    }

    @ParameterizedTest
    @MethodSource("senderKeyDamages")
    @DisplayName("R92 a sender key that libsignal could not use is refused, with the reason")
    void damagedSenderKey_isRefused(String reason, SenderKeyChange change) throws Exception {
        SenderKeyState own = SenderKeyForms.readBaileys(account.senderKey("15550100001"))
                .newestFirst()
                .get(0);
        assertThat(own.privateKey()).hasSize(32);
        SenderKeyState sound = withSkipped(withNext(own, 5, 32), 4, 32);
        assertThat(SenderKeyForms.readLibsignal(SenderKeyForms.writeLibsignal(List.of(sound)))
                        .newestFirst())
                .hasSize(1);

        byte[] damaged = SenderKeyForms.writeLibsignal(List.of(change.of(sound)));

        assertThatExceptionOfType(DamagedException.class)
                .isThrownBy(() -> SenderKeyForms.readLibsignal(damaged))
                .satisfies(e -> assertThat(e.reason()).contains(reason));
    }

    private static Arguments goDamage(String reason, boolean isSession, String at, String field, Object value) {
        return Arguments.of(reason, isSession, at, field, value);
    }

    static Stream<Arguments> goDamages() {
        String receiver = "/SessionState/ReceiverChains/0";
        String skipped = receiver + "/MessageKeys/0";
        String state = "/SenderKeyStates/0";
        return Stream.of(
                goDamage("version 2; known is 3", true, "/SessionState", "SessionVersion", 2),
                goDamage("33 bytes with the type 5", true, "/SessionState", "LocalIdentityPublic", KEY_31),
                goDamage("33 bytes with the type 5", true, "/SessionState", "RemoteIdentityPublic", ZERO),
                goDamage("33 bytes with the type 5", true, "/SessionState", "SenderBaseKey", ZERO),
                goDamage("\"RootKey\" has 31 bytes", true, "/SessionState", "RootKey", KEY_31),
                goDamage("\"LocalRegistrationID\" is out of range", true, "/SessionState", "LocalRegistrationID", -1),
                goDamage("\"RemoteRegistrationID\" is not a", true, "/SessionState", "RemoteRegistrationID", true),
                goDamage("\"PreviousCounter\" is out of range", true, "/SessionState", "PreviousCounter", 1L << 32),
                goDamage("\"SenderChain\" is missing", true, "/SessionState", "SenderChain", null),
                goDamage("the private one", true, "/SessionState/SenderChain", "SenderRatchetKeyPrivate", ZERO),
                goDamage("a list is expected", true, "/SessionState", "ReceiverChains", "x"),
                goDamage("33 bytes with the type 5", true, receiver, "SenderRatchetKeyPublic", ZERO),
                goDamage("\"Key\" has 31 bytes", true, receiver + "/ChainKey", "Key", KEY_31),
                goDamage("\"Index\" is out of range", true, receiver + "/ChainKey", "Index", -1),
                goDamage("\"CipherKey\" has 31 bytes", true, skipped, "CipherKey", KEY_31),
                goDamage("\"MacKey\" has 31 bytes", true, skipped, "MacKey", KEY_31),
                goDamage("\"IV\" has 32 bytes", true, skipped, "IV", ZERO),
                goDamage("does not belong to its chain", true, skipped, "Index", 2),
                goDamage("an object is expected", true, "/SessionState", "PendingPreKey", List.of()),
                goDamage("an object is expected", true, "", "PreviousStates", List.of(1)),
                goDamage("\"SessionState\" is missing", true, "", "SessionState", null),
                goDamage("it holds no sender key", false, "", "SenderKeyStates", List.of()),
                goDamage("\"KeyID\" is out of range", false, state, "KeyID", 1L << 32),
                goDamage("\"ChainKey\" has 31 bytes", false, state + "/SenderChainKey", "ChainKey", KEY_31),
                goDamage("does not belong to its chain", false, state + "/SenderChainKey", "Iteration", 1),
                goDamage("33 bytes with the type 5", false, state, "SigningKeyPublic", ZERO),
                goDamage("the private one", false, state, "SigningKeyPrivate", Buffers.base64(filled())),
                goDamage("\"Seed\" has 31 bytes", false, state + "/Keys/0", "Seed", KEY_31),
                goDamage("\"IV\" has 32 bytes", false, state + "/Keys/0", "IV", ZERO));
    }

    @ParameterizedTest
    @MethodSource("goDamages")
    @DisplayName("R92 a record of whatsmeow in JSON that is damaged is named on import, with the reason")
    void damagedGoRecord_isRefused(String reason, boolean isSession, String at, String field, Object value)
            throws Exception {
        JsonNode record = Samples.tree(isSession ? Samples.goSession() : Samples.goSenderKey());
        check(record, isSession);
        ((ObjectNode) record.at(at)).putPOJO(field, value);
        JsonNode damaged = Samples.tree(record.toString().getBytes(UTF_8));

        assertThatExceptionOfType(DamagedException.class)
                .isThrownBy(() -> check(damaged, isSession))
                .satisfies(e -> assertThat(e.reason()).contains(reason));
    }

    private static void check(JsonNode record, boolean isSession) throws DamagedException {
        if (isSession) {
            WhatsmeowRecords.checkSession(StrictJson.write(record));
        } else {
            WhatsmeowRecords.checkSenderKey(StrictJson.write(record));
        }
    }

    @Test
    @DisplayName("a private signing key of zeros, which whatsmeow writes for other members, is none")
    void signingKeyOfZeros_isNone() throws Exception {
        ObjectNode record = (ObjectNode) Samples.tree(Samples.goSenderKey());
        ((ObjectNode) record.at("/SenderKeyStates/0")).put("SigningKeyPrivate", ZERO);

        check(record, false);

        byte[] converted = account.convertSenderKey(StrictJson.write(record), SessionFormat.LIBSIGNAL);
        assertThat(SenderKeyForms.readLibsignal(converted).newestFirst().get(0).privateKey())
                .isEmpty();
    }

    @Test
    @DisplayName("R92 what libsignal loads as a session, although it is none, is refused")
    void emptyRecords_areRefused() throws Exception {
        byte[] empty = {0x0a, 0};
        assertThat(new SessionRecord(empty).getSessionVersion()).isEqualTo(2);
        assertThatExceptionOfType(DamagedException.class).isThrownBy(() -> LibsignalSessionForm.read(empty));
        assertThatExceptionOfType(DamagedException.class).isThrownBy(() -> LibsignalSessionForm.read(new byte[0]));
        assertThatExceptionOfType(DamagedException.class).isThrownBy(() -> SenderKeyForms.readLibsignal(empty));
        assertThatExceptionOfType(DamagedException.class)
                .isThrownBy(() -> SenderKeyForms.readBaileys(StrictJson.write(StrictJson.NODES.arrayNode())));
    }

    @Test
    @DisplayName("R92 a sender key that has its public key without its type is refused, except in forms that allow it")
    void publicKey_hasItsType() throws Exception {
        JsonNode states = Samples.tree(account.senderKey("15550100001"));
        byte[] publicKey = Curve.withoutType(Buffers.read(states.at("/0/senderSigningKey/public")));
        ((ObjectNode) states.at("/0/senderSigningKey")).set("public", Buffers.writeNumbers(publicKey));

        byte[] converted = account.convertSenderKey(StrictJson.write(states), SessionFormat.LIBSIGNAL);

        assertThat(SenderKeyForms.readLibsignal(converted).newestFirst().get(0).publicKey())
                .isEqualTo(Curve.withType(publicKey));
        JsonNode go = Samples.tree(account.convertSenderKey(converted, SessionFormat.WHATSMEOW));
        ((ObjectNode) go.at("/SenderKeyStates/0")).put("SigningKeyPublic", Buffers.base64(publicKey));
        assertThatExceptionOfType(DamagedException.class)
                .isThrownBy(() -> SenderKeyForms.readWhatsmeow(StrictJson.write(go)))
                .satisfies(e -> assertThat(e.reason()).contains("33 bytes with the type 5"));
    }

    @Test
    @DisplayName("R92 skipped message keys beyond the 2,000 that a sender key keeps are named, and the newest are kept")
    void skippedKeys_areNamed() throws Exception {
        JsonNode states = Samples.tree(account.senderKey("15550100001"));
        ((ObjectNode) states.at("/0/senderChainKey")).put("iteration", 3_000);
        ArrayNode keys = (ArrayNode) states.at("/0/senderMessageKeys");
        for (int i = 0; i < 2_003; i++) {
            keys.addObject().put("iteration", i).set("seed", Buffers.writeNumbers(new byte[32]));
        }
        for (SessionFormat format : List.of(SessionFormat.LIBSIGNAL, SessionFormat.WHATSMEOW)) {
            byte[] converted = account.convertSenderKey(
                    StrictJson.write(states), format, "3 message keys of a state in it, which has 2000 newer ones");
            byte[] back = account.convertSenderKey(converted, SessionFormat.BAILEYS);
            assertThat(Samples.tree(back).at("/0/senderMessageKeys"))
                    .hasSize(2_000)
                    .first()
                    .satisfies(
                            key -> assertThat(key.get("iteration").intValue()).isEqualTo(3));
        }
    }

    @Test
    @DisplayName("R92 a record without an open session is not converted to whatsmeow, which would fail on it")
    void closedRecord_isNotConvertedToWhatsmeow() throws Exception {
        JsonNode record = Samples.tree(session);
        for (JsonNode each : record.get("_sessions")) {
            ((ObjectNode) each.get("indexInfo")).put("closed", 1);
        }
        byte[] closed = StrictJson.write(record);

        account.convert(closed, SessionFormat.WHATSMEOW, "it has no open session");

        byte[] libsignal = account.convert(closed, SessionFormat.LIBSIGNAL);
        assertThat(LibsignalSessionForm.read(libsignal).open()).isNull();
        assertThat(LibsignalSessionForm.read(libsignal).closed()).hasSize(2);
    }

    @Test
    @DisplayName("R92 records that are in the form of libsignal already are checked, and kept if they can be used")
    void libsignalRecords_areChecked() throws Exception {
        byte[] libsignal = account.convert(session, SessionFormat.LIBSIGNAL);
        byte[] senderKey = account.convertSenderKey(account.senderKey("15550100001"), SessionFormat.LIBSIGNAL);
        Contents contents = new Contents();
        contents.add("a", KeyTypes.SESSION, "kept", libsignal, "");
        contents.add("b", KeyTypes.SESSION, "empty", new byte[] {0x0a, 0}, "");
        contents.add("c", KeyTypes.SESSION, "cut", Arrays.copyOf(libsignal, 100), "");
        contents.add("d", KeyTypes.SENDER_KEY, "kept", senderKey, "");
        contents.add("e", KeyTypes.SENDER_KEY, "empty", new byte[] {0x0a, 0}, "");
        contents.add(
                "f",
                KeyTypes.SENDER_KEY,
                "unknown",
                StrictJson.write(StrictJson.object().put("x", 1)),
                "");

        SessionConversion conversion = SessionConversion.of(contents, SessionFormat.LIBSIGNAL, Account.NOW);

        assertThat(conversion.contents().entries())
                .extracting(Contents.Found::id)
                .containsOnly("kept");
        assertThat(conversion.items(contents.items()))
                .filteredOn(item -> item.fate() == TransferItem.Fate.NOT_CARRIED)
                .extracting(TransferItem::name)
                .containsExactly("b", "c", "e", "f");
    }

    @Test
    @DisplayName("the numbers of whatsmeow: -1 for a chain that was not used, and one more of everything else")
    void counters() throws Exception {
        JsonNode record = Samples.tree(account.convert(session, SessionFormat.WHATSMEOW));
        ObjectNode state = (ObjectNode) record.get("SessionState");
        assertThat(chainKey(receiver(state)).get("Index").intValue()).isEqualTo(2);
        assertThat(chainKey(sender(state)).get("Index").intValue()).isZero();
        state.put("PreviousCounter", 4_294_967_295L);
        assertThat(WhatsmeowSessionForm.read(StrictJson.write(record), Account.NOW)
                        .open()
                        .previousCounter())
                .isZero();
    }

    @Test
    @DisplayName("R92 damaged records are refused or converted, never a crash")
    void damaged_sample() throws Exception {
        damage(1, 300);
    }

    @Tag("long")
    @Test
    @DisplayName("R92 50,000 damaged records")
    void damaged_whole() throws Exception {
        damage(10_001, 50_000);
    }

    private void damage(long from, int count) throws Exception {
        byte[] senderKey = account.senderKey("15550100001");
        byte[][] records = {
            session,
            account.convert(session, SessionFormat.LIBSIGNAL),
            account.convert(session, SessionFormat.WHATSMEOW),
            account.convert(session, SessionFormat.BAILEYS_EX),
            senderKey,
            account.convertSenderKey(senderKey, SessionFormat.LIBSIGNAL),
            account.convertSenderKey(senderKey, SessionFormat.WHATSMEOW),
            account.convertSenderKey(senderKey, SessionFormat.BAILEYS_EX)
        };
        List<SessionFormat> targets = List.of(SessionFormat.values());
        int converted = 0;
        for (long seed = from; seed < from + count; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            int which = random.nextInt(records.length);
            byte[] damaged = records[which].clone();
            if (random.nextInt(4) == 0) {
                damaged = Arrays.copyOf(damaged, random.nextInt(damaged.length));
            } else {
                for (int i = random.nextInt(1, 4); i > 0; i--) {
                    damaged[random.nextInt(damaged.length)] ^= (byte) (1 << random.nextInt(Byte.SIZE));
                }
            }
            Contents one = new Contents();
            one.add("one", which < records.length / 2 ? KeyTypes.SESSION : KeyTypes.SENDER_KEY, "one", damaged, "");
            one.addCredentials("creds", StrictJson.write(account.credentials()), "");
            SessionFormat target = targets.get(random.nextInt(targets.size()));
            SessionConversion conversion = SessionConversion.of(one, target, Account.NOW);
            assertThat(conversion.items(one.items())).as("seed %d", seed).isNotEmpty();
            if (!conversion.contents().entries().isEmpty()) {
                converted++;
            }
        }
        System.out.println("damaged records, seeds " + from + " to " + (from + count - 1) + ": " + converted
                + " converted or kept");
        assertThat(converted).isBetween(1, count - 1);
    }
}
