package dev.keystore.libsignal;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.testkit.MemoryBackend;
import java.util.concurrent.Callable;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.message.PreKeySignalMessage;
import org.signal.libsignal.protocol.message.SignalMessage;
import org.signal.libsignal.protocol.state.PreKeyBundle;

/**
 * A conversation of two accounts with the libsignal of its class loader, once through the account's methods and once
 * through ciphers in the application's own transactions. Returns the texts that were received.
 */
final class ShortConversation implements Callable<String> {

    private static final SignalProtocolAddress ALICE = new SignalProtocolAddress("alice", 1);
    private static final SignalProtocolAddress BOB = new SignalProtocolAddress("bob", 1);

    private final String localAlice;
    private final String localBob;

    ShortConversation(String localAlice, String localBob) {
        this.localAlice = localAlice;
        this.localBob = localBob;
    }

    @Override
    public String call() throws Exception {
        try (SignalKeyDatabase database =
                SignalKeyDatabase.builder().backend(new MemoryBackend()).open()) {
            SignalAccount alice = SignalAccount.create(database.forContext("alice"), options(localAlice));
            SignalAccount bob = SignalAccount.create(database.forContext("bob"), options(localBob));

            alice.startSession(BOB, bob.newPreKeyBundle(1));
            String first = text(bob.decrypt(ALICE, alice.encrypt(BOB, bytes("hello"))));

            PreKeyBundle bundle = alice.newPreKeyBundle(1);
            bob.transaction(ALICE, (signal, tx) -> {
                signal.deleteSession(ALICE);
                bob.sessionBuilder(signal, ALICE).process(bundle);
                return true;
            });
            byte[] sealed = bob.transaction(
                    ALICE,
                    (signal, tx) ->
                            bob.sessionCipher(signal, ALICE).encrypt(bytes("")).serialize());
            alice.transaction(
                    BOB, (signal, tx) -> alice.sessionCipher(signal, BOB).decrypt(new PreKeySignalMessage(sealed)));
            byte[] answer = alice.transaction(
                    BOB,
                    (signal, tx) -> alice.sessionCipher(signal, BOB)
                            .encrypt(bytes("again"))
                            .serialize());
            byte[] second = bob.transaction(
                    ALICE, (signal, tx) -> bob.sessionCipher(signal, ALICE).decrypt(new SignalMessage(answer)));
            return first + ", hello " + text(second);
        }
    }

    private static AccountOptions options(String local) {
        AccountOptions.Builder options = AccountOptions.builder();
        if (local != null) {
            options.localAddress(new SignalProtocolAddress(local, 1));
        }
        return options.build();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(UTF_8);
    }

    private static String text(byte[] bytes) {
        return new String(bytes, UTF_8);
    }
}
