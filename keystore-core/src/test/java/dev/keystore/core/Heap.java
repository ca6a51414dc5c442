package dev.keystore.core;

/** Measures what stays on the heap. */
final class Heap {

    private Heap() {}

    /** Returns the bytes in use when collecting garbage frees no more of them. */
    static long retainedBytes() {
        long least = Long.MAX_VALUE;
        for (int round = 0; round < 5; round++) {
            System.gc();
            Runtime runtime = Runtime.getRuntime();
            least = Math.min(least, runtime.totalMemory() - runtime.freeMemory());
        }
        return least;
    }
}
