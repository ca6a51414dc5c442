package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyStores;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jdbi.v3.core.statement.SqlLogger;
import org.jdbi.v3.core.statement.SqlStatements;
import org.jdbi.v3.core.statement.StatementContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which statements a commit takes on SQLite. Each COMMIT is one fsync, since {@code synchronous=FULL}. */
class StatementCountTest {

    private final List<String> executed = new ArrayList<>();
    private JdbcBackend backend;

    @BeforeEach
    void open(@TempDir Path folder) {
        backend = Sqlite.open(folder.resolve("keys.db"));
        backend.writer().handle().getConfig(SqlStatements.class).setSqlLogger(new SqlLogger() {
            @Override
            public void logAfterExecution(StatementContext context) {
                executed.add(context.getRenderedSql().strip().split("\\s+", 2)[0]);
            }
        });
    }

    @AfterEach
    void close() {
        backend.close();
    }

    @Test
    void commit_ofATransactionThatWritesTwo_isTheOwnersRowAndOneBatchOfUpserts() {
        try (SignalKeyStores stores = SignalKeyStores.builder().backend(backend).open()) {
            SignalKeyStore alice = stores.forContext("alice");
            for (int n = 0; n < 3; n++) {
                executed.clear();
                byte next = (byte) n;
                alice.transaction("session:bob.1", tx -> {
                    tx.find(KeyTypes.SESSION, "bob.1");
                    tx.put(KeyTypes.SESSION, "bob.1", new byte[] {next});
                    tx.put(KeyTypes.SENDER_KEY, "bob.1", new byte[] {next});
                    return tx;
                });
                assertThat(executed).containsExactly("BEGIN", "UPDATE", "INSERT", "COMMIT");
            }
            assertThat(stores.stats().writes()).isEqualTo(3);
        }
    }

    @Test
    void commit_ofAGroupOfPutsAndDeletes_isOneBatchOfEach() {
        List<Batch> group = group(16);
        executed.clear();
        backend.commit(group);

        assertThat(executed).containsExactly("BEGIN", "UPDATE", "INSERT", "DELETE", "COMMIT");
    }

    /** Else the driver would clear the room of the largest batch there ever was, after each later one. */
    @Test
    void commit_ofALargeGroup_isBatchesOfSixtyFourRows() {
        List<Batch> group = group(100);
        executed.clear();
        backend.commit(group);

        assertThat(executed)
                .containsExactly(
                        "BEGIN", "UPDATE", "INSERT", "INSERT", "INSERT", "INSERT", "DELETE", "DELETE", "COMMIT");
        assertThat(backend.list("account-99")).hasSize(2);
    }

    /** A group over as many contexts, each of which has an owner. */
    private List<Batch> group(int size) {
        return IntStream.range(0, size)
                .mapToObj(n -> new Batch(
                        "account-" + n,
                        backend.takeOver("account-" + n),
                        1,
                        List.of(
                                new Mutation.Put("session", "bob.1", new byte[] {1}),
                                new Mutation.Put("sender-key", "bob.1", new byte[] {1}),
                                new Mutation.Delete("pre-key", "17"))))
                .toList();
    }
}
