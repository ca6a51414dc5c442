package dev.keystore.jdbc;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyTypes;
import dev.keystore.OwnershipLostException;
import dev.keystore.SignalKeyStore;
import dev.keystore.StaleStoreException;
import dev.keystore.StoreOpenException;
import dev.keystore.core.DatabaseFreshnessAnchor;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.FreshnessAnchor;
import dev.keystore.spi.FreshnessAnchor.Replacement;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Freshness anchors in databases, and stores on PostgreSQL that several processes use. */
@Timeout(120)
class FreshnessOnDatabasesTest {

    @TempDir
    private Path folder;

    private String newUrl(String scheme) {
        return scheme.equals("jdbc:sqlite")
                ? scheme + ":" + folder.resolve("anchor.db")
                : PostgresFixture.url(PostgresFixture.newSchema());
    }

    private static SignalKeyDatabase open(String store, String anchor) {
        return SignalKeyDatabase.builder()
                .url(store)
                .property("freshness.anchor", anchor)
                .open();
    }

    private static void commit(SignalKeyDatabase database, String context, int commits) {
        SignalKeyStore store = database.forContext(context);
        for (int i = 0; i < commits; i++) {
            store.put(KeyTypes.SESSION, "bob.1", ("ratchet " + i).getBytes(UTF_8));
        }
    }

    private static byte[] bytes(String text) {
        return text.getBytes(UTF_8);
    }

    @ParameterizedTest
    @ValueSource(strings = {"jdbc:sqlite", "jdbc:postgresql"})
    @DisplayName("R82 a record is replaced only if it is the expected one, also by another process")
    void replace_expected_isCompared(String scheme) {
        String url = newUrl(scheme);
        try (FreshnessAnchor first = DatabaseFreshnessAnchor.open(url);
                FreshnessAnchor second = DatabaseFreshnessAnchor.open(url)) {
            assertThat(first.load(List.of())).isEmpty();
            assertThat(first.replace(
                            List.of(new Replacement("a", null, bytes("1")), new Replacement("b", null, bytes("1")))))
                    .isEmpty();
            assertThat(second.replace(List.of(
                            new Replacement("a", null, bytes("2")), new Replacement("b", bytes("1"), bytes("2")))))
                    .containsExactly("a");
            assertThat(first.replace(List.of(new Replacement("b", bytes("1"), bytes("3")))))
                    .containsExactly("b");
            Map<String, byte[]> found = first.load(List.of("a", "b", "c"));
            assertThat(found).containsOnlyKeys("a", "b");
            assertThat(found.get("a")).isEqualTo(bytes("1"));
            assertThat(found.get("b")).isEqualTo(bytes("2"));
        }
        try (FreshnessAnchor again = DatabaseFreshnessAnchor.open(url)) {
            assertThat(again.load(List.of("a", "b"))).hasSize(2);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"jdbc:sqlite", "jdbc:postgresql"})
    @DisplayName("R82 writers in several processes lose no update")
    void replace_concurrently_losesNothing(String scheme) throws InterruptedException {
        String url = newUrl(scheme);
        try (FreshnessAnchor first = DatabaseFreshnessAnchor.open(url);
                FreshnessAnchor second = DatabaseFreshnessAnchor.open(url)) {
            runAll(List.of(() -> count(first), () -> count(first), () -> count(second), () -> count(second)));
            assertThat(first.load(List.of("counter")).get("counter")).containsExactly(40);
        }
    }

    private static void count(FreshnessAnchor anchor) {
        int counted = 0;
        while (counted < 10) {
            byte[] now = anchor.load(List.of("counter")).get("counter");
            byte next = (byte) (now == null ? 1 : now[0] + 1);
            counted += anchor.replace(List.of(new Replacement("counter", now, new byte[] {next})))
                            .isEmpty()
                    ? 1
                    : 0;
        }
    }

    private static void runAll(List<Runnable> tasks) throws InterruptedException {
        ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
        List<Thread> threads = new ArrayList<>();
        for (Runnable work : tasks) {
            Thread thread = new Thread(work);
            thread.setUncaughtExceptionHandler((failed, failure) -> failures.add(failure));
            threads.add(thread);
            thread.start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(failures).isEmpty();
    }

    @Test
    @DisplayName("R82 R53 two processes take contexts of one PostgreSQL from each other, and none is called stale")
    void postgres_twoProcesses_areAccepted() throws InterruptedException {
        String store = newUrl("jdbc:postgresql");
        String anchor = newUrl("jdbc:postgresql");
        try (SignalKeyDatabase first = open(store, anchor);
                SignalKeyDatabase second = open(store, anchor)) {
            runAll(List.of(
                    () -> contend(first, "alice", 30),
                    () -> contend(second, "alice", 30),
                    () -> contend(first, "bob", 30),
                    () -> contend(second, "bob", 30)));
        }
        try (SignalKeyDatabase third = open(store, anchor)) {
            commit(third, "alice", 1);
            commit(third, "bob", 1);
        }
    }

    private static void contend(SignalKeyDatabase database, String context, int rounds) {
        for (int round = 0; round < rounds; round++) {
            SignalKeyStore store = database.takeOver(context);
            try {
                store.put(KeyTypes.SESSION, "bob.1", bytes("1"));
                store.put(KeyTypes.SESSION, "bob.1", bytes("2"));
            } catch (OwnershipLostException e) {
                // The other process has taken it.
            }
        }
    }

    @Test
    @DisplayName("R82 R83 an old copy of the tables that is put back on PostgreSQL is refused, one written to as well")
    void postgres_oldCopy_isRefused() {
        String schema = PostgresFixture.newSchema();
        String copy = PostgresFixture.newSchema();
        String store = PostgresFixture.url(schema);
        String anchor = newUrl("jdbc:sqlite");
        try (SignalKeyDatabase database = open(store, anchor)) {
            commit(database, "alice", 5);
        }
        for (String table : List.of("entry", "owner")) {
            PostgresFixture.execute("CREATE TABLE " + copy + "." + table + " AS TABLE " + schema + "." + table);
        }
        try (SignalKeyDatabase database = open(store, anchor)) {
            commit(database, "alice", 3);
        }
        for (String table : List.of("entry", "owner")) {
            PostgresFixture.execute(
                    "DELETE FROM " + schema + "." + table,
                    "INSERT INTO " + schema + "." + table + " SELECT * FROM " + copy + "." + table);
        }
        try (SignalKeyDatabase old = open(store, anchor)) {
            assertThatThrownBy(() -> old.forContext("alice")).isInstanceOfSatisfying(StaleStoreException.class, e -> {
                assertThat(e.missingCommits()).isEqualTo(3);
                assertThat(e.isWrittenCopy()).isFalse();
            });
        }
        try (SignalKeyDatabase unanchored = SignalKeyDatabase.open(store)) {
            commit(unanchored, "alice", 5); // with fewer than the other copy got, it would count as an old one only
        }
        try (SignalKeyDatabase old = open(store, anchor)) {
            assertThatThrownBy(() -> old.takeOver("alice"))
                    .isInstanceOfSatisfying(
                            StaleStoreException.class,
                            e -> assertThat(e.isWrittenCopy()).isTrue());
        }
    }

    @Test
    @DisplayName("R82 an anchor on a server that is out of reach refuses the opening, and says so")
    void anchor_outOfReach_refusesToOpen() {
        String store = newUrl("jdbc:sqlite");
        assertThatThrownBy(() -> open(store, "jdbc:postgresql://localhost:1/anchors"))
                .isInstanceOf(StoreOpenException.class);
        try (SignalKeyDatabase database = SignalKeyDatabase.open(store)) {
            commit(database, "alice", 1);
        }
    }
}
