package dev.keystore.bench;

import com.fasterxml.jackson.annotation.JsonIgnore;
import dev.keystore.bench.commit.CommitPeers;
import dev.keystore.bench.message.MessageBenchmark.Keys;
import dev.keystore.bench.read.Hot.Frequency;
import dev.keystore.bench.read.Hot.Room;
import dev.keystore.bench.read.ReadPeers;
import java.util.Map;
import java.util.TreeMap;

/**
 * One work, done by one peer, in one way.
 *
 * @param parameters what JMH is to set, but for the folder; the peer among them
 */
public record Variant(Work work, int threads, Map<String, String> parameters) {

    /** Copies and sorts the parameters. */
    public Variant {
        parameters = new TreeMap<>(parameters);
    }

    /** A read of what is cached. */
    public static Variant read(Work work, ReadPeers peer, Room room, Frequency frequency, int threads) {
        return new Variant(
                work, threads, Map.of("peer", peer.name(), "room", room.name(), "frequency", frequency.name()));
    }

    /** A read beside another thread that commits, or does not. */
    public static Variant besideCommits(boolean committing) {
        return new Variant(Work.READ_BESIDE_COMMITS, 1, Map.of("committing", String.valueOf(committing)));
    }

    /** A commit to a store that holds a number of entries in one context. */
    public static Variant commit(CommitPeers peer, int threads, int entries) {
        return commit(peer, threads, entries, 1);
    }

    /** A commit to a store that holds a number of entries in some contexts. */
    public static Variant commit(CommitPeers peer, int threads, int entries, int contexts) {
        return new Variant(
                Work.COMMIT,
                threads,
                Map.of(
                        "peer", peer.name(),
                        "entries", String.valueOf(entries),
                        "contexts", String.valueOf(contexts)));
    }

    /** A message. */
    public static Variant message(Keys keys) {
        return new Variant(Work.MESSAGE, 1, Map.of("peer", keys.name()));
    }

    /** A figure of the heap. */
    public static Variant heap(Work work) {
        return new Variant(work, 1, Map.of());
    }

    /** Returns the peer's constant, or Keystore's where there is no other. */
    public String peer() {
        return parameters.getOrDefault("peer", "KEYSTORE");
    }

    /** Returns whether it is of a peer that needs a server. */
    @JsonIgnore
    boolean isOnPostgres() {
        return work == Work.COMMIT && CommitPeers.valueOf(peer()).isOnPostgres();
    }

    /** Returns whether Keystore does it. */
    @JsonIgnore
    public boolean isKeystore() {
        return peer().startsWith("KEYSTORE");
    }

    @Override
    public String toString() {
        return work + ", " + threads + (threads == 1 ? " thread " : " threads ") + parameters;
    }
}
