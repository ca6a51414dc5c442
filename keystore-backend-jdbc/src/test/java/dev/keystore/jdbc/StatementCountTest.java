package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The statements of commits and reads on SQLite. Each COMMIT is one fsync, because of {@code synchronous=FULL}. */
class StatementCountTest {

    private final CountingStatements statements = new CountingStatements();
    private final List<String> executed = statements.executed();
    private JdbcBackend backend;

    @BeforeEach
    void open(@TempDir Path folder) {
        backend = SqliteFixture.open(folder.resolve("keys.db"));
        Objects.requireNonNull(backend.writer().handle()).setStatementBuilder(statements.cache());
    }

    /** Counts the statements of reads as well. A single thread always reads on the first connection. */
    private void countReads() {
        backend.queries().read("count", handle -> handle.setStatementBuilder(statements.cache()));
        statements.reset();
    }

    @AfterEach
    void close() {
        backend.close();
    }

    @Test
    void commit_ofATransactionThatWritesTwo_isTheOwnersRowAndOneUpsert() {
        try (SignalKeyDatabase database =
                SignalKeyDatabase.builder().backend(backend).open()) {
            SignalKeyStore alice = database.forContext("alice");
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
            assertThat(database.stats().writes()).isEqualTo(3);
        }
    }

    @Test
    void commit_ofAGroup_upsertsSixteenRowsAtOnce() {
        List<Batch> group = group(20);
        executed.clear();
        backend.commit(group);

        assertThat(executed)
                .startsWith("BEGIN")
                .endsWith("COMMIT")
                .filteredOn(verb -> verb.equals("INSERT"))
                .hasSize(3);
        assertThat(executed).filteredOn(verb -> verb.equals("UPDATE")).hasSize(20);
        assertThat(executed).filteredOn(verb -> verb.equals("DELETE")).hasSize(20);
        assertThat(executed).hasSize(45);
        assertThat(backend.list("account-19")).hasSize(2);
    }

    @Test
    void takeOverEach_ofManyContexts_isOneTransaction() {
        List<String> contexts =
                IntStream.range(0, 100).mapToObj(n -> "account-" + n).toList();
        executed.clear();

        assertThat(backend.takeOverEach(contexts, false)).hasSize(100);

        assertThat(executed).startsWith("BEGIN").endsWith("COMMIT");
        assertThat(executed).filteredOn("COMMIT"::equals).hasSize(1);
    }

    /** Sixteen entries suffice to find out whether there are any; the rest is read in pages of 256. */
    @Test
    void list_readsAShortPageFirst() {
        List<Mutation> puts = IntStream.range(0, 100)
                .<Mutation>mapToObj(n -> new Mutation.Put("session", "bob." + n, new byte[] {1}))
                .toList();
        backend.commit(List.of(new Batch("alice", 0, 0, puts)));
        countReads();

        assertThat(backend.list("alice").findAny()).isPresent();
        assertThat(executed).containsExactly("SELECT");
        executed.clear();

        assertThat(backend.list("alice")).hasSize(100).doesNotHaveDuplicates();
        assertThat(executed).containsExactly("SELECT", "SELECT");
        assertThat(statements.prepared()).hasSize(1);
    }

    @Test
    void load_again_preparesNothing() {
        backend.save("alice", "session", "bob.1", new byte[] {1});
        countReads();

        for (int n = 0; n < 3; n++) {
            assertThat(backend.load("alice", "session", "bob.1")).isPresent();
            assertThat(backend.load("alice", "session", "bob." + (n + 2))).isEmpty();
        }
        assertThat(executed).hasSize(6).containsOnly("SELECT");
        assertThat(statements.prepared()).hasSize(1);
    }

    @Test
    void loadAll_readsOneSnapshot_andPreparesNothingNew() {
        backend.save("alice", "session", "bob.1", new byte[] {1});
        backend.save("alice", "session", "bob.2", new byte[] {2});
        countReads();

        for (int n = 0; n < 3; n++) {
            assertThat(backend.loadAll("alice", "session", List.of("bob.1", "bob.2", "bob.3")))
                    .containsOnlyKeys("bob.1", "bob.2");
            assertThat(executed).containsExactly("BEGIN", "SELECT", "SELECT", "SELECT", "COMMIT");
            executed.clear();
        }
        assertThat(statements.prepared()).hasSize(3);
    }

    /** Returns a group with one batch for each of so many contexts, all of which have an owner. */
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
