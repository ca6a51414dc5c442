package dev.keystore.testkit;

import java.util.SplittableRandom;

/**
 * A power loss: which changes persist although they were not forced.
 *
 * @param ordering the order that the file system guarantees
 * @param names the changes of names that persist
 * @param data the changes of sizes and pages that persist
 * @param seed the seed of random choices
 */
record DiskLoss(Ordering ordering, NameChanges names, DataChanges data, long seed) {

    /** Returns a random loss. */
    static DiskLoss of(SplittableRandom random) {
        return new DiskLoss(
                pick(Ordering.values(), random),
                pick(NameChanges.values(), random),
                pick(DataChanges.values(), random),
                random.nextLong());
    }

    private static <E> E pick(E[] from, SplittableRandom random) {
        return from[random.nextInt(from.length)];
    }

    /** The order that a file system guarantees without being forced. */
    enum Ordering {

        /** Like ext4 with {@code data=ordered}: names persist in order, and no file is longer than its data. */
        ORDERED,

        /** Like POSIX: names, sizes and data persist in any order. */
        UNORDERED
    }

    /** The changes of names that persist in addition to the forced ones. */
    enum NameChanges {
        NONE,
        ALL,
        SOME
    }

    /** The changes of sizes and pages that persist in addition to the forced ones. */
    enum DataChanges {
        NONE,
        ALL,
        /** A random choice; some pages are torn. */
        SOME,
        /** All changes, but one of the pages that were written last is torn. */
        ALL_BUT_TORN,
        /** All sizes but no pages, as far as the ordering allows it. */
        SIZES
    }
}
