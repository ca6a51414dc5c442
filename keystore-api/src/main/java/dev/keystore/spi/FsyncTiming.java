package dev.keystore.spi;

import java.util.function.LongConsumer;

/**
 * A backend that measures how long its writes wait for the disk, for metrics (R100).
 *
 * <p>Only fsyncs that a writing thread waits for count, not those of checkpoints and other background work. A database
 * on another machine forces its log itself: a backend that cannot tell that time apart from the rest of its commit does
 * not implement this interface.
 */
public interface FsyncTiming {

    /**
     * Sets the receiver of the times. The engine calls this method once at most, before its first write; until then,
     * nobody receives them.
     *
     * <p>The backend calls the receiver on the thread that writes, after the fsync and before the write returns, once
     * for each fsync that has made a write durable. Where the database forces its log at the end of a longer call, as
     * in the {@code COMMIT} of SQLite, the time of that call is received.
     *
     * @param nanos receives the time of an fsync in nanoseconds, at least 0. It is thread-safe, returns promptly and
     *     throws nothing
     */
    void reportFsyncs(LongConsumer nanos);
}
