package dev.keystore.testkit;

import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** Lets a broken backend wait, half-way through a write, until readers have looked, or are there no more. */
final class Looks {

    private final Semaphore taken = new Semaphore(0);

    void look() {
        taken.release();
    }

    void awaitSome() {
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
