package dev.keystore.core;

/**
 * Counters of a {@link SignalKeyDatabase} since it was opened.
 *
 * @param commits number of commits written
 * @param writes number of backend writes that contained them; on a backend with group commit, each takes one fsync
 * @param largestGroup largest number of commits in one write
 * @param retries number of writes sent again, after a transient failure or because the outcome was unknown
 * @param conflicts number of attempts of transactions and single writes that ended in a conflict, at a read or at the
 *     commit, including those that were then retried
 * @param loads number of ids loaded from the backend
 * @param cachedBytes estimated current size of the cache, in bytes
 */
public record KeyStoreStats(
        long commits, long writes, long largestGroup, long retries, long conflicts, long loads, long cachedBytes) {}
