package dev.keystore.jdbc;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/** Threads that use connections of a reader pool while a test does something else. */
final class OccupiedReaders {

    private OccupiedReaders() {}

    /** What a test does meanwhile. */
    @FunctionalInterface
    interface Meanwhile {
        void run() throws Exception;
    }

    /** Uses a number of connections of a pool, each in a thread, until {@code meanwhile} has run. */
    static void occupy(ReaderPool pool, int connections, Meanwhile meanwhile) throws Exception {
        CountDownLatch begun = new CountDownLatch(connections);
        CountDownLatch end = new CountDownLatch(1);
        List<Thread> users = new ArrayList<>();
        for (int i = 0; i < connections; i++) {
            Thread user = new Thread(() -> pool.withHandle(handle -> {
                begun.countDown();
                return isReached(end);
            }));
            users.add(user);
            user.start();
        }
        begun.await();
        try {
            meanwhile.run();
        } finally {
            end.countDown();
            for (Thread user : users) {
                user.join();
            }
        }
    }

    private static boolean isReached(CountDownLatch latch) {
        try {
            latch.await();
            return true;
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
