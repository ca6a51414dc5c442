package dev.keystore.core;

import dev.keystore.OperationInterruptedException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Something that a thread is doing to one or more keys which others may have to wait for: a load, or the write of a
 * group. When it is done, those who waited take its entry if it has one, throw its failure if it has one, or look again.
 */
final class Pending {

    private final CountDownLatch done = new CountDownLatch(1);
    private @Nullable Entry entry;
    private @Nullable RuntimeException failure;

    /** Says what those who wait are to take. */
    void found(Entry loaded) {
        entry = loaded;
    }

    /** Says what those who wait are to throw. */
    void failed(RuntimeException thrown) {
        failure = thrown;
    }

    /** Returns what was found, or null. */
    @Nullable
    Entry entry() {
        return entry;
    }

    /** Ends it. */
    void complete() {
        done.countDown();
    }

    /** Returns whether it has ended. */
    boolean isComplete() {
        return done.getCount() == 0;
    }

    /**
     * Waits until it is done.
     *
     * @return the entry loaded, or null if the caller has to look again
     */
    @Nullable
    Entry await(EntryKey key, long deadlineNanos) {
        try {
            if (!done.await(deadlineNanos - System.nanoTime(), TimeUnit.NANOSECONDS)) {
                throw EntryCache.timedOut(key);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new OperationInterruptedException("entry " + key.entryId());
        }
        if (failure != null) {
            throw failure;
        }
        return entry;
    }
}
