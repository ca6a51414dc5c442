package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyTypes;
import dev.keystore.OwnershipLostException;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendException.Kind;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import dev.keystore.testkit.FailureAssertions;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The single statement that commits a group, and the transaction that does so where that is not possible. */
@Timeout(120)
final class PostgresCommitTest {

    private final String schema = PostgresFixture.newSchema();
    private final CountingStatements statements = new CountingStatements();
    private final List<String> executed = statements.executed();
    private JdbcBackend backend;

    @BeforeEach
    void open() {
        backend = PostgresFixture.open(PostgresFixture.url(schema) + RoundTrips.OPTION);
        backend.writer().handle().setStatementBuilder(statements.cache());
    }

    @AfterEach
    void close() {
        backend.close();
    }

    private static Batch batch(String context, long epoch, long sequence, Mutation... mutations) {
        return new Batch(context, epoch, sequence, List.of(mutations));
    }

    private static Mutation put(String id, int value) {
        return new Mutation.Put("session", id, new byte[] {(byte) value});
    }

    /** Returns a group with one batch for each of so many contexts, all of which have an owner. */
    private List<Batch> group(int size) {
        return IntStream.range(0, size)
                .mapToObj(n -> batch(
                        "account-" + n,
                        backend.takeOver("account-" + n),
                        1,
                        put("bob.1", n),
                        put("bob.2", n),
                        new Mutation.Delete("pre-key", "17")))
                .toList();
    }

    private void commit(List<Batch> group) {
        executed.clear();
        RoundTrips.sinceLast();
        backend.commit(group);
    }

    @Test
    void commit_ofATransactionThatWritesTwo_isOneRoundTrip() {
        try (SignalKeyDatabase database =
                SignalKeyDatabase.builder().backend(backend).open()) {
            SignalKeyStore alice = database.forContext("alice");
            alice.find(KeyTypes.SESSION, "bob.1");
            // From its fifth execution on, the statement is prepared by the server.
            for (int n = 0; n < 8; n++) {
                executed.clear();
                RoundTrips.sinceLast();
                byte next = (byte) n;
                alice.transaction("session:bob.1", tx -> {
                    tx.find(KeyTypes.SESSION, "bob.1");
                    tx.put(KeyTypes.SESSION, "bob.1", new byte[] {next});
                    tx.put(KeyTypes.SENDER_KEY, "bob.1", new byte[] {next});
                    return tx;
                });
                assertThat(executed).containsExactly("WITH");
                assertThat(RoundTrips.sinceLast()).isEqualTo(1);
            }
            assertThat(database.stats().writes()).isEqualTo(8);
        }
    }

    @Test
    void commit_ofAGroupOfPutsAndDeletes_isOneRoundTrip() {
        backend.save("account-3", "pre-key", "17", new byte[] {1});
        commit(group(100));

        assertThat(executed).containsExactly("WITH");
        assertThat(RoundTrips.sinceLast()).isEqualTo(1);
        assertThat(backend.list("account-3")).hasSize(2);
        assertThat(backend.load("account-99", "session", "bob.2")).hasValue(new byte[] {99});
    }

    @Test
    void commit_thatOnlyDeletes_orWritesNothing_isOneRoundTrip() {
        long epoch = backend.takeOver("alice");
        backend.save("alice", "pre-key", "17", new byte[] {1});
        commit(List.of(batch("alice", epoch, 1, new Mutation.Delete("pre-key", "17"))));
        assertThat(RoundTrips.sinceLast()).isEqualTo(1);
        commit(List.of(batch("alice", epoch, 2)));

        assertThat(executed).containsExactly("WITH");
        assertThat(RoundTrips.sinceLast()).isEqualTo(1);
        assertThat(backend.list("alice")).isEmpty();
    }

    @Test
    void commit_withAClear_isATransaction() {
        long epoch = backend.takeOver("alice");
        backend.save("alice", "session", "old", new byte[] {1});
        commit(List.of(batch("alice", epoch, 1, new Mutation.Clear(Set.of()), put("bob.1", 1))));

        // BEGIN is sent with the first statement.
        assertThat(executed).containsExactly("UPDATE", "DELETE", "INSERT");
        assertThat(RoundTrips.sinceLast()).isEqualTo(4);
        assertThat(backend.list("alice")).hasSize(1);
    }

    @Test
    @DisplayName("R53 if the ownership of one context of a group is lost, nothing of the group is written, no commit id"
            + " either")
    void commit_oneContextLost_writesNothing() {
        List<Batch> group = group(16);
        backend.takeOver("account-7");

        assertThatThrownBy(() -> commit(group))
                .isInstanceOfSatisfying(
                        OwnershipLostException.class,
                        lost -> assertThat(lost.context()).isEqualTo("account-7"));

        assertThat(executed).containsExactly("WITH", "UPDATE", "SELECT");
        group.forEach(batch -> assertThat(backend.list(batch.context())).isEmpty());
        List<Batch> others = group.stream()
                .filter(batch -> !batch.context().equals("account-7"))
                .toList();
        commit(others);
        assertThat(executed).containsExactly("WITH");
        others.forEach(batch -> assertThat(backend.list(batch.context())).hasSize(2));
    }

    @Test
    @DisplayName(
            "R53 a batch without an epoch is refused if its context has an owner, and so are the other batches of its"
                    + " group")
    void commit_ofNobody_isRefused() {
        List<Batch> group = new ArrayList<>(group(2));
        backend.takeOver("alice");
        group.add(batch("alice", 0, 1, put("bob.1", 1)));

        assertThatThrownBy(() -> commit(group)).isInstanceOf(OwnershipLostException.class);

        group.forEach(batch -> assertThat(backend.list(batch.context())).isEmpty());
    }

    @Test
    @DisplayName("R54 a group that is sent again with the same ids is not written again")
    void commit_sentAgain_isNotWrittenAgain() {
        List<Batch> group = group(16);
        commit(group);
        backend.save("account-0", "session", "bob.1", new byte[] {77});
        commit(group);

        assertThat(executed).containsExactly("WITH", "UPDATE", "SELECT");
        assertThat(backend.load("account-0", "session", "bob.1")).hasValue(new byte[] {77});
    }

    @Test
    @Tag("long")
    @DisplayName("R41 a group that is too large for a message is refused, and the connection stays usable")
    void commit_tooLargeForAMessage_isRefused() {
        long epoch = backend.takeOver("alice");
        byte[] large = new byte[1 << 27];
        Mutation[] puts = IntStream.range(0, 9)
                .mapToObj(n -> new Mutation.Put("session", "bob." + n, large))
                .toArray(Mutation[]::new);

        FailureAssertions.assertPermanent(() -> backend.commit(List.of(batch("alice", epoch, 1, puts))));

        assertThat(backend.list("alice")).isEmpty();
        backend.commit(List.of(batch("alice", epoch, 1, put("bob.1", 1))));
        assertThat(backend.list("alice")).hasSize(1);
    }

    @Test
    @DisplayName(
            "R54 if the connection is cut before the statement or at any byte of its answer, the outcome is unknown; a"
                    + " retry commits")
    void commit_cutAtAnyByteOfTheAnswer_isUnknownUntilSentAgain() throws IOException {
        try (FaultProxy proxy = new FaultProxy(PostgresFixture.port());
                JdbcBackend cut =
                        PostgresFixture.open(PostgresFixture.url(proxy.port(), schema) + "&prepareThreshold=0")) {
            long epoch = cut.takeOver("alice");
            int bytes = -1;
            while (true) {
                List<Batch> group = List.of(batch("alice", epoch, bytes + 2, put("bob." + bytes, 1)));
                proxy.cutAtCommit(bytes);
                if (isAnswered(cut, group)) {
                    break;
                }
                assertThat(backend.load("alice", "session", "bob." + bytes).isPresent())
                        .as("cut after %d bytes", bytes)
                        .isEqualTo(bytes >= 0);
                cut.commit(group);
                assertThat(backend.load("alice", "session", "bob." + bytes)).isPresent();
                bytes++;
            }
            System.out.println("cut before a statement, and at each of the " + bytes + " bytes of its answer");
            assertThat(bytes).as("bytes of the answer").isBetween(30, 200);
            assertThat(proxy.cuts()).isGreaterThan(bytes);
        }
    }

    private static boolean isAnswered(JdbcBackend backend, List<Batch> group) {
        try {
            backend.commit(group);
            return true;
        } catch (BackendException e) {
            assertThat(e.kind()).isEqualTo(Kind.OUTCOME_UNKNOWN);
            return false;
        }
    }
}
