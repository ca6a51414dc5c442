package dev.keystore.testkit;

import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** Lets a broken backend wait, in the middle of a write, until readers have read, or have ended. */
final class ReaderSignal {

    private final Semaphore taken = new Semaphore(0);

    void hasRead() {
        taken.release();
    }

    void awaitReads() {
        taken.drainPermits();
        try {
            if (taken.tryAcquire(6, 1, TimeUnit.SECONDS)) {
                taken.drainPermits();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
