package dev.keystore.libsignal.example;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.TransactionOptions;
import dev.keystore.libsignal.EntryIds;
import dev.keystore.libsignal.SignalAccount;
import dev.keystore.libsignal.SignalGroup;
import dev.keystore.libsignal.SignalGroup.GroupMessage;
import dev.keystore.libsignal.StoredMessage;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.NoSessionException;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.groups.GroupCipher;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.message.SenderKeyDistributionMessage;

@DisplayName("The example of a group")
class GroupExamplesTest extends Example {

    private final UUID id = UUID.randomUUID();
    private final List<SignalProtocolAddress> members = List.of(bobAddress, carolAddress);
    private SignalAccount alice;

    @BeforeEach
    void startSessions() throws Exception {
        alice = account(aliceAddress);
        for (SignalProtocolAddress member : members) {
            alice.startSession(member, account(member).newPreKeyBundle(1));
        }
    }

    /** Processes a sender key of Alice. */
    private void process(SignalAccount account, CiphertextMessage message) throws Exception {
        SignalProtocolAddress sender = aliceAddress;

        account.decrypt(sender, message, (received, tx) -> {
            var senderKey = new SenderKeyDistributionMessage(received.plaintext());
            account.group(senderKey.getDistributionId()).process(tx, sender, senderKey);
            return true;
        });
    }

    @Test
    @DisplayName("sends to all members, and handles what they read in the same commit")
    void encrypt() throws Exception {
        GroupMessage sealed = alice.group(id).encrypt(members, bytes("hello"));
        for (SignalProtocolAddress member : members) {
            process(account(member), sealed.distributions().get(member));
        }
        byte[] message = sealed.message().serialize();

        assertThat(text(account(bobAddress).group(id).decrypt(aliceAddress, message)))
                .isEqualTo("hello");
        SignalAccount carol = account(carolAddress);
        carol.group(id).decrypt(aliceAddress, message, (received, tx) -> {
            tx.put(CHAT, "1", text(received.plaintext()));
            return true;
        });
        assertThat(database.forContext("carol").find(CHAT, "1")).hasValue("hello");
    }

    @Test
    @DisplayName("sends through the outbox, and receives into the inbox")
    void outboxAndInbox() throws Exception {
        alice.group(id).encrypt(members, bytes("hello"), (encrypted, tx) -> {
            encrypted
                    .distributions()
                    .forEach((member, key) ->
                            alice.outbox().add(tx, "1, key to " + member, member, key.getType(), key.serialize()));
            CiphertextMessage toAll = encrypted.message();
            for (SignalProtocolAddress member : members) {
                alice.outbox().add(tx, "1 to " + member, member, toAll.getType(), toAll.serialize());
            }
            return true;
        });

        assertThat(alice.outbox().pending())
                .extracting(StoredMessage::id)
                .containsExactly("1, key to bob.1", "1, key to carol.1", "1 to bob.1", "1 to carol.1");
        GroupMessage second = alice.group(id).encrypt(List.of(), bytes("second"));
        assertThat(second.distributions()).isEmpty();
        SignalAccount bob = account(bobAddress);
        alice.group(id).forget(List.of(bobAddress));
        GroupMessage third = alice.group(id).encrypt(members, bytes("third"));
        process(bob, third.distributions().get(bobAddress));
        byte[] message = third.message().serialize();

        bob.group(id)
                .decrypt(
                        aliceAddress,
                        message,
                        TransactionOptions.retryOnConflict(5),
                        (received, tx) -> bob.inbox().add(tx, "3", aliceAddress, received.plaintext()));

        assertThat(text(bob.inbox().pending().get(0).body())).isEqualTo("third");
    }

    @Test
    @DisplayName("keeps a former member from reading what is sent afterwards")
    void rotate() throws Exception {
        SignalGroup group = alice.group(id);
        GroupMessage before = group.encrypt(members, bytes("before"));
        process(account(carolAddress), before.distributions().get(carolAddress));

        group.rotate();
        GroupMessage after = group.encrypt(List.of(bobAddress), bytes("after"));

        assertThat(after.distributions()).containsOnlyKeys(bobAddress);
        assertThatThrownBy(() -> account(carolAddress)
                        .group(id)
                        .decrypt(aliceAddress, after.message().serialize()))
                .isInstanceOf(NoSessionException.class);
    }

    @Test
    @DisplayName("is deleted if it is none of those that the application knows")
    void delete() throws Exception {
        SignalAccount account = account(bobAddress);
        GroupMessage sealed = alice.group(id).encrypt(List.of(bobAddress), bytes("hello"));
        process(account, sealed.distributions().get(bobAddress));
        SignalKeyStore store = database.forContext("bob");
        Set<UUID> groups = Set.of();

        Set<UUID> stored = new HashSet<>();
        try (Stream<String> ids = store.ids(KeyTypes.SENDER_KEY, "")) {
            ids.map(EntryIds::senderKey)
                    .forEach(found -> stored.add(found.orElseThrow().distributionId()));
        }
        stored.removeAll(groups);
        for (UUID unknown : stored) {
            account.group(unknown).delete();
        }

        assertThat(stored).containsExactly(id);
        assertThat(store.find(KeyTypes.SENDER_KEY, EntryIds.of(id, aliceAddress)))
                .isEmpty();
    }

    @Test
    @DisplayName("is used with libsignal's classes in a transaction")
    void ciphers() throws Exception {
        alice.group(id).encrypt(members, bytes("first"));

        CiphertextMessage sealed = alice.transaction(
                id, aliceAddress, (signal, tx) -> new GroupCipher(signal, aliceAddress).encrypt(id, bytes("second")));
        CiphertextMessage next = alice.transaction(
                id,
                aliceAddress,
                TransactionOptions.retryOnConflict(5),
                (signal, tx) -> new GroupCipher(signal, aliceAddress).encrypt(id, bytes("third")));

        assertThat(sealed.getType()).isEqualTo(next.getType()).isEqualTo(CiphertextMessage.SENDERKEY_TYPE);
    }
}
