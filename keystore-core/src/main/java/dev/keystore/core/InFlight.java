package dev.keystore.core;

import dev.keystore.OperationInterruptedException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Something that a thread is doing to one or more keys which others may have to wait for: a load, or the write of a
 * group. When it is over, its waiters take its entry if it has one, throw its failure if it has one, or look again.
 */
final class InFlight {

    /** The thread that loads; it may load several keys. */
    static final class Loader {

        private final boolean virtual = VirtualThreads.isVirtual(Thread.currentThread());

        /** Set by the thread when it leaves its load; a field, since a thread that has no stack left can still write it. */
        volatile boolean gone;
    }

    private final CountDownLatch over = new CountDownLatch(1);
    private final @Nullable Loader loader;

    /** The load that this one stands in place of, since that took too long. */
    private final @Nullable InFlight inPlaceOf;

    private @Nullable Entry entry;
    private @Nullable RuntimeException failure;

    private InFlight(@Nullable Loader loader, @Nullable InFlight inPlaceOf) {
        this.loader = loader;
        this.inPlaceOf = inPlaceOf;
    }

    static InFlight load(Loader loader) {
        return new InFlight(loader, null);
    }

    static InFlight loadInPlaceOf(InFlight other, Loader loader) {
        return new InFlight(loader, other);
    }

    static InFlight write() {
        return new InFlight(null, null);
    }

    /** Returns whether this is another one, or a load in place of it: no write came between then. */
    boolean standsFor(InFlight other) {
        InFlight former = this;
        while (former != null && former != other) {
            former = former.inPlaceOf;
        }
        return former != null;
    }

    /** Sets what waiters take. */
    void found(Entry loaded) {
        entry = loaded;
    }

    /** Sets what waiters throw. */
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
        over.countDown();
    }

    /** Returns whether it is a load of a virtual thread, which may not get a carrier while others wait for it. */
    boolean isLoadOfVirtualThread() {
        return loader != null && loader.virtual;
    }

    /** Returns whether it is a load whose thread has left it. */
    boolean isDeserted() {
        return loader != null && loader.gone;
    }

    /**
     * Waits until it is over.
     *
     * @return whether it is over; false if the time has passed
     * @throws OperationInterruptedException if the thread is interrupted, which keeps its flag
     */
    boolean await(EntryKey key, long nanos) {
        try {
            return over.await(nanos, TimeUnit.NANOSECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new OperationInterruptedException("entry " + key.entryId());
        }
    }

    /**
     * Returns what came of it, once it is over.
     *
     * @return the entry loaded, or null if the caller has to look again
     */
    @Nullable
    Entry result() {
        if (failure != null) {
            throw failure;
        }
        return entry;
    }
}
