package dev.keystore.libsignal;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.keystore.Codec;
import dev.keystore.CorruptEntryException;
import dev.keystore.KeyReader;
import dev.keystore.SignalKeyStore;
import dev.keystore.UnsupportedFormatException;
import dev.keystore.core.SignalKeyDatabase;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Decodes random and modified credentials and identity entries. To repeat one input, pass
 * {@code -Dkeystore.fuzz.first=n -Dkeystore.fuzz.count=1}.
 */
@Timeout(120)
class AccountRecordFuzzTest {

    private static final int[] LENGTHS = {0, 1, -1, Integer.MAX_VALUE, Integer.MIN_VALUE, 1 << 28};

    @ParameterizedTest(name = "format {0}")
    @ValueSource(ints = {1, 2})
    @DisplayName(
            "R43 R44 credentials not written by an account are refused as damaged, newer or foreign, without allocating"
                    + " more than their size")
    void load_mutated_isReadOrRefused(int format, @TempDir Path folder) {
        long from = Long.getLong("keystore.fuzz.first", 1);
        int inputs = Integer.getInteger("keystore.fuzz.count", 2_000);
        AccountIdentity identity = AccountIdentity.generate();
        byte[] valid = format == 1
                ? FormatOne.encode(identity, 1, 1, 1, new byte[50])
                : new AccountRecord(identity, new byte[50]).encode();
        int refused = 0;
        try (SignalKeyDatabase database = SignalKeyDatabase.open("jdbc:sqlite:" + folder.resolve("keys.db"))) {
            SignalKeyStore store = database.forContext("alice");
            store.transaction("fuzz", tx -> {
                tx.saveCredentials(valid);
                assertThat(AccountRecord.load(tx).identity()).isEqualTo(identity);
                return null;
            });
            for (long seed = from; seed < from + inputs; seed++) {
                byte[] input = mutated(valid, new SplittableRandom(seed));
                long number = seed;
                refused += store.transaction("fuzz", tx -> {
                    tx.saveCredentials(input);
                    long start = allocated();
                    boolean read = read(tx, input, number);
                    long allocated = allocated() - start;
                    if (allocated > 65_536) { // excludes what the first call loads
                        start = allocated();
                        read(tx, input, number);
                        allocated = allocated() - start;
                    }
                    assertThat(allocated).as("bytes allocated, seed %s", number).isLessThan(65_536);
                    tx.saveCredentials(valid);
                    return read ? 0 : 1;
                });
            }
        }
        System.out.println("credentials of format " + format + ", seeds " + from + " to " + (from + inputs - 1) + ": "
                + (inputs - refused) + " mutants read, " + refused + " refused");
        assertThat(refused).isPositive();
    }

    @Test
    @DisplayName(
            "R43 arbitrary bytes are refused by the codecs of identities and ids, or decoded to a value they encode")
    void decode_mutated_isReadOrRefused() {
        long from = Long.getLong("keystore.fuzz.first", 1);
        long end = from + Integer.getInteger("keystore.fuzz.count", 2_000);
        assertThat(refused(AccountIdentity.TYPE.codec(), AccountIdentity.generate(), from, end))
                .isPositive();
        assertThat(refused(PreKeyIds.LAST.codec(), 0x00FFFF, from, end)).isPositive();
    }

    private static <V> int refused(Codec<V> codec, V value, long from, long end) {
        assertThat(codec.decode(codec.encode(value))).isEqualTo(value);
        int refused = 0;
        for (long seed = from; seed < end; seed++) {
            byte[] input = mutated(codec.encode(value), new SplittableRandom(seed));
            try {
                V read = codec.decode(input);
                assertThat(codec.decode(codec.encode(read))).as("seed %s", seed).isEqualTo(read);
            } catch (IllegalArgumentException e) {
                refused++;
            }
        }
        return refused;
    }

    /** Returns whether the credentials were decoded. Format 1 is longer by its counters. */
    private static boolean read(KeyReader keys, byte[] input, long seed) {
        AccountRecord record;
        try {
            record = AccountRecord.load(keys);
        } catch (CorruptEntryException | UnsupportedFormatException e) {
            return false;
        } catch (RuntimeException | Error e) {
            throw new AssertionError("seed " + seed + ": an exception that is not documented", e);
        }
        int counters = record.lastIds().size() * Integer.BYTES;
        assertThat(record.encode().length + counters).as("seed %s", seed).isEqualTo(input.length);
        return true;
    }

    private static byte[] mutated(byte[] valid, SplittableRandom random) {
        byte[] bytes = valid.clone();
        for (int i = random.nextInt(1, 4); i > 0; i--) {
            int at = random.nextInt(bytes.length + 1);
            switch (random.nextInt(5)) {
                case 0 -> bytes = Arrays.copyOf(bytes, at);
                case 1 -> bytes = Arrays.copyOf(bytes, bytes.length + random.nextInt(1, 40));
                case 2 -> {
                    if (at + Integer.BYTES <= bytes.length) {
                        ByteBuffer.wrap(bytes).putInt(at, LENGTHS[random.nextInt(LENGTHS.length)]);
                    }
                }
                default -> {
                    if (at < bytes.length) {
                        bytes[at] ^= (byte) (1 << random.nextInt(Byte.SIZE));
                    }
                }
            }
        }
        return bytes;
    }

    private static long allocated() {
        return ((ThreadMXBean) ManagementFactory.getThreadMXBean()).getCurrentThreadAllocatedBytes();
    }
}
