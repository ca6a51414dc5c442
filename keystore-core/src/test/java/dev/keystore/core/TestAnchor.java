package dev.keystore.core;

import dev.keystore.spi.BackendException;
import dev.keystore.spi.FreshnessAnchor;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** An anchor in memory, which survives closing, can be made to fail, and counts its writes. */
final class TestAnchor implements FreshnessAnchor {

    private final Map<String, byte[]> records = new HashMap<>();
    private int writes;
    private int written;
    private int loads;
    private boolean loadsFail;
    private boolean writesFail;
    private boolean writesAreLost;
    private CountDownLatch awaited = new CountDownLatch(0);
    private CountDownLatch gate = new CountDownLatch(0);

    @Override
    public synchronized Map<String, byte[]> load(Collection<String> keys) {
        loads++;
        if (loadsFail) {
            throw BackendException.permanent("test anchor: could not read: out of reach", null);
        }
        Map<String, byte[]> found = new HashMap<>(records);
        found.keySet().retainAll(keys);
        return found;
    }

    @Override
    public Set<String> replace(List<Replacement> replacements) {
        passGate();
        return replaceNow(replacements);
    }

    private void passGate() {
        CountDownLatch now;
        synchronized (this) {
            now = gate;
        }
        try {
            now.await(30, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private synchronized Set<String> replaceNow(List<Replacement> replacements) {
        if (writesFail) {
            awaited.countDown();
            throw BackendException.permanent("test anchor: could not write: out of reach", null);
        }
        Set<String> refused = new HashSet<>();
        for (Replacement next : replacements) {
            if (Arrays.equals(records.get(next.key()), next.expected())) {
                records.put(next.key(), next.next());
                written++;
            } else {
                refused.add(next.key());
            }
        }
        writes++;
        awaited.countDown();
        if (writesAreLost) {
            throw BackendException.outcomeUnknown("test anchor: no answer to a write", null);
        }
        return refused;
    }

    /** Returns a latch that is released by so many further writes, whether they succeed or not. */
    synchronized CountDownLatch awaitWrites(int count) {
        awaited = new CountDownLatch(count);
        return awaited;
    }

    /** Holds writes until the latch is released. */
    synchronized CountDownLatch holdWrites() {
        gate = new CountDownLatch(1);
        return gate;
    }

    synchronized TestAnchor failLoads(boolean fail) {
        loadsFail = fail;
        return this;
    }

    synchronized TestAnchor failWrites(boolean fail) {
        writesFail = fail;
        return this;
    }

    /** Makes writes fail after they were made. */
    synchronized TestAnchor loseAnswers(boolean lose) {
        writesAreLost = lose;
        return this;
    }

    /** Returns how many writes were made, each for any number of contexts. */
    synchronized int writes() {
        return writes;
    }

    /** Returns how many records were written. */
    synchronized int written() {
        return written;
    }

    synchronized int loads() {
        return loads;
    }

    synchronized Map<String, byte[]> records() {
        return new HashMap<>(records);
    }

    synchronized void forget() {
        records.clear();
    }

    @Override
    public void close() {}
}
