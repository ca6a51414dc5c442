package dev.keystore.core;

import dev.keystore.spi.KeyStoreListener;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.LongSupplier;

/** A listener that records what is reported, without the times, and checks that no time is negative. */
final class RecordedEvents implements KeyStoreListener {

    private final List<String> events = new CopyOnWriteArrayList<>();
    private final List<LongSupplier> cachedReads = new CopyOnWriteArrayList<>();

    /** Returns what was reported since the last call, in this order. */
    List<String> take() {
        List<String> taken = List.copyOf(events);
        events.clear();
        return taken;
    }

    /** Returns how many reads were cached, of each database that was opened. */
    List<Long> cachedReads() {
        return cachedReads.stream().map(LongSupplier::getAsLong).toList();
    }

    private void add(String event, long... times) {
        for (long nanos : times) {
            if (nanos < 0) {
                throw new AssertionError(event + " took " + nanos + " ns");
            }
        }
        events.add(event);
    }

    @Override
    public void onOpened(LongSupplier cachedReads) {
        this.cachedReads.add(cachedReads);
    }

    @Override
    public void onLoad(int entries, long nanos, WaitResult result) {
        add("load of " + entries + ": " + result, nanos);
    }

    @Override
    public void onUnreadable(int entries) {
        add("unreadable: " + entries);
    }

    @Override
    public void onLockWait(long nanos, WaitResult result) {
        add("lock: " + result, nanos);
    }

    @Override
    public void onCommit(long nanos, CommitResult result) {
        add("commit: " + result, nanos);
    }

    @Override
    public void onGroup(int commits, int sendings, long nanos, GroupResult result) {
        add("group of " + commits + ", sent " + sendings + " times: " + result, nanos);
    }

    @Override
    public void onConflict() {
        add("conflict");
    }

    @Override
    public void onTransaction(
            Set<String> lockKeys, long waitNanos, long workNanos, long commitNanos, boolean succeeded) {
        add("transaction " + lockKeys + ": " + succeeded, waitNanos, workNanos, commitNanos);
    }

    @Override
    public void onContextOpened() {
        add("opened");
    }

    @Override
    public void onOwnershipLost() {
        add("ownership lost");
    }
}
