package dev.keystore.jdbc;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;

/** Threads that use connections of a reader pool until this is closed. */
final class OccupiedReaders implements AutoCloseable {

    private final CountDownLatch end = new CountDownLatch(1);
    private final List<Thread> users = new ArrayList<>();

    OccupiedReaders(ReaderPool pool, int connections) throws InterruptedException {
        CountDownLatch begun = new CountDownLatch(connections);
        for (int i = 0; i < connections; i++) {
            Thread user = new Thread(() -> pool.withHandle(handle -> {
                begun.countDown();
                return await(end);
            }));
            users.add(user);
            user.start();
        }
        begun.await();
    }

    private static boolean await(CountDownLatch latch) {
        try {
            latch.await();
            return true;
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        end.countDown();
        try {
            for (Thread user : users) {
                user.join();
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }
}
