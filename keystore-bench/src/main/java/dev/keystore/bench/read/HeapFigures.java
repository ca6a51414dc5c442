package dev.keystore.bench.read;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyStores;
import java.util.function.IntConsumer;
import org.openjdk.jol.info.GraphLayout;

/** What is on the heap for each entry that is cached, and for each context that does nothing. */
public final class HeapFigures {

    private static final int COUNT = 10_000;

    private HeapFigures() {}

    /** Returns the bytes of a cached entry, its key and its id included, less those of its value. */
    public static double bytesPerEntry() {
        try (SignalKeyStores stores = open()) {
            SignalKeyStore alice = stores.forContext("alice");
            double bytes = bytesPer(stores, n -> {
                String id = "1555%08d.1".formatted(n);
                alice.put(KeyTypes.SESSION, id, Hot.value(id));
            });
            return bytes - Hot.VALUE_BYTES;
        }
    }

    /** Returns the bytes of a context that was opened, its name included. */
    public static double bytesPerContext() {
        try (SignalKeyStores stores = open()) {
            return bytesPer(stores, n -> stores.forContext("account-" + n));
        }
    }

    private static SignalKeyStores open() {
        return SignalKeyStores.builder().backend(new ForgetfulBackend()).open();
    }

    private static double bytesPer(SignalKeyStores stores, IntConsumer add) {
        long before = bytes(stores);
        for (int n = 0; n < COUNT; n++) {
            add.accept(n);
        }
        return (double) (bytes(stores) - before) / COUNT;
    }

    /** Asks for the statistics first, which lets the cache do what it has put off. */
    private static long bytes(SignalKeyStores stores) {
        if (stores.stats().cachedBytes() > stores.options().maximumCacheBytes()) {
            throw new IllegalStateException("the cache is over its bound");
        }
        return GraphLayout.parseInstance(stores).totalSize();
    }
}
