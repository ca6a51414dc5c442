package dev.keystore.torture.child;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.libsignal.SignalAccount;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.groups.GroupCipher;
import org.signal.libsignal.protocol.groups.GroupSessionBuilder;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.message.SenderKeyDistributionMessage;

/**
 * A conversation of two users of libsignal whose keys are in one database: messages in both directions, out of order,
 * so that sessions keep message keys, and messages to a group. No value contains a name.
 */
public final class ConversationOfTwo {

    private static final int ROUNDS = 5;
    private static final int DEVICE = 1;

    private ConversationOfTwo() {}

    /**
     * Holds the conversation. The names of the users are those of their contexts, and parts of ids.
     *
     * @throws Exception if libsignal failed, or a message is not what was sent
     */
    public static void hold(SignalKeyDatabase database, String aliceName, String bobName) throws Exception {
        SignalProtocolAddress aliceAddress = new SignalProtocolAddress(aliceName, DEVICE);
        SignalProtocolAddress bobAddress = new SignalProtocolAddress(bobName, DEVICE);
        SignalAccount alice = SignalAccount.create(database.forContext(aliceName));
        SignalAccount bob = SignalAccount.create(database.forContext(bobName));
        alice.generatePreKeys(20);
        bob.generateKyberPreKeys(5);
        alice.startSession(bobAddress, bob.newPreKeyBundle(DEVICE));
        for (int round = 0; round < ROUNDS; round++) {
            deliver(alice, bobAddress, bob, aliceAddress, "from " + aliceName + " " + round);
            deliver(bob, aliceAddress, alice, bobAddress, "from " + bobName + " " + round);
        }
        sendToGroup(alice, aliceAddress, bob);
        byte[] applicationData = new byte[500];
        new Random().nextBytes(applicationData);
        alice.saveApplicationData(applicationData);
    }

    /** Sends three messages, which arrive in the reverse order. */
    private static void deliver(
            SignalAccount from,
            SignalProtocolAddress to,
            SignalAccount receiver,
            SignalProtocolAddress sender,
            String text)
            throws Exception {
        List<CiphertextMessage> sent = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            sent.add(from.encrypt(to, text.getBytes(UTF_8)));
        }
        Collections.reverse(sent);
        for (CiphertextMessage message : sent) {
            requireEqual(receiver.decrypt(sender, message), text);
        }
    }

    private static void sendToGroup(SignalAccount from, SignalProtocolAddress sender, SignalAccount receiver)
            throws Exception {
        UUID group = UUID.randomUUID();
        SenderKeyDistributionMessage key =
                from.transaction(group, sender, (signal, tx) -> new GroupSessionBuilder(signal).create(sender, group));
        receiver.transaction(group, sender, (signal, tx) -> {
            new GroupSessionBuilder(signal).process(sender, key);
            return true;
        });
        for (int i = 0; i < ROUNDS; i++) {
            String text = "to the group " + i;
            CiphertextMessage message = from.transaction(
                    group,
                    sender,
                    (signal, tx) -> new GroupCipher(signal, sender).encrypt(group, text.getBytes(UTF_8)));
            requireEqual(
                    receiver.transaction(
                            group,
                            sender,
                            (signal, tx) -> new GroupCipher(signal, sender).decrypt(message.serialize())),
                    text);
        }
    }

    private static void requireEqual(byte[] opened, String text) {
        if (!Arrays.equals(opened, text.getBytes(UTF_8))) {
            throw new AssertionError("a message is not what was sent");
        }
    }
}
