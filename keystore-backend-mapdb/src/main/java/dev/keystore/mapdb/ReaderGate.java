package dev.keystore.mapdb;

import dev.keystore.OperationInterruptedException;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.support.Await;
import dev.keystore.spi.support.TimedLock;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Keeps the readers of MapDB's map apart from the one thread that changes it.
 *
 * <p>Concurrency: a reader claims a slot while it reads; the changing thread waits until all slots are free. Readers
 * don't wait for each other. There is no queue, since a virtual thread without a carrier would block all threads behind
 * it. A reader waits while a change is being made, and only a platform thread makes changes. As in {@link TimedLock}, a
 * reader leaves by one write to a field, since a call could fail.
 */
final class ReaderGate {

    /** More than the number of threads that are likely to read at once: a read takes microseconds and never waits. */
    private static final int SLOTS = 64;

    /** The minimum time between two yields. Where there are many threads, one yield may take as long. */
    private static final long YIELD_EVERY_NANOS = 1_000_000;

    private static final VarHandle READER;

    static {
        try {
            READER = MethodHandles.lookup().findVarHandle(Slot.class, "reader", Object.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final String place;
    private final Duration timeout;
    private final Slot[] slots =
            IntStream.range(0, SLOTS).mapToObj(slot -> new Slot()).toArray(Slot[]::new);
    private final BooleanSupplier noReader = this::isFree;
    private volatile boolean excluded;
    private volatile boolean awaited;

    /** When the changing thread last let waiting readers in. Only that thread uses this field. */
    private long yieldedNanos = System.nanoTime();

    /**
     * Creates a gate.
     *
     * @param place the folder of the store, for messages
     * @param timeout limits each wait of a reader and of a change
     */
    ReaderGate(String place, Duration timeout) {
        this.place = place;
        this.timeout = timeout;
    }

    private static final class Slot {
        private volatile @Nullable Object reader;
    }

    /** A thread within {@link #read}, and the slot that it has claimed, or last tried to claim. */
    private static final class Reader {
        private Slot slot;

        private Reader(Slot slot) {
            this.slot = slot;
        }
    }

    /**
     * Reads while nothing is changed.
     *
     * @param operation returns what the reader does, for messages, for example "load session/bob"
     * @throws BackendException a transient one, if a change has not ended within the timeout
     * @throws OperationInterruptedException if the thread was interrupted while it waited
     */
    <T extends @Nullable Object> T read(Supplier<String> operation, Supplier<T> reading) {
        Reader reader = new Reader(slots[0]);
        try {
            if (!enter(reader)) {
                awaitEntry(reader, operation.get());
            }
            return reading.get();
        } finally {
            // Without a call, which could fail.
            if (reader.slot.reader == reader) {
                reader.slot.reader = null;
            }
        }
    }

    private boolean enter(Reader reader) {
        int first = (int) Thread.currentThread().getId();
        for (int i = 0; i < SLOTS && !excluded; i++) {
            reader.slot = slots[(first + i) & (SLOTS - 1)];
            if (READER.compareAndSet(reader.slot, null, reader)) {
                if (!excluded) {
                    return true;
                }
                reader.slot.reader = null;
            }
        }
        return false;
    }

    private void awaitEntry(Reader reader, String operation) {
        awaited = true;
        Await.Outcome outcome = Await.until(
                new BooleanSupplier() {
                    @Override
                    public boolean getAsBoolean() {
                        return enter(reader);
                    }
                },
                timeout);
        if (outcome == Await.Outcome.TIMED_OUT) {
            throw BackendException.transientFailure(
                    place + ": could not " + operation + ": a change to MapDB's file has not ended within "
                            + timeout.toMillis() + " ms",
                    null);
        }
        if (outcome == Await.Outcome.INTERRUPTED) {
            throw new OperationInterruptedException(
                    place + " to " + operation + ", which waits for a change to MapDB's file to end");
        }
    }

    /**
     * Makes a change while no thread reads. Only the maintenance thread, a platform thread, calls this.
     *
     * @throws BackendException a transient one, if a reader has not ended within the timeout; nothing was changed
     */
    @SuppressWarnings("ThreadPriorityCheck") // A yield lets waiting readers in sooner, and nothing depends on it.
    void exclude(Runnable change) {
        if (awaited && System.nanoTime() - yieldedNanos > YIELD_EVERY_NANOS) {
            awaited = false;
            Thread.yield();
            yieldedNanos = System.nanoTime();
        }
        try {
            excluded = true;
            if (!Await.uninterruptibly(noReader, timeout)) {
                throw BackendException.transientFailure(
                        place + ": could not change MapDB's file: a read has not ended within " + timeout.toMillis()
                                + " ms",
                        null);
            }
            change.run();
        } finally {
            excluded = false;
        }
    }

    private boolean isFree() {
        for (Slot slot : slots) {
            if (slot.reader != null) {
                return false;
            }
        }
        return true;
    }
}
