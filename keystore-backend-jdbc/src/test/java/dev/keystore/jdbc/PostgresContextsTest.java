package dev.keystore.jdbc;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.KeyTypes;
import dev.keystore.core.SignalKeyDatabase;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

final class PostgresContextsTest {

    private static final int THREADS = 16;

    @Test
    @Timeout(120)
    @DisplayName("R52 a thousand contexts of one process share ten connections; each reads its own writes")
    void contexts_thousand() throws Exception {
        contexts(1_000);
    }

    @Test
    @Tag("long")
    @Timeout(600)
    @DisplayName("R52 ten thousand contexts of one process share ten connections")
    void contexts_tenThousand() throws Exception {
        contexts(10_000);
    }

    private static void contexts(int contexts) throws Exception {
        String schema = PostgresFixture.newSchema();
        try (SignalKeyDatabase database = SignalKeyDatabase.open(PostgresFixture.url(schema))) {
            inParallel(contexts, number -> {
                byte[] value = Integer.toString(number).getBytes(UTF_8);
                database.forContext("account-" + number).put(KeyTypes.SESSION, "bob.1", value);
            });
            assertThat(PostgresFixture.connections(schema)).isBetween(1, 10);
        }
        try (SignalKeyDatabase database = SignalKeyDatabase.open(PostgresFixture.url(schema))) {
            for (int number : List.of(0, 1, contexts / 2, contexts - 1)) {
                assertThat(database.forContext("account-" + number).find(KeyTypes.SESSION, "bob.1"))
                        .hasValue(Integer.toString(number).getBytes(UTF_8));
            }
        }
    }

    private interface Numbered {
        void run(int number);
    }

    private static void inParallel(int count, Numbered work) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try {
            List<Future<?>> running = new ArrayList<>();
            for (int thread = 0; thread < THREADS; thread++) {
                int first = thread;
                running.add(threads.submit(() -> {
                    for (int number = first; number < count; number += THREADS) {
                        work.run(number);
                    }
                }));
            }
            for (Future<?> one : running) {
                one.get();
            }
        } finally {
            threads.shutdown();
        }
    }
}
