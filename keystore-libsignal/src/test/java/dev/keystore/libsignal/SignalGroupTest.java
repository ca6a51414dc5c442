package dev.keystore.libsignal;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CorruptEntryException;
import dev.keystore.EntryExistsException;
import dev.keystore.KeyTypes;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.libsignal.SignalGroup.GroupMessage;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.MemoryBackend;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.DuplicateMessageException;
import org.signal.libsignal.protocol.IdentityKeyPair;
import org.signal.libsignal.protocol.InvalidMessageException;
import org.signal.libsignal.protocol.NoSessionException;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.groups.GroupSessionBuilder;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.message.PreKeySignalMessage;
import org.signal.libsignal.protocol.message.SenderKeyDistributionMessage;
import org.signal.libsignal.protocol.state.PreKeyBundle;

@DisplayName("A group")
class SignalGroupTest extends LibsignalTest {

    private static final SignalProtocolAddress ALICE = TwoParties.ALICE;
    private static final SignalProtocolAddress BOB = TwoParties.BOB;
    private static final SignalProtocolAddress CAROL = new SignalProtocolAddress("carol", 1);

    private static final NextKeyIds NEXT = new NextKeyIds(1, 1, 1);

    private final UUID id = UUID.randomUUID();

    private SignalAccount account(SignalProtocolAddress address) {
        return SignalAccount.openOrCreate(
                parties.store(address.getName()),
                AccountOptions.builder().localAddress(address).build());
    }

    private void startSessions() throws Exception {
        account(ALICE).startSession(BOB, account(BOB).newPreKeyBundle(1));
        account(ALICE).startSession(CAROL, account(CAROL).newPreKeyBundle(1));
    }

    /** Delivers a message of Alice to a member, and returns its text. */
    private String deliver(GroupMessage message, SignalProtocolAddress to) throws Exception {
        SignalAccount member = account(to);
        CiphertextMessage distribution = message.distributions().get(to);
        if (distribution != null) {
            member.decrypt(ALICE, distribution, (received, tx) -> {
                member.group(id).process(tx, ALICE, new SenderKeyDistributionMessage(received.plaintext()));
                return true;
            });
        }
        return new String(member.group(id).decrypt(ALICE, message.message().serialize()), UTF_8);
    }

    @Test
    @DisplayName("R10 receives a message and the sender key it needs, each in one commit; the example")
    void encrypt_distributesOnce() throws Exception {
        startSessions();
        SignalGroup group = account(ALICE).group(id);
        parties.faults.forgetCalls();

        GroupMessage first = group.encrypt(List.of(BOB, CAROL), "first".getBytes(UTF_8));

        assertThat(parties.faults.count(Operation.COMMIT)).isOne();
        assertThat(first.distributions()).containsOnlyKeys(BOB, CAROL);
        parties.reopen();
        parties.faults.forgetCalls();
        assertThat(deliver(first, BOB)).isEqualTo("first");
        assertThat(parties.faults.count(Operation.COMMIT)).isEqualTo(2);
        assertThat(deliver(first, CAROL)).isEqualTo("first");
        GroupMessage second = account(ALICE).group(id).encrypt(List.of(BOB, CAROL), "second".getBytes(UTF_8));
        assertThat(second.distributions()).isEmpty();
        assertThat(deliver(second, BOB)).isEqualTo("second");
        assertThatThrownBy(() -> deliver(second, BOB)).isInstanceOf(DuplicateMessageException.class);
        assertThat(parties.store("alice").find(KeyTypes.SENDER_KEY_MEMORY, id.toString()))
                .hasValue(Map.of("bob.1", true, "carol.1", true));
    }

    @Test
    @DisplayName("whose member has left cannot be read by that member after the sender key was replaced")
    void rotate_formerMemberCannotRead() throws Exception {
        startSessions();
        SignalGroup group = account(ALICE).group(id);
        GroupMessage before = group.encrypt(List.of(BOB, CAROL), "before".getBytes(UTF_8));
        deliver(before, BOB);
        deliver(before, CAROL);

        parties.faults.forgetCalls();

        group.rotate();

        assertThat(parties.faults.count(Operation.COMMIT)).isOne();
        GroupMessage after = group.encrypt(List.of(BOB), "after".getBytes(UTF_8));
        assertThat(after.distributions()).containsOnlyKeys(BOB);
        assertThat(deliver(after, BOB)).isEqualTo("after");
        assertThatThrownBy(() -> deliver(after, CAROL)).isInstanceOf(NoSessionException.class);
    }

    @Test
    @DisplayName("sends its sender key again to a device whose identity has changed, and to no other")
    void encrypt_identityOfMemberChanged_distributesAgain() throws Exception {
        startSessions();
        GroupMessage first = account(ALICE).group(id).encrypt(List.of(BOB, CAROL), "first".getBytes(UTF_8));
        deliver(first, BOB);
        deliver(first, CAROL);
        account(BOB).changeIdentity(IdentityKeyPair.generate(), 4711);
        PreKeyBundle bundle = account(BOB).newPreKeyBundle(1);
        parties.faults.forgetCalls();

        account(ALICE).identities().trust(BOB, bundle.getIdentityKey());

        assertThat(parties.faults.count(Operation.COMMIT)).isOne();
        account(ALICE).startSession(BOB, bundle);
        GroupMessage second = account(ALICE).group(id).encrypt(List.of(BOB, CAROL), "second".getBytes(UTF_8));
        assertThat(second.distributions()).containsOnlyKeys(BOB);
        assertThat(deliver(second, BOB)).isEqualTo("second");
        assertThat(deliver(second, CAROL)).isEqualTo("second");
    }

    @Test
    @DisplayName("R43 sends its sender key again to all if the memory is damaged when an identity changes")
    void trust_damagedMemory_distributesAgainToAll() throws Exception {
        startSessions();
        account(ALICE).group(id).encrypt(List.of(BOB, CAROL), "first".getBytes(UTF_8));
        account(BOB).changeIdentity(IdentityKeyPair.generate(), 4711);
        PreKeyBundle bundle = account(BOB).newPreKeyBundle(1);
        parties.damage("alice", KeyTypes.SENDER_KEY_MEMORY, id.toString());

        account(ALICE).identities().trust(BOB, bundle.getIdentityKey());

        account(ALICE).startSession(BOB, bundle);
        GroupMessage second = account(ALICE).group(id).encrypt(List.of(BOB, CAROL), "second".getBytes(UTF_8));
        assertThat(second.distributions()).containsOnlyKeys(BOB, CAROL);
        assertThat(parties.store("alice").verify()).isEmpty();
    }

    @Test
    @DisplayName("sends its sender key to all if it is gone, of another address of the device, or damaged")
    void encrypt_ownSenderKeyGone_distributesAgain() throws Exception {
        startSessions();
        SignalGroup group = account(ALICE).group(id);
        List<SignalProtocolAddress> members = List.of(BOB, CAROL);
        deliver(group.encrypt(members, "first".getBytes(UTF_8)), BOB);

        parties.store("alice").delete(KeyTypes.SENDER_KEY, EntryIds.of(id, ALICE));
        GroupMessage second = group.encrypt(members, "second".getBytes(UTF_8));
        assertThat(second.distributions()).containsOnlyKeys(BOB, CAROL);
        assertThat(deliver(second, BOB)).isEqualTo("second");

        parties.damage("alice", KeyTypes.SENDER_KEY, EntryIds.of(id, ALICE));
        GroupMessage third = account(ALICE).group(id).encrypt(members, "third".getBytes(UTF_8));
        assertThat(third.distributions()).containsOnlyKeys(BOB, CAROL);
        assertThat(deliver(third, BOB)).isEqualTo("third");
        assertThat(account(ALICE).group(id).encrypt(members, new byte[1]).distributions())
                .isEmpty();

        SignalAccount renamed = SignalAccount.open(
                parties.store("alice"),
                AccountOptions.builder()
                        .localAddress(new SignalProtocolAddress("alice", 2))
                        .build());
        assertThat(renamed.group(id).encrypt(List.of(), new byte[1]).distributions())
                .isEmpty();
        assertThat(renamed.group(id).encrypt(members, new byte[1]).distributions())
                .containsOnlyKeys(BOB, CAROL);
    }

    @Test
    @DisplayName("R43 sends its sender key to all if the memory is damaged, also after a device was forgotten")
    void encrypt_damagedMemory_distributesAgain() throws Exception {
        startSessions();
        account(ALICE).group(id).encrypt(List.of(BOB, CAROL), new byte[1]);
        parties.damage("alice", KeyTypes.SENDER_KEY_MEMORY, id.toString());

        account(ALICE).group(id).forget(List.of(BOB));

        GroupMessage second = account(ALICE).group(id).encrypt(List.of(BOB, CAROL), "second".getBytes(UTF_8));
        assertThat(second.distributions()).containsOnlyKeys(BOB, CAROL);
        assertThat(deliver(second, CAROL)).isEqualTo("second");
        assertThat(parties.store("alice").verify()).isEmpty();
    }

    @Test
    @DisplayName("R43 replaces a damaged sender key of a member by the next one that the member sends")
    void process_damagedSenderKey_isReplaced() throws Exception {
        startSessions();
        deliver(account(ALICE).group(id).encrypt(List.of(BOB), "first".getBytes(UTF_8)), BOB);
        parties.damage("bob", KeyTypes.SENDER_KEY, EntryIds.of(id, ALICE));
        GroupMessage unread = account(ALICE).group(id).encrypt(List.of(BOB), "unread".getBytes(UTF_8));
        assertThatThrownBy(() -> deliver(unread, BOB)).isInstanceOf(CorruptEntryException.class);

        account(ALICE).group(id).forget(List.of(BOB));
        GroupMessage next = account(ALICE).group(id).encrypt(List.of(BOB), "next".getBytes(UTF_8));

        assertThat(deliver(next, BOB)).isEqualTo("next");
        assertThat(parties.store("bob").verify()).isEmpty();
    }

    @Test
    @DisplayName("R10 is deleted with the sender keys of all members, in one commit, and no other group is")
    void delete_removesExactlyThatGroup() throws Exception {
        startSessions();
        UUID other = UUID.randomUUID();
        SignalAccount alice = account(ALICE);
        for (UUID each : List.of(id, other)) {
            alice.group(each).encrypt(List.of(BOB, CAROL), new byte[1]);
            parties.store("alice")
                    .useTransaction(
                            "test",
                            tx -> new GroupSessionBuilder(new KeystoreSignalProtocolStore(tx)).create(BOB, each));
        }
        parties.faults.forgetCalls();

        assertThat(alice.group(id).delete()).isEqualTo(2);
        assertThat(parties.faults.count(Operation.COMMIT)).isOne();
        assertThat(alice.group(id).delete()).isZero();

        parties.reopen();
        try (Stream<String> ids = parties.store("alice").ids(KeyTypes.SENDER_KEY, "")) {
            assertThat(ids).containsExactlyInAnyOrder(EntryIds.of(other, ALICE), EntryIds.of(other, BOB));
        }
        try (Stream<String> ids = parties.store("alice").ids(KeyTypes.SENDER_KEY_MEMORY, "")) {
            assertThat(ids).containsExactly(other.toString());
        }
        GroupMessage again = account(ALICE).group(id).encrypt(List.of(BOB), new byte[1]);
        assertThat(again.distributions()).containsOnlyKeys(BOB);
        assertThat(parties.alice().group(UUID.randomUUID()).delete()).isZero();
    }

    @Test
    @DisplayName("has twenty devices, two of them of one identity, and each reads what all others send")
    void encrypt_twentyDevices_allRead() throws Exception {
        try (SignalKeyDatabase database =
                SignalKeyDatabase.builder().backend(new MemoryBackend()).open()) {
            IdentityKeyPair identity = IdentityKeyPair.generate();
            Map<SignalProtocolAddress, SignalAccount> devices = new LinkedHashMap<>();
            for (int i = 1; i <= 20; i++) {
                SignalProtocolAddress address =
                        i <= 2 ? new SignalProtocolAddress("bot", i) : new SignalProtocolAddress("user " + i, 1);
                devices.put(
                        address,
                        SignalAccount.importAccount(
                                database.forContext(address.toString()),
                                AccountOptions.builder()
                                        .localAddress(address)
                                        .trust(TrustPolicy.ONE_PER_NAME)
                                        .build(),
                                i <= 2 ? identity : IdentityKeyPair.generate(),
                                i,
                                NEXT));
            }
            List<SignalProtocolAddress> all = List.copyOf(devices.keySet());
            for (SignalProtocolAddress from : List.of(all.get(0), all.get(1), all.get(7))) {
                SignalAccount sender = devices.get(from);
                List<SignalProtocolAddress> others =
                        all.stream().filter(each -> !each.equals(from)).toList();
                for (SignalProtocolAddress to : others) {
                    if (sender.sessions().list(to.getName()).stream()
                            .noneMatch(session -> session.address().equals(to))) {
                        sender.startSession(to, devices.get(to).newPreKeyBundle(to.getDeviceId()));
                    }
                }
                GroupMessage message =
                        sender.group(id).encrypt(others, from.toString().getBytes(UTF_8));
                assertThat(message.distributions()).containsOnlyKeys(others);
                for (SignalProtocolAddress to : others) {
                    SignalAccount member = devices.get(to);
                    member.decrypt(from, message.distributions().get(to), (received, tx) -> {
                        member.group(id).process(tx, from, new SenderKeyDistributionMessage(received.plaintext()));
                        return true;
                    });
                    assertThat(member.group(id).decrypt(from, message.message().serialize()))
                            .asString()
                            .isEqualTo(from.toString());
                }
            }
            assertThat(devices.get(all.get(7)).identities().ofName("bot"))
                    .isEqualTo(Map.of(1, identity.getPublicKey(), 2, identity.getPublicKey()));
        }
    }

    @Test
    @DisplayName("R32 receives sender keys while the same members read and send messages of the group")
    void process_concurrentlyWithMessages_endsInTime() throws Exception {
        startSessions();
        SignalAccount bob = account(BOB);
        bob.decrypt(ALICE, account(ALICE).encrypt(BOB, "hello".getBytes(UTF_8)));
        for (int round = 0; round < 5; round++) {
            GroupMessage before = account(ALICE).group(id).encrypt(List.of(BOB), "before".getBytes(UTF_8));
            deliver(before, BOB);
            GroupMessage next = account(ALICE).group(id).encrypt(List.of(BOB), "next".getBytes(UTF_8));
            account(ALICE).group(id).rotate();
            GroupMessage after = account(ALICE).group(id).encrypt(List.of(BOB), "after".getBytes(UTF_8));

            List<String> read = Race.of(
                    () -> deliver(after, BOB),
                    () -> deliver(next, BOB),
                    () -> bob.group(id).encrypt(List.of(ALICE), "of bob".getBytes(UTF_8), (message, tx) -> "sent"));

            assertThat(read).containsExactly("after", "next", "sent");
            account(ALICE).group(id).rotate();
        }
    }

    @Test
    @DisplayName("R10 R12 passes outbox and inbox in the commits of the ratchet steps; the example")
    void outboxAndInbox_ofAGroup_areInTheSameCommits() throws Exception {
        startSessions();
        SignalAccount alice = account(ALICE);
        parties.faults.forgetCalls();
        alice.group(id).encrypt(List.of(BOB, CAROL), "hello".getBytes(UTF_8), (encrypted, tx) -> {
            encrypted
                    .distributions()
                    .forEach((device, key) -> alice.outbox()
                            .add(tx, "message 1, key to " + device, device, key.getType(), key.serialize()));
            alice.outbox()
                    .add(
                            tx,
                            "message 1 to bob",
                            BOB,
                            encrypted.message().getType(),
                            encrypted.message().serialize());
            return true;
        });
        assertThat(parties.faults.count(Operation.COMMIT)).isOne();
        parties.reopen();
        Map<String, StoredMessage> sent = account(ALICE).outbox().pending().stream()
                .collect(Collectors.toMap(StoredMessage::id, message -> message));
        assertThat(sent).containsOnlyKeys("message 1, key to bob.1", "message 1, key to carol.1", "message 1 to bob");
        SignalAccount bob = account(BOB);
        byte[] key = bob.decrypt(
                ALICE,
                new PreKeySignalMessage(sent.get("message 1, key to bob.1").body()));
        bob.transaction(ALICE, (signal, tx) -> {
            bob.group(id).process(tx, ALICE, new SenderKeyDistributionMessage(key));
            return true;
        });
        byte[] message = sent.get("message 1 to bob").body();
        parties.faults.forgetCalls();

        assertThatThrownBy(() -> bob.group(id).decrypt(ALICE, message, (received, tx) -> {
                    bob.inbox().add(tx, "message 1", ALICE, received.plaintext());
                    throw new IOException("injected");
                }))
                .isInstanceOf(IOException.class);
        assertThat(parties.faults.count(Operation.COMMIT)).isZero();
        IdentityStatus identity = bob.group(id).decrypt(ALICE, message, (received, tx) -> {
            bob.inbox().add(tx, "message 1", ALICE, received.plaintext());
            return received.identity();
        });

        assertThat(identity).isEqualTo(IdentityStatus.UNCHANGED);
        assertThat(parties.faults.count(Operation.COMMIT)).isOne();
        parties.reopen();
        assertThat(account(BOB).inbox().pending()).singleElement().satisfies(stored -> {
            assertThat(stored.id()).isEqualTo("message 1");
            assertThat(stored.remote()).isEqualTo(ALICE);
            assertThat(stored.body()).asString().isEqualTo("hello");
        });
        SignalAccount sender = account(ALICE);
        SignalAccount receiver = account(BOB);
        assertThatThrownBy(() -> sender.transaction(BOB, (signal, tx) -> {
                    sender.outbox().add(tx, "message 1 to bob", BOB, CiphertextMessage.WHISPER_TYPE, new byte[1]);
                    return true;
                }))
                .isInstanceOf(EntryExistsException.class);
        boolean isAdded =
                receiver.transaction(ALICE, (signal, tx) -> receiver.inbox().add(tx, "message 1", ALICE, new byte[1]));
        assertThat(isAdded).isFalse();
    }

    @Test
    @DisplayName("reports a message that is older than the sender key as a duplicate, although it was not read")
    void decrypt_olderThanSenderKey_isReportedAsDuplicate() throws Exception {
        startSessions();
        GroupMessage lost = account(ALICE).group(id).encrypt(List.of(BOB), "lost".getBytes(UTF_8));
        account(ALICE).group(id).forget(List.of(BOB));
        deliver(account(ALICE).group(id).encrypt(List.of(BOB), "later".getBytes(UTF_8)), BOB);

        assertThatThrownBy(() ->
                        account(BOB).group(id).decrypt(ALICE, lost.message().serialize()))
                .isInstanceOf(DuplicateMessageException.class);
    }

    @Test
    @DisplayName("R12 R22 keeps ratchets and memory as they were if a member has no session or the work fails")
    void encrypt_fails_writesNothing() throws Exception {
        startSessions();
        SignalGroup group = account(ALICE).group(id);
        RuntimeException failure = new RuntimeException("injected");
        parties.faults.forgetCalls();

        assertThatThrownBy(
                        () -> group.encrypt(List.of(BOB, new SignalProtocolAddress("dave", 1)), "no".getBytes(UTF_8)))
                .isInstanceOf(NoSessionException.class);
        assertThatThrownBy(() -> group.encrypt(List.of(BOB), "no".getBytes(UTF_8), (message, tx) -> {
                    throw failure;
                }))
                .isSameAs(failure);
        assertThat(parties.faults.count(Operation.COMMIT)).isZero();

        GroupMessage message = group.encrypt(List.of(BOB), "yes".getBytes(UTF_8), (encrypted, tx) -> {
            tx.put(KeyTypes.DEVICE_LIST, "outbox", List.of(BOB.toString()));
            return encrypted;
        });
        assertThat(parties.faults.count(Operation.COMMIT)).isOne();
        assertThat(message.distributions()).containsOnlyKeys(BOB);
        group.forget(List.of(BOB, CAROL));
        GroupMessage again = group.encrypt(List.of(BOB), "again".getBytes(UTF_8));
        assertThat(again.distributions()).containsOnlyKeys(BOB);
        assertThat(deliver(again, BOB)).isEqualTo("again");
    }

    @Test
    @DisplayName("needs the local address, and takes no sender key of another group")
    void misuse_isRefused() throws Exception {
        SignalGroup nameless = parties.alice().group(id);
        assertThatThrownBy(() -> nameless.encrypt(List.of(), new byte[1]))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("localAddress");
        assertThatThrownBy(nameless::rotate).isInstanceOf(IllegalStateException.class);

        startSessions();
        GroupMessage message = account(ALICE).group(UUID.randomUUID()).encrypt(List.of(BOB), new byte[1]);
        assertThatThrownBy(() -> deliver(message, BOB))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(id.toString());
        assertThatThrownBy(() ->
                        account(BOB).group(id).decrypt(ALICE, message.message().serialize()))
                .isInstanceOf(InvalidMessageException.class)
                .hasMessageContaining(id.toString());
    }
}
