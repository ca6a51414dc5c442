package dev.keystore.core;

import dev.keystore.Codec;
import dev.keystore.KeyType;
import java.util.function.IntConsumer;

/**
 * A codec that runs a test's action whenever a watched thread compares it, which happens inside the engine at every
 * lookup of a key. {@link #reading} and {@link #writing} are equal types, so both name the same entry.
 */
final class ComparedCodec implements Codec<Integer> {

    final KeyType<Integer> reading = KeyType.of("compared", this);
    final KeyType<Integer> writing = KeyType.of("compared", this);

    private volatile Thread watched;
    private volatile IntConsumer action;
    private volatile int comparisons;

    /** From now on, runs {@code atComparison} with the number, from 0, of each comparison by {@code thread}. */
    void watch(Thread thread, IntConsumer atComparison) {
        comparisons = 0;
        action = atComparison;
        watched = thread;
    }

    /** Stops watching, and returns the number of comparisons. */
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
    @SuppressWarnings("NonAtomicVolatileUpdate") // by the watched thread only
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
