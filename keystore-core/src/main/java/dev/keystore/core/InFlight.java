package dev.keystore.core;

import dev.keystore.spi.support.PlatformThreads;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A load, or the write of a group, that is in progress on one or more keys and that other threads may have to wait for.
 *
 * <p>Concurrency: its thread records the {@link Result}, then calls {@link #complete}; the result is then visible to
 * every thread for which {@link #await} returned true.
 */
final class InFlight {

    /** The outcome for the threads that waited. */
    sealed interface Result {

        /** A write ended, a load was displaced by one, or only the loading thread was interrupted: look again. */
        Result LOOK_AGAIN = new LookAgain();

        /** A load found this entry, which may say that the key does not exist. */
        record Found(Entry entry) implements Result {}

        /** A load failed. */
        record Failed(RuntimeException failure) implements Result {}

        /** See {@link #LOOK_AGAIN}. */
        record LookAgain() implements Result {}
    }

    /** The thread that loads. It may load several keys at once. */
    static final class Loader {

        private final boolean virtual = PlatformThreads.isVirtual(Thread.currentThread());

        /** Set by the thread when it leaves its load. A plain field write, which needs no stack (R31). */
        volatile boolean gone;
    }

    private final CountDownLatch ended = new CountDownLatch(1);
    private final @Nullable Loader loader;
    private final @Nullable InFlight replaced;

    /** What threads that waited do if the thread that loads or writes ends without having recorded anything. */
    private Result result = Result.LOOK_AGAIN;

    private InFlight(@Nullable Loader loader, @Nullable InFlight replaced) {
        this.loader = loader;
        this.replaced = replaced;
    }

    static InFlight forLoad(Loader loader) {
        return new InFlight(loader, null);
    }

    /** Returns a load that another thread starts because {@code slow} takes too long. */
    static InFlight forLoadReplacing(InFlight slow, Loader loader) {
        return new InFlight(loader, slow);
    }

    static InFlight forWrite() {
        return new InFlight(null, null);
    }

    /** Returns whether this is {@code other} or has replaced it, so that no write has displaced it. */
    boolean isOrReplaces(InFlight other) {
        InFlight former = this;
        while (former != null && former != other) {
            former = former.replaced;
        }
        return former != null;
    }

    /**
     * Returns whether it is a load of a virtual thread, which may not get a carrier while platform threads wait for it.
     */
    boolean isLoadOfVirtualThread() {
        return loader != null && loader.virtual;
    }

    /** Returns whether it is a load whose thread has left it. */
    boolean isAbandoned() {
        return loader != null && loader.gone;
    }

    /** Records the outcome of a load. Called by its thread. */
    void record(Result outcome) {
        result = outcome;
    }

    /** Ends it, and wakes the threads that wait for it. */
    void complete() {
        ended.countDown();
    }

    /**
     * Waits until it is ended.
     *
     * @return false if it is still in progress after {@code nanos}
     */
    boolean await(long nanos) throws InterruptedException {
        return ended.await(nanos, TimeUnit.NANOSECONDS);
    }

    /** Returns the outcome. Called by other threads once {@link #await} has returned true. */
    Result result() {
        return result;
    }
}
