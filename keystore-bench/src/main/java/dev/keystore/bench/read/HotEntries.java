package dev.keystore.bench.read;

import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.apache.commons.math3.distribution.ZipfDistribution;
import org.apache.commons.math3.random.Well19937c;

/** The entries of the read benchmarks, and the order in which they are read. */
public final class HotEntries {

    static final int ENTRIES = 10_000;
    static final int VALUE_BYTES = 1_024;

    /** The weight of an entry in every cache bounded by weight: its value, its id, and Keystore's overhead. */
    static final int WEIGHT_BYTES = VALUE_BYTES + 2 * id(0).length() + 112;

    private static final int READS = 1 << 16;
    private static final int IDS_AT_ONCE = 5;
    private static final double ZIPF_EXPONENT = 0.99;
    private static final long SEED = 20261123;

    private HotEntries() {}

    private static String id(int number) {
        return "15550000000%05d.1".formatted(number);
    }

    /** Returns the ids of all entries. */
    static List<String> ids() {
        return IntStream.range(0, ENTRIES).mapToObj(HotEntries::id).toList();
    }

    /** How the reads are distributed over the entries. */
    public enum Distribution {
        /** The frequency of the n-th entry is proportional to {@code 1 / n^0.99}. */
        ZIPF,
        /** All entries are read equally often. */
        UNIFORM;

        private int[] numbers() {
            if (this == UNIFORM) {
                return new SplittableRandom(SEED).ints(READS, 0, ENTRIES).toArray();
            }
            int[] ranks = new ZipfDistribution(new Well19937c(SEED), ENTRIES, ZIPF_EXPONENT).sample(READS);
            return IntStream.of(ranks).map(rank -> rank - 1).toArray();
        }

        /** Returns ids in the order of the reads; they are equal, not identical, to those that were stored. */
        String[] single() {
            List<String> fresh = ids();
            return IntStream.of(numbers()).mapToObj(fresh::get).toArray(String[]::new);
        }

        /** Returns the ids of reads of several ids at once. */
        List<List<String>> several() {
            List<String> ids = List.of(single());
            return IntStream.range(0, ids.size() / IDS_AT_ONCE)
                    .mapToObj(n -> List.copyOf(ids.subList(n * IDS_AT_ONCE, (n + 1) * IDS_AT_ONCE)))
                    .toList();
        }
    }

    /** The capacity of a cache. */
    public enum Room {
        /** Room for four times the entries. */
        PLENTY(4.0),
        /** Room for one percent more than the entries. */
        LIMIT(1.01);

        private final double times;

        Room(double times) {
            this.times = times;
        }

        long bytes() {
            return (long) (times * ENTRIES * WEIGHT_BYTES);
        }
    }

    static byte[] value(String id) {
        byte[] value = new byte[VALUE_BYTES];
        new SplittableRandom(id.hashCode()).nextBytes(value);
        return value;
    }
}
