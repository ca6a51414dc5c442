package dev.keystore.testkit;

import java.util.SplittableRandom;

/**
 * What becomes of what was not forced when the power goes.
 *
 * @param seed decides the choices that are left to chance
 */
record DiskLoss(Model model, Names names, Data data, long seed) {

    /** Returns a loss by chance. */
    static DiskLoss of(SplittableRandom random) {
        return new DiskLoss(
                pick(Model.values(), random),
                pick(Names.values(), random),
                pick(Data.values(), random),
                random.nextLong());
    }

    private static <E> E pick(E[] from, SplittableRandom random) {
        return from[random.nextInt(from.length)];
    }

    /** How much a file system orders by itself. */
    enum Model {

        /** As ext4 with {@code data=ordered}: names persist in order, and a file is not longer than its data. */
        ORDERED,

        /** As POSIX allows: names persist in any order, and so do sizes and data. */
        UNORDERED
    }

    /** Which changes of names persist besides those that were forced. */
    enum Names {
        NONE,
        ALL,
        SOME
    }

    /** Which changes of sizes and pages persist besides those that were forced. */
    enum Data {
        NONE,
        ALL,
        /** Each for itself, some pages torn. */
        SOME,
        /** All, except that one of the pages written last is torn. */
        ALL_BUT_TORN,
        /** The sizes, and no page, as far as the model allows it. */
        SIZES
    }
}
