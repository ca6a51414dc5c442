package dev.keystore.core;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.Updates;
import dev.keystore.spi.Backend;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.MemoryBackend;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;

/** A database on a backend in memory that fails as the test demands. */
abstract class OpenedDatabase {

    final Faults faults = new Faults();
    final MemoryBackend memory = new MemoryBackend();
    SignalKeyDatabase database;
    SignalKeyStore alice;

    /** Opens what {@link #memory} holds, with an empty cache, on a backend with group commit and without ownership. */
    void open(UnaryOperator<SignalKeyDatabase.Builder> options) {
        open(FaultyBackend.grouping(memory.reopen(), faults), options);
    }

    void open(Backend backend, UnaryOperator<SignalKeyDatabase.Builder> options) {
        closeDatabase();
        database = options.apply(SignalKeyDatabase.builder().backend(backend)).open();
        alice = database.forContext("alice");
        faults.forgetCalls();
    }

    @AfterEach
    void closeDatabase() {
        faults.heal();
        if (database != null) {
            database.close();
        }
    }

    void put(String id, String value) {
        alice.put(KeyTypes.SESSION, id, value.getBytes(UTF_8));
    }

    String session(String id) {
        return alice.find(KeyTypes.SESSION, id)
                .map(value -> new String(value, UTF_8))
                .orElse("absent");
    }

    /** Writes one value under two ids, as one commit. */
    void putBoth(String first, String second, String value) {
        Updates both = new Updates();
        both.put(KeyTypes.SESSION, first, value.getBytes(UTF_8));
        both.put(KeyTypes.SESSION, second, value.getBytes(UTF_8));
        alice.set(both);
    }

    /** Returns what the backend holds, read without the cache. */
    String persisted(String id) {
        try (SignalKeyDatabase others = SignalKeyDatabase.builder()
                .backend(FaultyBackend.plain(memory.reopen(), new Faults()))
                .open()) {
            return others.forContext("alice")
                    .find(KeyTypes.SESSION, id)
                    .map(value -> new String(value, UTF_8))
                    .orElse("absent");
        }
    }

    /** Reads the size of the cache, so that pending evictions are done. */
    void evict() {
        database.stats();
    }
}
