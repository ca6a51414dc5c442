package dev.keystore.core;

import dev.keystore.Codec;
import dev.keystore.KeyType;
import java.util.function.IntConsumer;

/**
 * A codec that runs an action of the test whenever one thread compares it: in the midst of the engine, each time that
 * it looks a key up. What is read under {@link #reading} and written under {@link #writing} is the same entry.
 */
final class ComparedCodec implements Codec<Integer> {

    final KeyType<Integer> reading = KeyType.of("compared", this);
    final KeyType<Integer> writing = KeyType.of("compared", this);

    private volatile Thread watched;
    private volatile IntConsumer action;
    private volatile int comparisons;

    /** From here on runs {@code atComparison} with the number of each comparison by {@code thread}, from 0. */
    void watch(Thread thread, IntConsumer atComparison) {
        comparisons = 0;
        action = atComparison;
        watched = thread;
    }

    /** Ends that, and returns how many comparisons there were. */
    int unwatch() {
        watched = null;
        return comparisons;
    }

    @Override
    public byte[] encode(Integer value) {
        return new byte[] {value.byteValue()};
    }

    @Override
    public Integer decode(byte[] bytes) {
        return (int) bytes[0];
    }

    @Override
    @SuppressWarnings("NonAtomicVolatileUpdate") // by the watched thread alone
    public boolean equals(Object other) {
        Thread thread = Thread.currentThread();
        if (this == other && thread == watched) {
            watched = null;
            try {
                action.accept(comparisons++);
            } finally {
                watched = thread;
            }
        }
        return this == other;
    }

    @Override
    public int hashCode() {
        return System.identityHashCode(this);
    }
}
