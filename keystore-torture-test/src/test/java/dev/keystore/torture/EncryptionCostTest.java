package dev.keystore.torture;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import dev.keystore.spi.ContextSealing;
import dev.keystore.spi.StoreSealing;
import dev.keystore.testkit.MemoryBackend;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.IntConsumer;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Prints what encryption costs: CPU time of a value and of a listing with hidden names, and time to open many contexts.
 */
@Tag("long")
@Timeout(600)
class EncryptionCostTest {

    private static final int ROUNDS = 7;
    private static final int VALUE_BYTES = 1_024;
    private static final int SEALED = 50_000;
    private static final int CONTEXTS = 10_000;
    private static final int LISTED = 10_000;
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @TempDir
    private Path folder;

    private Encryption encryption;

    @BeforeEach
    void createKey() throws IOException {
        encryption = Encryption.with(KeyFile.create(folder.resolve("root.key")));
    }

    @Test
    @DisplayName("P18 prints the time to seal and to open a value of 1 KiB, and its parts")
    void value() throws Exception {
        byte[] value = new byte[VALUE_BYTES];
        new Random(18).nextBytes(value);
        try (StoreSealing store = encryption.open(null)) {
            List<ContextSealing> contexts = new ArrayList<>();
            for (int i = 0; i < 1_000; i++) {
                contexts.add(store.createContext("context " + i));
            }
            ContextSealing alice = contexts.get(0);
            byte[] record = alice.seal("session", "bob.1", value);
            print("seal a value of 1 KiB, key of before", i -> alice.seal("session", "bob.1", value));
            print(
                    "seal a value of 1 KiB, 1,000 contexts in turn",
                    i -> contexts.get(i % contexts.size()).seal("session", "bob.1", value));
            print("open a record of 1 KiB", i -> alice.open("session", "bob.1", record));
            assertThat(alice.open("session", "bob.1", record)).isEqualTo(value);
        }
        for (int length : new int[] {VALUE_BYTES, 0}) {
            print("AES-256-GCM of the JDK alone, " + length + " bytes, 68 of associated data", gcm(length));
        }
        SecretKey key = new SecretKeySpec(new byte[32], "AES");
        print("AES of the JDK alone, another key and one block", i -> {
            try {
                Cipher aes = Cipher.getInstance("AES/ECB/NoPadding");
                aes.init(Cipher.ENCRYPT_MODE, key);
                aes.doFinal(value, 0, 16);
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException(e);
            }
        });
    }

    private static IntConsumer gcm(int length) throws Exception {
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        SecretKey key = new SecretKeySpec(new byte[32], "AES");
        byte[] nonce = new byte[12];
        byte[] associated = new byte[68];
        byte[] bytes = new byte[length + 16];
        return i -> {
            try {
                ByteBuffer.wrap(nonce).putInt(i).putLong(System.nanoTime());
                cipher.init(Cipher.ENCRYPT_MODE, key, new GCMParameterSpec(128, nonce));
                cipher.updateAAD(associated);
                cipher.doFinal(bytes, 0, length, bytes, 0);
            } catch (GeneralSecurityException e) {
                throw new IllegalStateException(e);
            }
        };
    }

    private static void print(String what, IntConsumer work) {
        double[] micros = new double[ROUNDS];
        double bytes = 0;
        for (int round = -2; round < ROUNDS; round++) {
            long allocated = THREADS.getCurrentThreadAllocatedBytes();
            long begin = THREADS.getCurrentThreadCpuTime();
            for (int i = 0; i < SEALED; i++) {
                work.accept(i);
            }
            if (round >= 0) {
                micros[round] = (THREADS.getCurrentThreadCpuTime() - begin) / 1e3 / SEALED;
            }
            bytes = THREADS.getCurrentThreadAllocatedBytes() - allocated;
        }
        System.out.printf("%s: %s µs, %.0f bytes allocated%n", what, spread(micros), bytes / SEALED);
    }

    @Test
    @DisplayName("R70 prints the time of listings with names as they are and hidden, in memory")
    void listing() {
        for (boolean hidden : new boolean[] {false, true}) {
            try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                    .backend(new MemoryBackend())
                    .encryption(hidden ? encryption.hidingNames() : encryption)
                    .open()) {
                SignalKeyStore alice = database.forContext("alice");
                for (int i = 0; i < LISTED; i++) {
                    alice.put(KeyTypes.SESSION, "name" + i / 3 + "." + i % 3, new byte[VALUE_BYTES]);
                }
                String names = hidden ? "hidden names" : "names as they are";
                System.out.println(names + ", ids of a name with three devices: "
                        + spread(micros(
                                1_000, () -> assertThat(count(alice, "name7.")).isEqualTo(3))) + " µs");
                System.out.println(names + ", ids of all " + LISTED + " entries: "
                        + spread(micros(1, () -> assertThat(count(alice, "")).isEqualTo(LISTED))) + " µs");
            }
        }
    }

    private static long count(SignalKeyStore store, String prefix) {
        try (Stream<String> ids = store.ids(KeyTypes.SESSION, prefix)) {
            return ids.count();
        }
    }

    @Test
    @DisplayName("P18 prints the time to open 10,000 contexts of a SQLite file, encrypted and plain, and to read each")
    void contexts() {
        UnaryOperator<SignalKeyDatabase.Builder> encrypted = builder -> builder.encryption(encryption);
        String plainUrl = "jdbc:sqlite:" + folder.resolve("plain.db");
        String encryptedUrl = "jdbc:sqlite:" + folder.resolve("encrypted.db");
        fill(plainUrl, UnaryOperator.identity());
        fill(encryptedUrl, encrypted);
        double[][] seconds = new double[4][ROUNDS];
        for (int round = 0; round < ROUNDS; round++) {
            double[] plain = openAll(plainUrl, UnaryOperator.identity());
            double[] sealed = openAll(encryptedUrl, encrypted);
            seconds[0][round] = plain[0];
            seconds[1][round] = sealed[0];
            seconds[2][round] = plain[1];
            seconds[3][round] = sealed[1];
        }
        System.out.println("opening " + CONTEXTS + " contexts, s: plain " + spread(seconds[0]) + ", encrypted "
                + spread(seconds[1]) + "; the first read of each: plain " + spread(seconds[2]) + ", encrypted "
                + spread(seconds[3]));
    }

    private static void fill(String url, UnaryOperator<SignalKeyDatabase.Builder> options) {
        try (SignalKeyDatabase database =
                options.apply(SignalKeyDatabase.builder().url(url)).open()) {
            for (int i = 0; i < CONTEXTS; i++) {
                database.forContext("context " + i).put(KeyTypes.SESSION, "bob.1", new byte[VALUE_BYTES]);
            }
        }
    }

    /** Returns the seconds to open all contexts, and then to read an entry of each. */
    private static double[] openAll(String url, UnaryOperator<SignalKeyDatabase.Builder> options) {
        List<SignalKeyStore> stores = new ArrayList<>();
        try (SignalKeyDatabase database =
                options.apply(SignalKeyDatabase.builder().url(url)).open()) {
            long begin = System.nanoTime();
            for (int i = 0; i < CONTEXTS; i++) {
                stores.add(database.forContext("context " + i));
            }
            long opened = System.nanoTime();
            stores.forEach(
                    store -> assertThat(store.find(KeyTypes.SESSION, "bob.1")).isPresent());
            return new double[] {(opened - begin) / 1e9, (System.nanoTime() - opened) / 1e9};
        }
    }

    private static double[] micros(int times, Runnable work) {
        double[] micros = new double[ROUNDS];
        for (int round = -2; round < ROUNDS; round++) {
            long begin = THREADS.getCurrentThreadCpuTime();
            for (int i = 0; i < times; i++) {
                work.run();
            }
            if (round >= 0) {
                micros[round] = (THREADS.getCurrentThreadCpuTime() - begin) / 1e3 / times;
            }
        }
        return micros;
    }

    /** Returns the median, and the least and the most. */
    private static String spread(double[] figures) {
        double[] sorted = figures.clone();
        Arrays.sort(sorted);
        return figure(sorted[sorted.length / 2]) + " (" + figure(sorted[0]) + "–" + figure(sorted[sorted.length - 1])
                + ")";
    }

    private static String figure(double value) {
        return (value < 100 ? "%.3g" : "%.0f").formatted(value);
    }
}
