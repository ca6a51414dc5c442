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
    private int callsToFailure;
    private boolean failedCallIsMade;
    private boolean failureReached;
    private Runnable afterLoad = () -> {};
    private int writesToFailure = -1;
    private boolean loadsFail;
    private boolean writesFail;
    private boolean writesAreLost;
    private CountDownLatch awaited = new CountDownLatch(0);
    private HeldWrites gate;

    /** Makes the call with this number fail, counted from now on; 0 for none. Writes may be made nevertheless. */
    synchronized void failAt(int call, boolean made) {
        callsToFailure = call;
        failedCallIsMade = made;
        failureReached = false;
    }

    synchronized boolean isFailureReached() {
        return failureReached;
    }

    private boolean failsNow() {
        failureReached |= callsToFailure == 1;
        return callsToFailure-- == 1;
    }

    @Override
    public Map<String, byte[]> load(Collection<String> keys) {
        Map<String, byte[]> found = loadNow(keys);
        Runnable next = takeAfterLoad();
        next.run();
        return found;
    }

    private synchronized Runnable takeAfterLoad() {
        Runnable next = afterLoad;
        afterLoad = () -> {};
        return next;
    }

    /** Runs work between reading the records of the next load and returning them. */
    synchronized void afterNextLoad(Runnable work) {
        afterLoad = work;
    }

    private synchronized Map<String, byte[]> loadNow(Collection<String> keys) {
        loads++;
        if (failsNow()) {
            throw BackendException.permanent("test anchor: could not read: this call fails", null);
        }
        if (loadsFail) {
            throw BackendException.permanent("test anchor: could not read: out of reach", null);
        }
        Map<String, byte[]> found = new HashMap<>();
        keys.stream().filter(records::containsKey).forEach(key -> found.put(key, records.get(key)));
        return found;
    }

    @Override
    public Set<String> replace(List<Replacement> replacements) {
        passGate();
        return replaceNow(replacements);
    }

    /** Holds the writes of the threads that raise the anchor. */
    static final class HeldWrites {

        private final CountDownLatch arrived = new CountDownLatch(1);
        private final CountDownLatch open = new CountDownLatch(1);

        void open() {
            open.countDown();
        }

        /** Waits until a write is held. */
        void awaitArrival() throws InterruptedException {
            if (!arrived.await(30, TimeUnit.SECONDS)) {
                throw new AssertionError("no write within 30 s");
            }
        }

        private void pass() {
            arrived.countDown();
            try {
                if (!open.await(30, TimeUnit.SECONDS)) {
                    throw new AssertionError("a write was held for 30 s");
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private void passGate() {
        HeldWrites now;
        synchronized (this) {
            now = gate;
        }
        if (now != null && Thread.currentThread().getName().equals("keystore-anchor")) {
            now.pass();
        }
    }

    private synchronized Set<String> replaceNow(List<Replacement> replacements) {
        if (writesFail || writesToFailure == 0) {
            awaited.countDown();
            throw BackendException.permanent("test anchor: could not write: out of reach", null);
        }
        boolean fails = failsNow();
        if (fails && !failedCallIsMade) {
            throw BackendException.permanent("test anchor: could not write: this call fails", null);
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
        writesToFailure--;
        awaited.countDown();
        if (writesAreLost || fails) {
            throw BackendException.outcomeUnknown("test anchor: no answer to a write", null);
        }
        return refused;
    }

    /** Returns a latch that is released by so many further writes, whether they succeed or not. */
    synchronized CountDownLatch awaitWrites(int count) {
        awaited = new CountDownLatch(count);
        return awaited;
    }

    /** Holds writes that begin from now on at a new gate. */
    synchronized HeldWrites holdWrites() {
        gate = new HeldWrites();
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

    /** Makes all writes fail after so many. */
    synchronized void failWritesAfter(int count) {
        writesToFailure = count;
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

    /** Adds records, as {@link #records} has returned them. */
    synchronized void remember(Map<String, byte[]> kept) {
        records.putAll(kept);
    }

    @Override
    public void close() {}
}
