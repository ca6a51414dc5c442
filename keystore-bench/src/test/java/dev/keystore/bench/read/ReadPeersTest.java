package dev.keystore.bench.read;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.bench.read.HotEntries.Distribution;
import dev.keystore.bench.read.HotEntries.Room;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Each peer finds every entry, and Keystore loads none. */
class ReadPeersTest {

    @ParameterizedTest
    @EnumSource
    void read_atTheLimit_findsEveryEntry(ReadPeers peer) throws Exception {
        try (ReadPeer opened = peer.open(Room.LIMIT.bytes())) {
            opened.fill(HotEntries.ids());
            for (String id : HotEntries.ids()) {
                assertThat(Arrays.equals(bytes(opened.one(id)), HotEntries.value(id)))
                        .isTrue();
            }
            List<String> five = Distribution.UNIFORM.several().get(0);
            Map<String, ?> found = opened.several(five);
            assertThat(found.keySet()).containsExactlyElementsOf(five);
            found.forEach((id, value) -> assertThat(bytes(value)).isEqualTo(HotEntries.value(id)));
            if (opened instanceof KeystoreRead<?> keystore) {
                assertThat(keystore.loads()).isZero();
            }
        }
    }

    private static byte[] bytes(Object value) {
        return value instanceof String text ? text.getBytes(ISO_8859_1) : (byte[]) value;
    }

    @ParameterizedTest
    @EnumSource(names = {"KEYSTORE", "KEYSTORE_ENCRYPTED", "CAFFEINE_COPY", "GUAVA_COPY"})
    void read_fromAPeerThatCopies_returnsACopy(ReadPeers peer) throws Exception {
        try (ReadPeer opened = peer.open(Room.PLENTY.bytes())) {
            String id = HotEntries.ids().get(0);
            opened.fill(List.of(id));
            Arrays.fill(bytes(opened.one(id)), (byte) 0);
            assertThat(bytes(opened.one(id))).isEqualTo(HotEntries.value(id));
        }
    }

    @Test
    void zipf_readsTheFirstIdMuchMoreOftenThanTheHundredth() {
        List<String> reads = List.of(Distribution.ZIPF.single());
        String first = HotEntries.ids().get(0);
        String hundredth = HotEntries.ids().get(99);
        assertThat(reads.stream().filter(first::equals).count())
                .isGreaterThan(50 * reads.stream().filter(hundredth::equals).count());
    }

    @Test
    void read_duringCommits_findsEntries() throws Exception {
        ReadWhileCommittingBenchmark benchmark = new ReadWhileCommittingBenchmark();
        benchmark.committing = true;
        benchmark.open();
        assertThat(benchmark.read()).hasSize(HotEntries.VALUE_BYTES);
        benchmark.close();
    }
}
