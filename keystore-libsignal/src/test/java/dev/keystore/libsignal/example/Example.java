package dev.keystore.libsignal.example;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.keystore.Codec;
import dev.keystore.KeyType;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.libsignal.AccountOptions;
import dev.keystore.libsignal.SignalAccount;
import dev.keystore.testkit.MemoryBackend;
import org.junit.jupiter.api.AfterEach;
import org.signal.libsignal.protocol.SignalProtocolAddress;

/** What the examples have in common: a database, two accounts, and a table of the application. */
abstract class Example {

    static final KeyType<String> CHAT = KeyType.of("example-chat", new Codec<>() {
        @Override
        public byte[] encode(String text) {
            return bytes(text);
        }

        @Override
        public String decode(byte[] bytes) {
            return text(bytes);
        }
    });

    final SignalProtocolAddress aliceAddress = new SignalProtocolAddress("alice", 1);
    final SignalProtocolAddress bobAddress = new SignalProtocolAddress("bob", 1);
    final SignalProtocolAddress carolAddress = new SignalProtocolAddress("carol", 1);
    final SignalKeyDatabase database =
            SignalKeyDatabase.builder().backend(new MemoryBackend()).open();

    @AfterEach
    void closeDatabase() {
        database.close();
    }

    SignalAccount account(SignalProtocolAddress address) {
        return SignalAccount.openOrCreate(
                database.forContext(address.getName()),
                AccountOptions.builder().localAddress(address).build());
    }

    static byte[] bytes(String text) {
        return text.getBytes(UTF_8);
    }

    static String text(byte[] bytes) {
        return new String(bytes, UTF_8);
    }
}
