package dev.keystore.bench.read;

import java.util.function.LongFunction;

/** The caches that are compared: Keystore's, and what people would use instead. */
@SuppressWarnings("ImmutableEnumChecker") // the openers have no state
public enum ReadPeers {
    /** A store on an in-memory backend that returns copies of its values. */
    KEYSTORE("Keystore", KeystoreRead::ofBytes),
    /** The same with metrics. */
    KEYSTORE_METERED("Keystore, with Micrometer", KeystoreRead::metered),
    /** The same with encryption on: its cache holds what was decrypted. */
    KEYSTORE_ENCRYPTED("Keystore, encrypted", KeystoreRead::encrypted),
    /** A store on an in-memory backend with immutable values, which are not copied. */
    KEYSTORE_IMMUTABLE("Keystore, immutable values", KeystoreRead::ofStrings),
    /** An unbounded map that returns its values without copying. */
    MAP("ConcurrentHashMap, no bound, no copy", budgetBytes -> new MapRead(false)),
    /** The least that a read of a copy takes: nothing is evicted, and no commit can change the map. */
    MAP_COPY("ConcurrentHashMap, no bound, copies", budgetBytes -> new MapRead(true)),
    /** A bounded cache that returns its values without copying. */
    CAFFEINE("Caffeine, bound by weight, no copy", budgetBytes -> new CaffeineRead(budgetBytes, false)),
    /** What a careful user would write: a bounded cache that returns copies. */
    CAFFEINE_COPY("Caffeine, bound by weight, copies", budgetBytes -> new CaffeineRead(budgetBytes, true)),
    /** The same with Guava's cache. */
    GUAVA_COPY("Guava cache, bound by weight, copies", GuavaRead::new);

    private final String title;
    private final LongFunction<ReadPeer> opener;

    ReadPeers(String title, LongFunction<ReadPeer> opener) {
        this.title = title;
        this.opener = opener;
    }

    /** Returns its name in the tables. */
    public String title() {
        return title;
    }

    ReadPeer open(long budgetBytes) {
        return opener.apply(budgetBytes);
    }
}
