package dev.keystore.bench.read;

import java.util.function.LongFunction;

/** What is read from: Keystore, and what people would use instead. */
@SuppressWarnings("ImmutableEnumChecker") // the openers hold nothing
public enum ReadPeers {
    /** A store over a backend in memory; values are copied on their way out. */
    KEYSTORE("Keystore", KeystoreRead::ofBytes),
    /** A store over a backend in memory; values are immutable, and not copied. */
    KEYSTORE_IMMUTABLE("Keystore, immutable values", KeystoreRead::ofStrings),
    /** A map without a bound; values are handed out uncopied. */
    MAP("ConcurrentHashMap, no bound, no copy", budgetBytes -> new MapRead()),
    /** A cache of as many entries as there are; values are handed out uncopied. */
    CAFFEINE("Caffeine, bound by weight, no copy", budgetBytes -> new CaffeineRead(budgetBytes, false)),
    /** What a careful user writes. */
    CAFFEINE_COPY("Caffeine, bound by weight, copies", budgetBytes -> new CaffeineRead(budgetBytes, true)),
    /** The same with Guava's cache. */
    GUAVA_COPY("Guava cache, bound by weight, copies", GuavaRead::new);

    private final String title;
    private final LongFunction<ReadPeer> opener;

    ReadPeers(String title, LongFunction<ReadPeer> opener) {
        this.title = title;
        this.opener = opener;
    }

    /** Returns what it is called in a table. */
    public String title() {
        return title;
    }

    ReadPeer open(long budgetBytes) {
        return opener.apply(budgetBytes);
    }
}
