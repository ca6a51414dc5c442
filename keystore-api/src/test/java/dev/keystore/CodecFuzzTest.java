package dev.keystore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.SplittableRandom;
import java.util.function.Function;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Passes bytes that no codec produced to the codecs of all standard types.
 *
 * <p>Input {@code n} of a type is generated from seed {@code n} alone. To repeat one input, pass
 * {@code -Dkeystore.fuzz.first=n -Dkeystore.fuzz.count=1}.
 */
@Timeout(600)
class CodecFuzzTest {

    /** The bytes that decoding may allocate: small objects of tens of bytes per four-byte field, and strings twice. */
    private static final int ALLOCATED_PER_BYTE = 64;

    private static final int ALLOCATED_AT_LEAST = 16_384;

    private static final Map<String, Function<SplittableRandom, Object>> VALUES = Map.of(
            "pre-key", CodecFuzzTest::keyPair,
            "signed-pre-key", random -> new SignedPreKey(keyPair(random), Bytes.random(random, 64), random.nextLong()),
            "sender-key-memory", CodecFuzzTest::flags,
            "app-state-sync-version", CodecFuzzTest::syncVersion,
            "lid-mapping", CodecFuzzTest::string,
            "device-list", CodecFuzzTest::strings,
            "tc-token", random -> new TcToken(Bytes.random(random, 40), seconds(random), seconds(random)));

    static List<KeyType<?>> types() {
        return KeyTypes.all();
    }

    @ParameterizedTest
    @MethodSource("types")
    @DisplayName("R43 a codec decodes what it encoded, and refuses everything else with IllegalArgumentException")
    void fuzz(KeyType<?> type) {
        run(type, 1, 5_000);
    }

    @Tag("long")
    @ParameterizedTest
    @MethodSource("types")
    @DisplayName("R43 a codec decodes what it encoded, and refuses everything else, a million times")
    void fuzzLong(KeyType<?> type) {
        run(type, 1_000_001, 1_000_000);
    }

    private static <V> void run(KeyType<V> type, long first, int count) {
        long from = Long.getLong("keystore.fuzz.first", first);
        int inputs = Integer.getInteger("keystore.fuzz.count", count);
        Codec<V> codec = type.codec();
        int accepted = 0;
        long most = 0;
        for (long seed = from; seed < from + inputs; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            V value = value(type, random);
            byte[] valid = codec.encode(value);
            assertSame(type, seed, codec.decode(valid), value);
            byte[] input = Bytes.mutated(valid, random);
            byte[] before = input.clone();
            String what = type + ", seed " + seed;
            long start = Bytes.allocated();
            V decoded = decode(codec, input, what);
            long allocated = Bytes.allocated() - start;
            if (allocated >= ALLOCATED_AT_LEAST) { // excludes what the first call loads
                start = Bytes.allocated();
                decode(codec, input, what);
                allocated = Bytes.allocated() - start;
            }
            most = Math.max(most, allocated);
            assertThat(allocated)
                    .as("bytes allocated for %s bytes of %s, seed %s", input.length, type, seed)
                    .isLessThan(ALLOCATED_AT_LEAST + (long) ALLOCATED_PER_BYTE * input.length);
            assertThat(Arrays.equals(input, before))
                    .as("input of seed %s", seed)
                    .isTrue();
            if (decoded != null) {
                accepted++;
                assertThat(Arrays.equals(codec.encode(decoded), input))
                        .as("%s has one encoding for one value, seed %s", type, seed)
                        .isTrue();
                assertSame(type, seed, codec.decode(codec.encode(decoded)), decoded);
            }
        }
        System.out.println(type + ", seeds " + from + " to " + (from + inputs - 1) + ": " + inputs
                + " valid encodings read, " + accepted + " mutants read, " + (inputs - accepted) + " refused, at most "
                + most + " bytes allocated for one");
    }

    private static <V> V decode(Codec<V> codec, byte[] input, String what) {
        try {
            return codec.decode(input);
        } catch (IllegalArgumentException e) {
            return null;
        } catch (RuntimeException | Error e) {
            throw new AssertionError(what + ": an exception that is not documented", e);
        }
    }

    private static void assertSame(KeyType<?> type, long seed, Object one, Object other) {
        boolean same = one instanceof byte[] bytes ? Arrays.equals(bytes, (byte[]) other) : one.equals(other);
        assertThat(same)
                .as("%s, seed %s: decode(encode(v)) equals v", type, seed)
                .isTrue();
    }

    @Test
    @DisplayName("R43 a length beyond the end of the bytes is refused, and nothing is allocated for it")
    void hugeLengths() {
        Codec<KeyPair> codec = KeyTypes.PRE_KEY.codec();
        for (int length : new int[] {Integer.MAX_VALUE, Integer.MIN_VALUE, -1, 1 << 30, 5}) {
            byte[] input = ByteBuffer.allocate(8).putInt(length).array();
            long before = Bytes.allocated();
            assertThat(decode(codec, input, "length " + length)).isNull();
            assertThat(Bytes.allocated() - before).isLessThan(100_000);
        }
    }

    @Test
    @DisplayName("R43 a map with a duplicate key is refused, since no codec encodes it; a list may repeat itself")
    void duplicates() {
        byte[] yes = {1};
        byte[] twice = Fields.join(List.of(Fields.ofString("a.1"), yes, Fields.ofString("a.1"), yes));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> KeyTypes.SENDER_KEY_MEMORY.codec().decode(twice))
                .withMessage("field 2 repeats an earlier name");
        byte[] list = Fields.join(List.of(Fields.ofString("a.1"), Fields.ofString("b.1"), Fields.ofString("a.1")));
        assertThat(KeyTypes.DEVICE_LIST.codec().decode(list)).containsExactly("a.1", "b.1", "a.1");

        byte[] mac = {1};
        byte[] name = Fields.ofString("index");
        byte[] state = Fields.join(List.of(Fields.ofLong(1), mac, name, mac, name, mac));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> KeyTypes.APP_STATE_SYNC_VERSION.codec().decode(state))
                .withMessage("field 4 repeats the index of an earlier value MAC");
    }

    @SuppressWarnings("unchecked") // the generators are named after the types
    private static <V> V value(KeyType<V> type, SplittableRandom random) {
        Function<SplittableRandom, Object> values = VALUES.get(type.name());
        return (V) (values == null ? Bytes.random(random, 100) : values.apply(random));
    }

    private static KeyPair keyPair(SplittableRandom random) {
        return new KeyPair(Bytes.random(random, 33), Bytes.random(random, 32));
    }

    private static Map<String, Boolean> flags(SplittableRandom random) {
        Map<String, Boolean> flags = new LinkedHashMap<>();
        strings(random).forEach(name -> flags.put(name, random.nextBoolean()));
        return flags;
    }

    private static OptionalLong seconds(SplittableRandom random) {
        return random.nextBoolean() ? OptionalLong.of(random.nextLong()) : OptionalLong.empty();
    }

    private static AppStateSyncVersion syncVersion(SplittableRandom random) {
        Map<String, byte[]> macs = new LinkedHashMap<>();
        strings(random).forEach(index -> macs.put(index, Bytes.random(random, 32)));
        return new AppStateSyncVersion(random.nextLong(), Bytes.random(random, 128), macs);
    }

    private static List<String> strings(SplittableRandom random) {
        List<String> strings = new ArrayList<>();
        for (int i = random.nextInt(6); i > 0; i--) {
            strings.add(string(random));
        }
        return random.nextBoolean() ? List.copyOf(new HashSet<>(strings)) : strings;
    }

    private static String string(SplittableRandom random) {
        StringBuilder string = new StringBuilder();
        for (int i = random.nextInt(20); i > 0; i--) {
            int character = random.nextInt(8) == 0 ? random.nextInt(0x110000) : random.nextInt(0x80);
            string.appendCodePoint(character >= 0xd800 && character < 0xe000 ? 'x' : character);
        }
        return string.toString();
    }

    /** Generates inputs and measures allocations. */
    static final class Bytes {

        private static final int[] LENGTHS = {0, 1, -1, Integer.MAX_VALUE, Integer.MIN_VALUE, 1 << 28, 0xffff, 255};

        private Bytes() {}

        static byte[] random(SplittableRandom random, int maximum) {
            byte[] bytes = new byte[random.nextInt(maximum + 1)];
            random.nextBytes(bytes);
            return bytes;
        }

        /** Returns random bytes, or valid ones with up to four modifications. */
        static byte[] mutated(byte[] valid, SplittableRandom random) {
            if (random.nextInt(10) == 0) {
                return random(random, 200);
            }
            byte[] bytes = valid.clone();
            for (int i = random.nextInt(1, 5); i > 0; i--) {
                bytes = mutatedOnce(bytes, random);
            }
            return bytes;
        }

        private static byte[] mutatedOnce(byte[] bytes, SplittableRandom random) {
            int at = random.nextInt(bytes.length + 1);
            switch (random.nextInt(6)) {
                case 0 -> {
                    return Arrays.copyOf(bytes, at);
                }
                case 1 -> {
                    byte[] longer = Arrays.copyOf(bytes, bytes.length + random.nextInt(1, 40));
                    if (random.nextBoolean()) {
                        for (int i = bytes.length; i < longer.length; i++) {
                            longer[i] = (byte) random.nextInt();
                        }
                    }
                    return longer;
                }
                case 2 -> {
                    if (bytes.length >= Integer.BYTES) {
                        int from = random.nextInt(bytes.length - Integer.BYTES + 1);
                        ByteBuffer.wrap(bytes).putInt(from, LENGTHS[random.nextInt(LENGTHS.length)]);
                    }
                    return bytes;
                }
                case 3 -> {
                    int to = random.nextInt(at, bytes.length + 1);
                    byte[] repeated = Arrays.copyOf(bytes, bytes.length + to - at);
                    System.arraycopy(bytes, at, repeated, to, bytes.length - at);
                    return repeated;
                }
                default -> {
                    if (at < bytes.length) {
                        bytes[at] ^= (byte) (1 << random.nextInt(Byte.SIZE));
                    }
                    return bytes;
                }
            }
        }

        static long allocated() {
            return ((ThreadMXBean) ManagementFactory.getThreadMXBean()).getCurrentThreadAllocatedBytes();
        }
    }
}
