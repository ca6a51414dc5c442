package dev.keystore.libsignal;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.TransactionConflictException;
import dev.keystore.core.SignalKeyDatabase;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.signal.libsignal.protocol.SessionCipher;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.message.PreKeySignalMessage;
import org.signal.libsignal.protocol.state.PreKeyBundle;

/**
 * Many peers send their first message to one account, as shown in the README, while four threads continuously generate
 * pre-keys for it and save its application data.
 */
@DisplayName("R24 first messages conflict neither with generated pre-keys nor with saved application data")
class NoConflictUnderLoadTest {

    private static final int THREADS = 16;
    private static final SignalProtocolAddress BOT = new SignalProtocolAddress("bot", 1);

    @TempDir
    private Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"jdbc:sqlite:", "mapdb:"})
    @Timeout(600)
    @DisplayName("nor with each other, in 160 decryptions")
    void decrypts_hundreds(String scheme) throws Exception {
        decryptFirstMessages(scheme, 160);
    }

    @Tag("long")
    @ParameterizedTest
    @ValueSource(strings = {"jdbc:sqlite:", "mapdb:"})
    @Timeout(3_600)
    @DisplayName("nor with each other, in 10,000 decryptions")
    void decrypts_tenThousand(String scheme) throws Exception {
        decryptFirstMessages(scheme, 10_000);
    }

    private void decryptFirstMessages(String scheme, int decrypts) throws Exception {
        AtomicInteger decrypted = new AtomicInteger();
        AtomicInteger conflicts = new AtomicInteger();
        AtomicBoolean stopped = new AtomicBoolean();
        List<AtomicInteger> loops = new ArrayList<>();
        ExecutorService threads = Executors.newCachedThreadPool();
        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                .url(scheme + folder.resolve("keys"))
                .lockTimeout(Duration.ofMinutes(5))
                .commitTimeout(Duration.ofMinutes(5))
                .open()) {
            SignalAccount bot = SignalAccount.create(database.forContext("bot"));
            List<Runnable> operations = List.of(
                    () -> bot.newPreKeyBundle(1),
                    () -> bot.generatePreKeys(100),
                    () -> bot.generateKyberPreKeys(50),
                    () -> bot.saveApplicationData(new byte[40]));
            List<Future<?>> running = new ArrayList<>();
            for (Runnable operation : operations) {
                AtomicInteger loop = new AtomicInteger();
                loops.add(loop);
                running.add(threads.submit(() -> {
                    while (!stopped.get()) {
                        operation.run();
                        loop.incrementAndGet();
                    }
                }));
            }
            List<Future<?>> peers = new ArrayList<>();
            for (int thread = 0; thread < THREADS; thread++) {
                int first = thread;
                peers.add(threads.submit(() -> {
                    for (int peer = first; peer < decrypts; peer += THREADS) {
                        try {
                            writeTo(bot, database, peer);
                            decrypted.incrementAndGet();
                        } catch (TransactionConflictException e) {
                            conflicts.incrementAndGet();
                        }
                    }
                    return null;
                }));
            }
            for (Future<?> peer : peers) {
                peer.get();
            }
            stopped.set(true);
            for (Future<?> loop : running) {
                loop.get();
            }
            System.out.printf(
                    "%s %d first messages decrypted, %d conflicts reached a caller, %d in all;"
                            + " meanwhile %s bundles, batches of 100 pre-keys, of 50 Kyber pre-keys, saves%n",
                    scheme, decrypted.get(), conflicts.get(), database.stats().conflicts(), loops);
            assertThat(conflicts).hasValue(0);
            assertThat(database.stats().conflicts()).isZero();
            assertThat(decrypted).hasValue(decrypts);
            assertThat(loops).allSatisfy(loop -> assertThat(loop).hasPositiveValue());
        } finally {
            stopped.set(true);
            threads.shutdownNow();
        }
    }

    /** Follows the README; one third of the messages each is decrypted with retries, without, and with a save. */
    private static void writeTo(SignalAccount bot, SignalKeyDatabase database, int number) throws Exception {
        SignalProtocolAddress address = new SignalProtocolAddress("peer-" + number, 1);
        SignalAccount peer = SignalAccount.openOrCreate(database.forContext(address.getName()));
        PreKeyBundle bundle = bot.newPreKeyBundle(1);
        peer.startSession(BOT, bundle);
        CiphertextMessage message = peer.encrypt(BOT, "hello".getBytes(UTF_8));
        byte[] text = number % 3 == 0
                ? bot.decrypt(address, message)
                : bot.transaction(address, (signal, tx) -> {
                    if (number % 3 == 1) {
                        bot.saveApplicationData(tx, new byte[] {1});
                    }
                    return new SessionCipher(signal, address).decrypt(new PreKeySignalMessage(message.serialize()));
                });
        assertThat(text).asString().isEqualTo("hello");
    }
}
