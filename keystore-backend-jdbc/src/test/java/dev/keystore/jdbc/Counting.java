package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.Backend;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;

/** A chain of commits in one context: each increments a counter, and records under the new number who did so. */
final class Counting {

    static final String CONTEXT = "alice";

    private static final KeyType<byte[]> TYPE = KeyTypes.SESSION;
    private static final String LAST = "last";

    private Counting() {}

    static int count(SignalKeyStore store, int who) {
        return store.transaction("count", tx -> {
            int next = tx.find(TYPE, LAST).map(Counting::number).orElse(0) + 1;
            tx.put(TYPE, LAST, bytes(next));
            tx.put(TYPE, "count." + next, bytes(who));
            return next;
        });
    }

    /**
     * Returns who counted to each number according to a backend, without taking over the context; closes the backend.
     */
    static Map<Integer, Integer> counted(JdbcBackend backend) {
        return counted(backend, CONTEXT);
    }

    static Map<Integer, Integer> counted(JdbcBackend backend, String context) {
        Map<Integer, Integer> counted = new HashMap<>();
        Backend reading = FaultyBackend.plain(backend, new Faults());
        try (SignalKeyDatabase database =
                SignalKeyDatabase.builder().backend(reading).open()) {
            SignalKeyStore entries = database.forContext(context);
            int last = entries.find(TYPE, LAST).map(Counting::number).orElse(0);
            for (int i = 1; i <= last; i++) {
                counted.put(i, number(entries.find(TYPE, "count." + i).orElseThrow()));
            }
            try (Stream<String> ids = entries.ids(TYPE, "count.")) {
                assertThat(ids).as("numbers counted").hasSize(last);
            }
        }
        return counted;
    }

    private static byte[] bytes(int number) {
        return ByteBuffer.allocate(4).putInt(number).array();
    }

    private static int number(byte[] bytes) {
        return ByteBuffer.wrap(bytes).getInt();
    }
}
