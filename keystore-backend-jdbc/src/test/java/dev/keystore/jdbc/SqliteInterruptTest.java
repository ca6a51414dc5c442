package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.keystore.ContextOwnedException;
import dev.keystore.KeyTypes;
import dev.keystore.OperationInterruptedException;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation.Put;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
final class SqliteInterruptTest {

    @TempDir
    Path folder;

    private Path path;
    private String url;

    @BeforeEach
    void path() {
        path = folder.resolve("keys.db");
        url = "jdbc:sqlite:" + path;
    }

    @AfterEach
    void clearFlag() {
        Thread.interrupted();
    }

    @Test
    @DisplayName("R27 R53 an interrupted opening of a context leaves the other owners of this process alive")
    void ownersStayAlive() throws Exception {
        SignalKeyDatabase owner = SignalKeyDatabase.open(url);
        SignalKeyStore x = owner.forContext("x");
        SignalKeyDatabase other = SignalKeyDatabase.open(url);

        Thread.currentThread().interrupt();
        assertThatExceptionOfType(OperationInterruptedException.class).isThrownBy(() -> other.forContext("b"));
        assertThat(Thread.interrupted()).as("flag").isTrue();

        assertThat(probe("x")).contains(OwnerProbe.OWNED).doesNotContain(OwnerProbe.TAKEN);
        x.put(KeyTypes.SESSION, "1", new byte[] {1});
        assertThat(other.forContext("b").find(KeyTypes.SESSION, "1")).isEmpty();
        other.close();
        owner.close();
        try (SignalKeyDatabase again = SignalKeyDatabase.open(url)) {
            assertThat(again.forContext("x").find(KeyTypes.SESSION, "1")).hasValue(new byte[] {1});
        }
    }

    @Test
    @DisplayName("R27 R53 an interrupted thread acquires, queries and releases a liveness lock, and no other lock is"
            + " released")
    void livenessLockIgnoresInterrupts() throws Exception {
        SqliteFixture.open(path).close();
        try (JdbcBackend owner = SqliteFixture.open(path)) {
            owner.takeOver("x");
            SqliteLivenessLock lock = new SqliteLivenessLock(path, 42);
            Thread.currentThread().interrupt();
            lock.hold();
            assertThat(lock.isAlive(42)).isTrue();
            assertThat(lock.isAlive(43)).isFalse();
            lock.release();
            assertThat(Thread.interrupted()).as("flag").isTrue();

            assertThat(probe("x")).contains(OwnerProbe.OWNED);
        }
    }

    @Test
    @DisplayName("R53 the refusal says whether the owner is in this process or in another one")
    void ownerInThisProcess() throws Exception {
        try (SignalKeyDatabase owner = SignalKeyDatabase.open(url);
                SignalKeyDatabase other =
                        SignalKeyDatabase.builder().url(url).refuseOwned().open()) {
            owner.forContext("x");
            assertThatExceptionOfType(ContextOwnedException.class)
                    .isThrownBy(() -> other.forContext("x"))
                    .withMessageContaining("another opened database of this process")
                    .withMessageContaining("close that database")
                    .satisfies(e -> assertThat(e.inThisProcess()).isTrue());
            assertThat(probe("x"))
                    .contains("is owned by process " + ProcessHandle.current().pid())
                    .contains("end that process");
        }
    }

    private String probe(String context) throws Exception {
        return SqliteFixture.java(
                "-cp", System.getProperty("java.class.path"), OwnerProbe.class.getName(), url, context);
    }

    @Test
    @DisplayName("R27 an interrupt ends the wait of a read, a listing or a scan for a connection, and the flag is kept")
    void readsAreInterrupted() throws Exception {
        try (JdbcBackend backend = SqliteFixture.open(path);
                SignalKeyDatabase database =
                        SignalKeyDatabase.builder().backend(backend).open()) {
            SignalKeyStore alice = database.forContext("alice");
            OccupiedReaders.occupy(backend.readers(), 4, () -> {
                assertInterrupted(
                        () -> backend.load("alice", "session", "bob"), "load session/bob of context \"alice\"");
                assertInterrupted(() -> backend.loadAll("alice", "session", List.of("a", "b")), "load 2 entries");
                assertInterrupted(() -> backend.list("alice").toList(), "list the entries");
                assertInterrupted(() -> backend.scan("alice", "session", "").toList(), "scan the entries");
                assertInterrupted(() -> alice.find(KeyTypes.SESSION, "bob"), "load session/bob");
                assertInterrupted(() -> alice.get(KeyTypes.SESSION, List.of("a", "b")), "load 2 entries");
                assertInterrupted(() -> alice.ids(KeyTypes.SESSION, "").toList(), "scan the entries");
                assertInterrupted(alice::verify, "list the entries");
                assertInterrupted(() -> database.forExistingContext("bob"), "list the entries");
            });
            assertThat(alice.find(KeyTypes.SESSION, "bob")).isEmpty();
        }
    }

    @Test
    @DisplayName("R27 an interrupt ends the wait of a takeover for another transaction; that of a commit is left to the"
            + " engine")
    void takeoverIsInterrupted() throws Exception {
        try (JdbcBackend backend = SqliteFixture.open(path)) {
            CountDownLatch holds = new CountDownLatch(1);
            CountDownLatch done = new CountDownLatch(1);
            Thread holder = new Thread(() -> backend.writer().inTransaction("commit", handle -> {
                holds.countDown();
                return awaited(done);
            }));
            holder.start();
            holds.await();
            try {
                assertInterrupted(() -> backend.takeOver("alice"), "take over context \"alice\"");
                assertInterrupted(() -> backend.takeOverUnlessOwned("alice"), "take over context \"alice\"");
                assertInterrupted(
                        () -> backend.save("alice", "session", "1", new byte[1]), "write to context \"alice\"");
                Batch batch = new Batch("alice", 0, 1, List.of(new Put("session", "1", new byte[1])));
                assertThat(interrupted(() -> backend.commit(List.of(batch))))
                        .hasMessageContaining(
                                "could not commit: interrupted while waiting for another thread's transaction");
                assertThat(interrupted(() -> backend.lastCommit("alice", 1)))
                        .hasMessageContaining("could not read the last commit of context \"alice\": interrupted");
            } finally {
                done.countDown();
                holder.join();
            }
            assertThat(backend.list("alice")).isEmpty();
        }
    }

    private static boolean awaited(CountDownLatch latch) {
        try {
            latch.await();
            return true;
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    @DisplayName(
            "R27 an interrupt ends the wait of an opening for another connection, and the created files are deleted")
    void openingIsInterrupted() throws Exception {
        try (Connection other = DriverManager.getConnection(url);
                Statement statement = other.createStatement()) {
            statement.execute("BEGIN EXCLUSIVE");

            assertInterrupted(() -> SqliteFixture.open(path), "open");

            statement.execute("ROLLBACK");
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
        SqliteFixture.open(path).close();
        byte[] whole = Files.readAllBytes(path);
        Files.write(path, Arrays.copyOf(whole, whole.length / 2));
        Thread.currentThread().interrupt();
        assertThatExceptionOfType(OperationInterruptedException.class)
                .isThrownBy(() -> SqliteFixture.open(path))
                .withMessageContaining("another process to complete " + path);
        assertThat(Thread.interrupted()).as("flag").isTrue();
    }

    @Test
    @DisplayName("R11 R27 an interrupted thread opens a store, creates its folders durably, and closes it")
    void nothingToWaitFor() {
        Path deep = folder.resolve("a/b/keys.db");
        Thread.currentThread().interrupt();
        SqliteFixture.open(deep).close();
        assertThat(Thread.interrupted()).as("flag").isTrue();

        assertThat(deep).exists();
        assertThat(deep.resolveSibling("keys.db-wal"))
                .as("closed with the last connection")
                .doesNotExist();
    }

    private void assertInterrupted(ThrowingCallable call, String operation) throws Exception {
        assertThat(interrupted(call))
                .isInstanceOf(OperationInterruptedException.class)
                .hasMessageStartingWith("Interrupted while waiting for " + path + " to " + operation);
    }

    /** Interrupts a call when it waits, and returns what it throws; the interrupt flag must be kept. */
    private static Throwable interrupted(ThrowingCallable call) throws Exception {
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        AtomicReference<Boolean> flag = new AtomicReference<>();
        Thread thread = new Thread(() -> {
            thrown.set(catchThrowable(call));
            flag.set(Thread.currentThread().isInterrupted());
        });
        thread.start();
        while (thread.getState() != Thread.State.TIMED_WAITING && thread.isAlive()) {
            Thread.onSpinWait();
        }
        thread.interrupt();
        thread.join();
        assertThat(flag.get()).as("flag").isTrue();
        return thrown.get();
    }
}
