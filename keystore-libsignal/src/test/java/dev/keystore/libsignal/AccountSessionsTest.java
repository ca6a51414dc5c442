package dev.keystore.libsignal;

import static dev.keystore.libsignal.TwoParties.ALICE;
import static dev.keystore.libsignal.TwoParties.BOB;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.CorruptEntryException;
import dev.keystore.EntryExistsException;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.libsignal.StoredSession.State;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.NoSessionException;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.groups.GroupSessionBuilder;
import org.signal.libsignal.protocol.message.CiphertextMessage;

@DisplayName("The sessions of an account")
class AccountSessionsTest extends LibsignalTest {

    private static final List<String> NAMES = List.of("bob", "bob.1", "bobby", "b%b");

    private final TestClock clock = new TestClock();
    private final UUID group = UUID.randomUUID();

    private SignalAccount alice() {
        return SignalAccount.openOrCreate(
                parties.store("alice"), AccountOptions.builder().clock(clock).build());
    }

    private static SignalProtocolAddress at(String name, int device) {
        return new SignalProtocolAddress(name, device);
    }

    /** Starts sessions of Alice with two devices of each name. */
    private void startSessions() throws Exception {
        for (String name : NAMES) {
            for (int device : new int[] {1, 12}) {
                alice().startSession(at(name, device), parties.bob().newPreKeyBundle(device));
            }
        }
    }

    private void damage(String id) {
        parties.store("alice").put(KeyTypes.SESSION, id, new byte[] {1, 2, 3});
    }

    @Test
    @DisplayName("are listed with their addresses, device 1 included, states, sizes and starts")
    void list_showsAllOfThem() throws Exception {
        startSessions();
        Instant start = clock.instant();
        clock.advance(Duration.ofDays(3));
        alice().encrypt(BOB, new byte[1]);
        alice().sessions().archive(at("bob", 12));
        damage("bob.1.1");
        parties.reopen();

        List<StoredSession> sessions = alice().sessions().list();

        assertThat(sessions)
                .extracting(StoredSession::address)
                .containsExactly(
                        at("b%b", 1),
                        at("b%b", 12),
                        at("bob", 1),
                        at("bob", 12),
                        at("bob.1", 1),
                        at("bob.1", 12),
                        at("bobby", 1),
                        at("bobby", 12));
        assertThat(sessions)
                .extracting(StoredSession::state)
                .containsExactly(
                        State.ACTIVE,
                        State.ACTIVE,
                        State.ACTIVE,
                        State.ARCHIVED,
                        State.DAMAGED,
                        State.ACTIVE,
                        State.ACTIVE,
                        State.ACTIVE);
        assertThat(sessions).extracting(StoredSession::start).containsOnly(start);
        assertThat(sessions.get(2).bytes())
                .isEqualTo(
                        parties.store("alice").find(KeyTypes.SESSION, "bob.1").orElseThrow().length);
        assertThat(alice().sessions().list("bob"))
                .extracting(StoredSession::address)
                .containsExactly(at("bob", 1), at("bob", 12));
        alice().sessions().delete(BOB);
        alice().startSession(BOB, parties.bob().newPreKeyBundle(1));
        assertThat(alice().sessions().list("bob").get(0).start()).isEqualTo(clock.instant());
    }

    @Test
    @DisplayName("R10 are archived: one, all of a name in one commit, or all; messages in transit are still decrypted")
    void archive_keepsReceiving() throws Exception {
        parties.converse();
        startSessions();
        CiphertextMessage inTransit = parties.bob().encrypt(ALICE, "late".getBytes(UTF_8));
        SignalAccount alice = alice();
        parties.faults.forgetCalls();

        assertThat(alice.sessions().archiveAll("bob")).isEqualTo(2);
        assertThat(parties.faults.count(Operation.COMMIT)).isOne();
        assertThat(alice.sessions().archive(at("nobody", 1))).isFalse();
        assertThat(alice.sessions().archiveAll("nobody")).isZero();

        assertThatThrownBy(() -> alice.encrypt(BOB, new byte[1])).isInstanceOf(NoSessionException.class);
        alice.encrypt(at("bob.1", 1), new byte[1]);
        assertThat(alice.decrypt(BOB, inTransit)).asString().isEqualTo("late");

        damage("bobby.1");
        assertThatThrownBy(() -> alice.sessions().archiveAll("bobby")).isInstanceOf(CorruptEntryException.class);
        assertThat(alice.sessions().list("bobby"))
                .extracting(StoredSession::state)
                .containsExactly(State.DAMAGED, State.ACTIVE);
        assertThat(alice.sessions().archiveAll()).isEqualTo(7);
        assertThat(alice.sessions().list()).extracting(StoredSession::state).doesNotContain(State.ACTIVE);
    }

    @Test
    @DisplayName("R43 are listed without a start if that is damaged")
    void list_damagedStart_isUnknown() throws Exception {
        alice().startSession(BOB, parties.bob().newPreKeyBundle(1));
        parties.damage("alice", SessionStarts.TYPE, "bob.1");

        assertThat(alice().sessions().list()).singleElement().satisfies(session -> {
            assertThat(session.state()).isEqualTo(State.ACTIVE);
            assertThat(session.start()).isNull();
        });
    }

    @Test
    @DisplayName("R10 are deleted: one, damaged or not, or all of a name in one commit")
    void delete_removesExactlyThose() throws Exception {
        startSessions();
        damage("bob.12");
        SignalAccount alice = alice();
        parties.faults.forgetCalls();

        assertThat(alice.sessions().deleteAll("bob")).isEqualTo(2);
        assertThat(parties.faults.count(Operation.COMMIT)).isOne();
        assertThat(alice.sessions().delete(at("bob.1", 12))).isTrue();
        assertThat(alice.sessions().delete(at("bob.1", 12))).isFalse();

        assertThat(alice.sessions().list())
                .extracting(StoredSession::address)
                .containsExactly(at("b%b", 1), at("b%b", 12), at("bob.1", 1), at("bobby", 1), at("bobby", 12));
        try (var starts = parties.store("alice").ids(SessionStarts.TYPE, "")) {
            assertThat(starts).hasSize(5);
        }
    }

    @Test
    @DisplayName("R43 that are damaged are replaced by a first message of the device, or by a new session")
    void decrypt_damagedSession_isReplacedByFirstMessage() throws Exception {
        parties.converse();
        CiphertextMessage later = parties.bob().encrypt(ALICE, "later".getBytes(UTF_8));
        damage("bob.1");
        parties.reopen();
        SignalAccount alice = alice();
        assertThatThrownBy(() -> alice.decrypt(BOB, later)).isInstanceOf(CorruptEntryException.class);
        assertThatThrownBy(() -> alice.encrypt(BOB, new byte[1])).isInstanceOf(CorruptEntryException.class);

        parties.bob().sessions().delete(ALICE);
        parties.bob().startSession(ALICE, alice.newPreKeyBundle(1));
        CiphertextMessage first = parties.bob().encrypt(ALICE, "first".getBytes(UTF_8));

        assertThat(alice.decrypt(BOB, first)).asString().isEqualTo("first");
        assertThat(parties.bob().decrypt(ALICE, alice.encrypt(BOB, "answer".getBytes(UTF_8))))
                .asString()
                .isEqualTo("answer");
        damage("bob.1");
        alice.startSession(BOB, parties.bob().newPreKeyBundle(1));
        assertThat(parties.bob().decrypt(ALICE, alice.encrypt(BOB, "again".getBytes(UTF_8))))
                .asString()
                .isEqualTo("again");
    }

    @Test
    @DisplayName("R16 are moved to another name with identities, sender keys, device list and mappings, in one commit")
    void moveUser_movesExactlyThatUser() throws Exception {
        parties.converse();
        startSessions();
        SignalKeyStore store = parties.store("alice");
        for (String name : NAMES) {
            for (int device : new int[] {1, 12}) {
                store.useTransaction(
                        "test",
                        tx -> new GroupSessionBuilder(new KeystoreSignalProtocolStore(tx))
                                .create(at(name, device), group));
            }
            store.put(KeyTypes.DEVICE_LIST, name, List.of("1", "12"));
        }
        Map<String, Long> before = counts();
        SignalAccount alice = alice();
        parties.faults.forgetCalls();

        assertThat(alice.sessions().moveUser("bob", "bob@lid")).isEqualTo(7);

        assertThat(parties.faults.count(Operation.COMMIT)).isOne();
        parties.reopen();
        SignalKeyStore after = parties.store("alice");
        assertThat(counts()).isEqualTo(before);
        assertThat(alice().sessions().list("bob")).isEmpty();
        assertThat(alice().sessions().list("bob@lid"))
                .extracting(StoredSession::address)
                .containsExactly(at("bob@lid", 1), at("bob@lid", 12));
        for (String id : List.of("bob@lid.1", "bob@lid.12", "bob.1.1", "bobby.1")) {
            assertThat(after.find(KeyTypes.IDENTITY_KEY, id)).as(id).isPresent();
            assertThat(after.find(KeyTypes.SENDER_KEY, group + ":" + id)).as(id).isPresent();
        }
        assertThat(after.find(KeyTypes.DEVICE_LIST, "bob@lid")).hasValue(List.of("1", "12"));
        assertThat(after.find(KeyTypes.LID_MAPPING, "bob")).hasValue("bob@lid");
        assertThat(after.find(KeyTypes.LID_MAPPING, "bob@lid")).hasValue("bob");
        SignalProtocolAddress moved = at("bob@lid", 1);
        assertThat(parties.bob().decrypt(ALICE, alice().encrypt(moved, "moved".getBytes(UTF_8))))
                .asString()
                .isEqualTo("moved");
        parties.faults.forgetCalls();
        assertThat(alice().sessions().moveUser("bob", "bob@lid")).isZero();
        assertThat(parties.faults.count(Operation.COMMIT)).isZero();
    }

    @Test
    @DisplayName("R16 R22 are not moved over what may be newer, but over an older session")
    void moveUser_targetExists_replacesOnlyWhatIsOlder() throws Exception {
        SignalAccount alice = alice();
        alice.startSession(at("bob", 1), parties.bob().newPreKeyBundle(1));
        clock.advance(Duration.ofDays(1));
        alice.startSession(
                at("lid", 1), SignalAccount.create(parties.store("lid")).newPreKeyBundle(1));
        Map<String, Long> before = counts();

        assertThatThrownBy(() -> alice.sessions().moveUser("bob", "lid"))
                .isInstanceOf(EntryExistsException.class)
                .hasMessageContaining("lid.1");
        assertThat(counts()).isEqualTo(before);
        assertThat(parties.store("alice").find(KeyTypes.LID_MAPPING, "bob")).isEmpty();
        assertThatThrownBy(() -> alice.sessions().moveUser("bob", "bob")).isInstanceOf(IllegalArgumentException.class);

        byte[] newer = parties.store("alice").find(KeyTypes.SESSION, "lid.1").orElseThrow();
        assertThat(alice.sessions().moveUser("lid", "bob")).isEqualTo(2);
        assertThat(parties.store("alice").find(KeyTypes.SESSION, "bob.1")).hasValue(newer);
        assertThat(alice.sessions().list()).hasSize(1);

        parties.store("alice").put(KeyTypes.LID_MAPPING, "bob@lid", "someone else");
        assertThatThrownBy(() -> alice.sessions().moveUser("bob", "bob@lid"))
                .isInstanceOf(EntryExistsException.class)
                .hasMessageContaining("lid-mapping/bob");
        assertThat(parties.store("alice").find(KeyTypes.SESSION, "bob.1")).hasValue(newer);
    }

    @Test
    @DisplayName("R12 of many users are moved one user after another, and the rest when called again")
    void moveUsers_commitFails_isResumed() throws Exception {
        startSessions();
        Map<String, String> names = new LinkedHashMap<>();
        NAMES.forEach(name -> names.put(name, "lid of " + name));
        SignalAccount alice = alice();
        parties.faults.on(Operation.COMMIT).nth(2).fail(Moment.MIDWAY, BackendException.Kind.PERMANENT);

        assertThatThrownBy(() -> alice.sessions().moveUsers(names)).isInstanceOf(CommitFailedException.class);
        int rest = alice.sessions().moveUsers(names);

        assertThat(rest).isEqualTo(12);
        assertThat(alice.sessions().list())
                .hasSize(8)
                .allSatisfy(session -> assertThat(session.address().getName()).startsWith("lid of "));
    }

    @Test
    @DisplayName("R12 of hundreds of users are moved once each, although moving them fails twice")
    void moveUsers_many_areResumed() {
        SignalAccount alice = alice();
        Map<String, String> names = new LinkedHashMap<>();
        parties.store("alice").useTransaction("test", tx -> {
            for (int i = 0; i < 300; i++) {
                names.put("user " + i, "lid " + i);
                tx.put(KeyTypes.SESSION, "user " + i + ".1", new byte[] {(byte) i});
            }
        });

        int failed = 0;
        for (int commits : new int[] {100, 120}) {
            parties.faults.on(Operation.COMMIT).nth(commits).fail(Moment.MIDWAY, BackendException.Kind.PERMANENT);
            assertThatThrownBy(() -> alice.sessions().moveUsers(names)).isInstanceOf(CommitFailedException.class);
            failed += commits - 1;
            try (var ids = parties.store("alice").ids(KeyTypes.SESSION, "lid ")) {
                assertThat(ids.count()).isEqualTo(failed);
            }
        }

        assertThat(alice.sessions().moveUsers(names)).isEqualTo(300 - failed);
        assertThat(alice.sessions().moveUsers(names)).isZero();
        assertThat(alice.sessions().list())
                .hasSize(300)
                .allSatisfy(session -> assertThat(session.address().getName()).startsWith("lid "));
    }

    @Test
    @DisplayName("of other users are moved although one user cannot be, in one call that says which one")
    void moveUsers_oneRefused_movesTheOthers() throws Exception {
        startSessions();
        parties.store("alice").put(KeyTypes.LID_MAPPING, "bobby", "someone else");
        Map<String, String> names = new LinkedHashMap<>();
        NAMES.forEach(name -> names.put(name, "lid of " + name));
        parties.damage("alice", KeyTypes.SESSION, "bob.1.12");

        assertThatThrownBy(() -> alice().sessions().moveUsers(names))
                .isInstanceOf(CorruptEntryException.class)
                .hasMessageContaining("bob.1.12")
                .satisfies(e -> assertThat(e.getSuppressed())
                        .singleElement()
                        .satisfies(other -> assertThat(other)
                                .isInstanceOf(EntryExistsException.class)
                                .hasMessageContaining("bobby")));

        assertThat(alice().sessions().list())
                .extracting(session -> session.address().getName())
                .containsExactly(
                        "bob.1", "bob.1", "bobby", "bobby", "lid of b%b", "lid of b%b", "lid of bob", "lid of bob");
        assertThatThrownBy(() -> alice().sessions().moveUsers(Map.of("a", "b", "b", "c")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("\"b\"");
    }

    @Test
    @DisplayName("are moved with a sender key that is received under the former name meanwhile")
    void moveUsers_senderKeyReceivedMeanwhile_isMoved() {
        SignalKeyStore store = parties.store("alice");
        store.put(KeyTypes.DEVICE_LIST, "bob", List.of("1"));
        store.put(KeyTypes.DEVICE_LIST, "carol", List.of("1"));
        SignalAccount alice = alice();
        parties.faults
                .on(Operation.LIST)
                .nth(1)
                .run(
                        Moment.AFTER,
                        () -> CompletableFuture.runAsync(() -> store.useTransaction(
                                        "test",
                                        tx -> new GroupSessionBuilder(new KeystoreSignalProtocolStore(tx))
                                                .create(at("carol", 1), group)))
                                .join());

        alice.sessions().moveUsers(Map.of("bob", "bob@lid", "carol", "carol@lid"));

        try (var ids = store.ids(KeyTypes.SENDER_KEY, "")) {
            assertThat(ids).containsExactly(EntryIds.of(group, at("carol@lid", 1)));
        }
    }

    private Map<String, Long> counts() {
        Map<String, Long> counts = new LinkedHashMap<>();
        for (var type : KeyTypes.all()) {
            if (!type.equals(KeyTypes.LID_MAPPING)) {
                try (var ids = parties.store("alice").ids(type, "")) {
                    counts.put(type.name(), ids.count());
                }
            }
        }
        return counts;
    }
}
