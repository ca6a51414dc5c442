package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.KeyTypes;
import dev.keystore.LoadFailedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.SignalKeyStore;
import dev.keystore.TransactionConflictException;
import dev.keystore.core.SignalKeyDatabase;
import java.io.IOException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Connections that break during commits. */
@Timeout(120)
final class PostgresExactlyOnceTest {

    private String schema;
    private FaultProxy proxy;
    private SignalKeyDatabase database;
    private SignalKeyStore alice;

    @BeforeEach
    void open() {
        schema = PostgresFixture.newSchema();
        proxy = new FaultProxy(PostgresFixture.port());
        open(Duration.ofSeconds(30));
    }

    private void open(Duration commitTimeout) {
        SignalKeyDatabase.Builder builder = SignalKeyDatabase.builder()
                .url(PostgresFixture.url(proxy.port(), schema) + "&prepareThreshold=0&socketTimeout=2&loginTimeout=2")
                .commitTimeout(commitTimeout)
                .loadTimeout(commitTimeout)
                .retry(1_000, Duration.ofMillis(5));
        PostgresFixture.untilItSucceeds(() -> database = builder.open());
        PostgresFixture.untilItSucceeds(() -> alice = database.forContext(Counting.CONTEXT));
    }

    @AfterEach
    void close() throws IOException {
        proxy.heal();
        database.close();
        proxy.close();
    }

    private int count(int who) {
        return Counting.count(alice, who);
    }

    /** Returns the entries on the server, without the proxy and the cache. */
    private Map<Integer, Integer> counted() {
        return Counting.counted(PostgresFixture.open(PostgresFixture.url(schema)));
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, 0, 3, 5, 11, 16, 22, 27, 28})
    @DisplayName(
            "R54 if the connection is cut before, within or after the answer to COMMIT, the commit exists once and is"
                    + " reported as written")
    void commit_cutAtCommit_isThereOnce(long bytesOfAnswer) {
        count(1);
        proxy.cutAtCommit(bytesOfAnswer);
        assertThat(count(2)).isEqualTo(2);
        assertThat(count(3)).isEqualTo(3);

        assertThat(proxy.cuts()).isEqualTo(1);
        assertThat(counted()).isEqualTo(Map.of(1, 1, 2, 2, 3, 3));
    }

    @Test
    @DisplayName("R54 of 30 commits, most of whose connections are cut, each exists once and is reported correctly")
    void commits_cutAtRandom_sample() {
        cutAtRandom(30);
    }

    @Test
    @Tag("long")
    @Timeout(1_800)
    @DisplayName("R54 of 2,000 commits, most of whose connections are cut, each exists once and is reported correctly")
    void commits_cutAtRandom_twoThousand() {
        cutAtRandom(2_000);
    }

    private void cutAtRandom(int commits) {
        long seed = Long.getLong("keystore.cut.seed", System.nanoTime());
        System.out.println("keystore.cut.seed=" + seed);
        Random random = new Random(seed);
        Map<Integer, Integer> acknowledged = new HashMap<>();
        acknowledged.put(count(0), 0);
        int unknown = 0;
        int unread = 0;
        for (int i = 1; i <= commits; i++) {
            CompletableFuture<Void> terminating = CompletableFuture.completedFuture(null);
            if (random.nextInt(4) == 0) {
                terminating = CompletableFuture.runAsync(() -> PostgresFixture.terminateAll(schema));
            } else if (random.nextBoolean()) {
                proxy.cutAfter(1 + random.nextInt(1_500), Long.MAX_VALUE / 2);
            } else {
                proxy.cutAfter(Long.MAX_VALUE / 2, 1 + random.nextInt(200));
            }
            try {
                acknowledged.put(count(i), i);
            } catch (CommitOutcomeUnknownException e) {
                unknown++;
            } catch (LoadFailedException e) {
                unread++;
            }
            terminating.join();
        }
        proxy.heal();
        int last = count(commits + 1);
        acknowledged.put(last, commits + 1);

        Map<Integer, Integer> counted = counted();
        System.out.println(commits + " commits, " + proxy.cuts() + " cuts, " + unknown + " reported unknown, " + unread
                + " not begun because a read failed");
        assertThat(counted).containsAllEntriesOf(acknowledged);
        assertThat(counted.values()).doesNotHaveDuplicates();
        assertThat(counted.size() - acknowledged.size()).isBetween(0, unknown);
        assertThat(proxy.cuts()).isGreaterThan(commits / 4);
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, 0, 16})
    @DisplayName("R41 R54 while the server is unreachable the outcome is unknown and commits wait; then it is known and"
            + " commits continue")
    void commit_serverStaysAway_isUnknownUntilItIsBack(long bytesOfAnswer) throws Exception {
        database.close();
        open(Duration.ofSeconds(1));
        PostgresFixture.untilItSucceeds(() -> alice.find(KeyTypes.SESSION, "cached"));
        count(1);
        alice.put(KeyTypes.SESSION, "cached", new byte[] {7});
        proxy.cutAtCommit(bytesOfAnswer);
        proxy.refuseAfterCut();

        assertThatThrownBy(() -> count(2)).isInstanceOf(CommitOutcomeUnknownException.class);

        assertThat(alice.find(KeyTypes.SESSION, "cached")).hasValue(new byte[] {7});
        assertThatThrownBy(() -> count(3))
                .isInstanceOf(CommitFailedException.class)
                .hasMessageContaining("nothing was written");
        proxy.heal();
        assertThat(countOnceItCan(4)).isEqualTo(3);
        assertThat(counted()).isEqualTo(Map.of(1, 1, 2, 2, 3, 4));
    }

    @Test
    @DisplayName(
            "R53 R54 if the connection is cut before COMMIT and another process commits first, the commit is reported"
                    + " as not written")
    void commit_unwrittenAndTakenOver_isToldLost() throws Exception {
        CompletableFuture<Integer> cut = countThenTakeOver(-1);

        assertThatThrownBy(() -> cut.get(30, TimeUnit.SECONDS)).hasCauseInstanceOf(OwnershipLostException.class);
        assertThat(counted()).isEqualTo(Map.of(1, 1, 2, 3));
    }

    @Test
    @DisplayName(
            "R53 R54 if the connection is cut after COMMIT and another process commits first, the commit is reported"
                    + " as written")
    void commit_writtenAndTakenOver_isAcknowledged() throws Exception {
        CompletableFuture<Integer> cut = countThenTakeOver(0);

        assertThat(cut.get(30, TimeUnit.SECONDS)).isEqualTo(2);
        assertThat(counted()).isEqualTo(Map.of(1, 1, 2, 2, 3, 3));
        assertThatThrownBy(() -> count(4)).isInstanceOf(OwnershipLostException.class);
    }

    /** Cuts the connection at a commit, and lets another process take over the context before it is restored. */
    private CompletableFuture<Integer> countThenTakeOver(long bytesOfAnswer) {
        count(1);
        proxy.cutAtCommit(bytesOfAnswer);
        proxy.refuseAfterCut();
        CompletableFuture<Integer> cut = CompletableFuture.supplyAsync(() -> count(2));
        proxy.awaitCut();
        try (SignalKeyDatabase others = SignalKeyDatabase.open(PostgresFixture.url(schema))) {
            Counting.count(others.forContext(Counting.CONTEXT), 3);
        }
        assertThat(cut).isNotDone();
        proxy.heal();
        return cut;
    }

    private int countOnceItCan(int who) {
        long deadlineNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        while (true) {
            try {
                return count(who);
            } catch (CommitFailedException | LoadFailedException | TransactionConflictException e) {
                assertThat(System.nanoTime()).isLessThan(deadlineNanos);
            }
        }
    }
}
