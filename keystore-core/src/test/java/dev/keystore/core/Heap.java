package dev.keystore.core;

/** Measures the heap in use. */
final class Heap {

    private Heap() {}

    /** Returns the bytes in use after garbage collection. */
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
