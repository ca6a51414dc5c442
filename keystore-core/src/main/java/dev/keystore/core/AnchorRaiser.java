package dev.keystore.core;

import dev.keystore.KeyStoreException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The daemon thread that raises the freshness anchor, for many contexts in one write. It waits for
 * {@link #GATHER_NANOS} after the first request, so that contexts that are opened one after another share writes.
 *
 * <p>While the anchor is out of reach, commits continue. It is tried again after pauses of 1 s to 1 min, and each
 * series of failures is logged once. A context that cannot be read is logged once as well; it is tried again with the
 * next ones, and delays none of them. {@link #close} makes a last attempt, for all contexts that the anchor is behind.
 */
final class AnchorRaiser {

    private static final Logger LOG = LoggerFactory.getLogger(AnchorRaiser.class);
    private static final int CONTEXTS_PER_WRITE = 1_024;
    private static final long CHECK_NANOS = TimeUnit.SECONDS.toNanos(60);
    static final long GATHER_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final long FIRST_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

    private final Function<List<ContextFreshness>, Map<ContextFreshness, KeyStoreException>> write;
    private final Set<ContextFreshness> requested = ConcurrentHashMap.newKeySet();
    private final Set<ContextFreshness> known = ConcurrentHashMap.newKeySet();

    /** The contexts that could not be read when they were tried last. Only the thread uses this and the next set. */
    private final Set<ContextFreshness> unreadable = new HashSet<>();

    private final Set<ContextFreshness> reported = new HashSet<>();
    private final Thread thread = new Thread(this::run, "keystore-anchor");
    private volatile boolean closing;

    /**
     * Creates it; the thread is not started.
     *
     * @param write raises the anchor for the contexts of a list, and returns those that cannot be read
     */
    AnchorRaiser(Function<List<ContextFreshness>, Map<ContextFreshness, KeyStoreException>> write) {
        this.write = write;
    }

    void start() {
        thread.setDaemon(true);
        thread.start();
    }

    /** Requests that the anchor be raised for a context. Called by the leader; does not block. */
    void request(ContextFreshness context) {
        known.add(context);
        requested.add(context);
        LockSupport.unpark(thread);
    }

    /** No longer raises the anchor for a context, which has another owner. */
    void forget(ContextFreshness context) {
        known.remove(context);
        requested.remove(context);
    }

    private void run() {
        long pauseNanos = 0;
        while (!closing) {
            if (requested.isEmpty() || pauseNanos > 0) {
                LockSupport.parkNanos(this, pauseNanos > 0 ? pauseNanos : CHECK_NANOS);
                Thread.interrupted();
            }
            gather();
            requested.addAll(unreadable);
            unreadable.clear();
            if (!closing && raise(requested, pauseNanos == 0)) {
                if (pauseNanos > 0) {
                    LOG.info("The freshness anchor was raised again");
                }
                pauseNanos = 0;
            } else {
                pauseNanos = Math.min(CHECK_NANOS, Math.max(FIRST_PAUSE_NANOS, 2 * pauseNanos));
            }
        }
        known.removeIf(context -> !context.isAhead());
        requested.addAll(known);
        boolean raised = true;
        while (raised && !requested.isEmpty()) {
            raised = raise(requested, true);
        }
    }

    /** Waits for further requests if there is one. */
    private void gather() {
        long deadlineNanos = System.nanoTime() + GATHER_NANOS;
        long leftNanos = requested.isEmpty() ? 0 : GATHER_NANOS;
        while (!closing && leftNanos > 0) {
            LockSupport.parkNanos(this, leftNanos);
            Thread.interrupted();
            leftNanos = deadlineNanos - System.nanoTime();
        }
    }

    /**
     * Raises the anchor for as many contexts as there are in the set now, and removes those from it. Others that are
     * requested meanwhile wait for the next time. Returns false if that failed.
     */
    private boolean raise(Set<ContextFreshness> contexts, boolean warn) {
        for (int left = contexts.size(); left > 0 && !contexts.isEmpty(); left -= CONTEXTS_PER_WRITE) {
            List<ContextFreshness> batch = new ArrayList<>();
            for (ContextFreshness context : contexts) {
                if (batch.size() < CONTEXTS_PER_WRITE) {
                    batch.add(context);
                }
            }
            // Before the write: a context that is requested meanwhile is raised again.
            batch.forEach(contexts::remove);
            try {
                write.apply(batch).forEach(this::recordUnreadable);
            } catch (RuntimeException | Error e) {
                contexts.addAll(batch);
                if (warn) {
                    LOG.warn(
                            "The freshness anchor could not be raised; commits continue, and it is tried again. Until"
                                    + " it succeeds, a copy of the store that is put back may not be recognised",
                            e);
                }
                return false;
            }
        }
        return true;
    }

    private void recordUnreadable(ContextFreshness context, KeyStoreException reason) {
        unreadable.add(context);
        if (reported.add(context)) {
            LOG.warn(
                    "The freshness anchor could not be raised for one context, which cannot be read; it is tried again."
                            + " Until it succeeds, a copy of it that is put back may not be recognised",
                    reason);
        }
    }

    /** Makes the last attempt, and returns when it has ended, or at the deadline. Waits uninterruptibly. */
    void close(long deadlineNanos) {
        closing = true;
        LockSupport.unpark(thread);
        boolean interrupted = false;
        while (thread.isAlive() && deadlineNanos - System.nanoTime() > 0) {
            try {
                TimeUnit.NANOSECONDS.timedJoin(thread, deadlineNanos - System.nanoTime());
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (thread.isAlive()) {
            LOG.warn("The freshness anchor was not raised before the database was closed: it did not answer in time");
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
