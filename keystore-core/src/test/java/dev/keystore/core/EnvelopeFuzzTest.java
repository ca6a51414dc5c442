package dev.keystore.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.keystore.Codec;
import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.core.Fixture.Kind;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Feeds the envelope with random bytes. To replay one input: {@code -Dkeystore.fuzz.first=n -Dkeystore.fuzz.count=1}.
 */
@Timeout(600)
class EnvelopeFuzzTest {

    @Test
    @DisplayName("R43 an envelope opens for its own key with its own bytes, and for nothing else")
    void fuzz() {
        run(1, 50_000);
    }

    @Test
    @Tag("long")
    @DisplayName("R43 an envelope opens for its own key with its own bytes, and for nothing else, 5 million times")
    void fuzzLong() {
        run(1_000_001, 5_000_000);
    }

    private static void run(long first, int count) {
        long from = Long.getLong("keystore.fuzz.first", first);
        int inputs = Integer.getInteger("keystore.fuzz.count", count);
        int refused = 0;
        for (long seed = from; seed < from + inputs; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            byte[] value = bytes(random, 64);
            String[] key = {"alice", "session", "bob." + random.nextInt(1_000)};
            byte[] sealed = Envelope.seal(key[0], key[1], key[2], value);
            assertThat(Arrays.equals(Envelope.open(key[0], key[1], key[2], sealed), value))
                    .as("seed %s", seed)
                    .isTrue();
            byte[] input = sealed;
            if (random.nextInt(4) == 0) {
                int part = random.nextInt(key.length);
                key[part] = changed(key, part, random);
            } else {
                input = mutated(sealed, random);
            }
            long start = allocated();
            byte[] opened = open(key, input, seed);
            long allocated = allocated() - start;
            if (allocated > 4_096) { // what a first call loads is not the input's
                start = allocated();
                open(key, input, seed);
                allocated = allocated() - start;
            }
            assertThat(allocated).as("bytes allocated, seed %s", seed).isLessThan(4_096 + 4L * input.length);
            assertThat(opened)
                    .as("seed %s: %s bytes opened", seed, input.length)
                    .isNull();
            refused++;
        }
        System.out.println("envelopes, seeds " + from + " to " + (from + inputs - 1) + ": " + inputs
                + " opened for their keys, " + refused + " mutants refused");
    }

    private static byte[] open(String[] key, byte[] input, long seed) {
        try {
            return Envelope.open(key[0], key[1], key[2], input);
        } catch (IllegalArgumentException e) {
            return null;
        } catch (RuntimeException | Error e) {
            throw new AssertionError("seed " + seed + ": an exception that is not documented", e);
        }
    }

    /** Returns a different name; half of them divide the parts of the key differently. */
    private static String changed(String[] key, int part, SplittableRandom random) {
        if (random.nextBoolean() && part < 2) {
            String whole = key[part];
            key[part + 1] = whole.charAt(whole.length() - 1) + key[part + 1];
            return whole.substring(0, whole.length() - 1);
        }
        return key[part] + random.nextInt(10);
    }

    /** Flips up to three bits, or truncates, extends or replaces the bytes; never returns an equal array. */
    private static byte[] mutated(byte[] sealed, SplittableRandom random) {
        byte[] mutant = switch (random.nextInt(4)) {
            case 0 -> Arrays.copyOf(sealed, random.nextInt(sealed.length));
            case 1 -> Arrays.copyOf(sealed, sealed.length + random.nextInt(1, 50));
            case 2 -> bytes(random, 100);
            default -> sealed.clone();
        };
        if (mutant.length == sealed.length) {
            int at = random.nextInt(mutant.length);
            for (int i = random.nextInt(1, 4); i > 0; i--) {
                mutant[(at + i) % mutant.length] ^= (byte) (1 << random.nextInt(Byte.SIZE));
            }
        }
        return mutant;
    }

    @Test
    @DisplayName("R43 random bytes in the backend cause CorruptEntryException, whatever the type")
    void planted() {
        SplittableRandom random = new SplittableRandom(43);
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            for (KeyType<?> type : KeyTypes.all()) {
                for (int i = 0; i < 100; i++) {
                    String id = "id-" + i;
                    byte[] value = bytes(random, 40);
                    boolean sealed = i % 2 == 0 && !type.codec().equals(Codec.BYTES);
                    if (sealed && isValue(type, value)) {
                        continue;
                    }
                    fixture.plant(type.name(), id, sealed ? Envelope.seal("alice", type.name(), id, value) : value);
                    assertThatThrownBy(() -> fixture.alice.find(type, id))
                            .isInstanceOfSatisfying(
                                    CorruptEntryException.class,
                                    e -> assertThat(e.entry()).isEqualTo(new EntryId(type.name(), id)));
                    assertThatThrownBy(() -> fixture.alice.get(type, List.of("absent", id)))
                            .isInstanceOf(CorruptEntryException.class);
                }
            }
        }
    }

    private static boolean isValue(KeyType<?> type, byte[] value) {
        try {
            type.codec().decode(value);
            return true;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    private static byte[] bytes(SplittableRandom random, int maximum) {
        byte[] bytes = new byte[random.nextInt(maximum + 1)];
        random.nextBytes(bytes);
        return bytes;
    }

    private static long allocated() {
        return ((ThreadMXBean) ManagementFactory.getThreadMXBean()).getCurrentThreadAllocatedBytes();
    }
}
