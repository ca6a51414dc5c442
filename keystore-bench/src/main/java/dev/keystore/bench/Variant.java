package dev.keystore.bench;

import com.fasterxml.jackson.annotation.JsonIgnore;
import dev.keystore.bench.commit.CommitPeers;
import dev.keystore.bench.message.MessageBenchmark.Keys;
import dev.keystore.bench.read.HotEntries.Distribution;
import dev.keystore.bench.read.HotEntries.Room;
import dev.keystore.bench.read.ReadPeers;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * A workload with all that varies: the peer, the number of threads and JMH's parameters.
 *
 * @param workload what is measured
 * @param threads the number of threads that run it
 * @param parameters JMH's parameters by name, including the peer, except for the folder
 */
public record Variant(Workload workload, int threads, Map<String, String> parameters) {

    private static final String DELAY = "fsyncDelayMicros";

    /** Copies and sorts the parameters. */
    public Variant {
        parameters = new TreeMap<>(parameters);
    }

    /** Returns a variant that reads cached entries. */
    public static Variant read(Workload workload, ReadPeers peer, Room room, Distribution distribution, int threads) {
        return new Variant(
                workload,
                threads,
                Map.of("peer", peer.name(), "room", room.name(), "distribution", distribution.name()));
    }

    /** Returns a variant that reads while another thread commits, or doesn't. */
    public static Variant duringCommits(boolean committing) {
        return new Variant(Workload.READ_DURING_COMMITS, 1, Map.of("committing", String.valueOf(committing)));
    }

    /** Returns a variant that commits to a store of the given size with one context. */
    public static Variant commit(CommitPeers peer, int threads, int entries) {
        return commit(peer, threads, entries, 1);
    }

    /** Returns a variant that commits to a store of the given size and number of contexts. */
    public static Variant commit(CommitPeers peer, int threads, int entries, int contexts) {
        return new Variant(
                Workload.COMMIT,
                threads,
                Map.of(
                        "peer", peer.name(),
                        "entries", String.valueOf(entries),
                        "contexts", String.valueOf(contexts)));
    }

    /** Returns a variant that commits to a store on a file system in memory, with each fsync delayed. */
    public static Variant delayedCommit(CommitPeers peer, int threads, int entries, int delayMicros) {
        Map<String, String> parameters = new TreeMap<>(commit(peer, threads, entries).parameters);
        parameters.put(DELAY, String.valueOf(delayMicros));
        return new Variant(Workload.COMMIT_DELAYED, threads, parameters);
    }

    /** Returns a variant that reads ids that are not cached. */
    public static Variant coldRead(Workload workload, CommitPeers peer, int entries) {
        return new Variant(workload, 1, Map.of("peer", peer.name(), "entries", String.valueOf(entries)));
    }

    /** Returns a variant that encrypts and decrypts messages. */
    public static Variant message(Workload workload, Keys keys, int threads) {
        return new Variant(workload, threads, Map.of("peer", keys.name()));
    }

    /** Returns a variant that measures heap. */
    public static Variant heap(Workload workload) {
        return new Variant(workload, 1, Map.of());
    }

    /** Returns the name of the peer's constant. Workloads without peers measure Keystore. */
    public String peer() {
        return parameters.getOrDefault("peer", "KEYSTORE");
    }

    /** Returns the delay of each fsync in microseconds; 0 if there is none. */
    public int fsyncDelayMicros() {
        return Integer.parseInt(parameters.getOrDefault(DELAY, "0"));
    }

    /** Returns whether its peer needs the PostgreSQL server. */
    @JsonIgnore
    boolean isOnPostgres() {
        return workload.hasCommitPeers() && CommitPeers.valueOf(peer()).isOnPostgres();
    }

    /**
     * Returns what it has in common with the variants that it is compared with, which are measured one after the other:
     * a benchmark, its parameters except for the peer, and one thread or several.
     */
    @JsonIgnore
    String family() {
        Map<String, String> common = new TreeMap<>(parameters);
        common.keySet().removeAll(Set.of("peer", "committing"));
        return workload.benchmark() + common + (threads == 1) + isOnPostgres();
    }

    /** Returns whether it measures Keystore. */
    @JsonIgnore
    public boolean isKeystore() {
        return peer().startsWith("KEYSTORE");
    }

    /** Returns whether it measures Keystore with metrics. */
    @JsonIgnore
    boolean isMetered() {
        return peer().endsWith("_METERED");
    }

    @Override
    public String toString() {
        return workload + ", " + threads + (threads == 1 ? " thread " : " threads ") + parameters;
    }
}
