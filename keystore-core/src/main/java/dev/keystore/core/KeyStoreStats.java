package dev.keystore.core;

/**
 * What a {@link SignalKeyDatabase} has done since it was opened.
 *
 * @param commits commits that were written
 * @param writes writes of the backend that carried them; on a backend with group commit each is one fsync
 * @param largestGroup the most commits that one write carried
 * @param retries how often a write was sent again, after a transient failure or to find out what became of it
 * @param conflicts how often an attempt of a transaction or of a single write ended in a conflict, at a read or at its
 *     commit, those included that were then run again; each attempt counts once
 * @param loads ids that were loaded from the backend
 * @param cachedBytes the weight of what is cached, in bytes, by the cache's own estimate
 */
public record KeyStoreStats(
        long commits, long writes, long largestGroup, long retries, long conflicts, long loads, long cachedBytes) {}
