package dev.keystore.bench.read;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.bench.read.Hot.Frequency;
import dev.keystore.bench.read.Hot.Room;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Each peer finds everything, in the time of no miss, and Keystore loads nothing. */
class ReadPeersTest {

    @ParameterizedTest
    @EnumSource
    void read_atTheLimit_findsEveryEntry(ReadPeers peer) throws Exception {
        try (ReadPeer opened = peer.open(Room.LIMIT.bytes())) {
            opened.fill(Hot.ids());
            for (String id : Hot.ids()) {
                assertThat(Arrays.equals(bytes(opened.one(id)), Hot.value(id))).isTrue();
            }
            List<String> five = Frequency.UNIFORM.several().get(0);
            Map<String, ?> found = opened.several(five);
            assertThat(found.keySet()).containsExactlyElementsOf(five);
            found.forEach((id, value) -> assertThat(bytes(value)).isEqualTo(Hot.value(id)));
            if (opened instanceof KeystoreRead<?> keystore) {
                assertThat(keystore.loads()).isZero();
            }
        }
    }

    private static byte[] bytes(Object value) {
        return value instanceof String text ? text.getBytes(ISO_8859_1) : (byte[]) value;
    }

    @ParameterizedTest
    @EnumSource(names = {"KEYSTORE", "CAFFEINE_COPY", "GUAVA_COPY"})
    void read_ofThoseThatCopy_givesACopy(ReadPeers peer) throws Exception {
        try (ReadPeer opened = peer.open(Room.PLENTY.bytes())) {
            String id = Hot.ids().get(0);
            opened.fill(List.of(id));
            Arrays.fill(bytes(opened.one(id)), (byte) 0);
            assertThat(bytes(opened.one(id))).isEqualTo(Hot.value(id));
        }
    }

    @Test
    void zipf_readsTheFirstFarMoreOftenThanTheHundredth() {
        List<String> reads = List.of(Frequency.ZIPF.single());
        String first = Hot.ids().get(0);
        String hundredth = Hot.ids().get(99);
        assertThat(reads.stream().filter(first::equals).count())
                .isGreaterThan(50 * reads.stream().filter(hundredth::equals).count());
    }

    @Test
    void read_besideCommits_findsEntries() throws Exception {
        ReadWhileCommittingBenchmark benchmark = new ReadWhileCommittingBenchmark();
        benchmark.committing = true;
        benchmark.open();
        assertThat(benchmark.read()).hasSize(Hot.VALUE_BYTES);
        benchmark.close();
    }
}
