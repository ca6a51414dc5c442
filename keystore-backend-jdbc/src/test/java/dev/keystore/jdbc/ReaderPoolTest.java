package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.keystore.testkit.FailureAssertions;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.JdbiException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The connections that read: their slots, their replacement after errors, and the waits for them. */
@Timeout(60)
final class ReaderPoolTest {

    private static final int SLOTS = 3;
    private static final Duration LONG = Duration.ofSeconds(30);

    @TempDir
    Path folder;

    private final List<Connection> opened = new ArrayList<>();
    private final AtomicReference<Error> failure = new AtomicReference<>();
    private ReaderPool pool;

    @BeforeEach
    void create() throws SQLException {
        // As the writer of a backend does: the driver is registered before any read.
        openConnection().close();
        opened.clear();
        pool = pool(LONG, false);
    }

    @AfterEach
    void close() throws SQLException {
        pool.close();
        assertThat(pool.open()).isZero();
        for (Connection connection : opened) {
            assertThat(connection.isClosed()).as("every connection is closed").isTrue();
        }
    }

    private ReaderPool pool(Duration timeout, boolean isRemote) {
        return new ReaderPool(new ReaderPool.Limits(SLOTS, timeout, ReaderPool.UNLIMITED, isRemote), source());
    }

    private ReaderSlot.Source source() {
        return new ReaderSlot.Source(
                this::openConnection, handle -> assertThat(nest(2_000)).isEqualTo(2_000), e -> false);
    }

    /** Needs more stack than the driver, so that setting up a connection overflows after it was opened. */
    private static int nest(int calls) {
        return calls == 0 ? 0 : 1 + nest(calls - 1);
    }

    private Connection openConnection() throws SQLException {
        Error error = failure.get();
        if (error != null) {
            throw error;
        }
        Connection connection = DriverManager.getConnection("jdbc:sqlite:" + folder.resolve("keys.db"));
        synchronized (opened) {
            opened.add(connection);
        }
        return connection;
    }

    private static int one(Handle handle) {
        return handle.createQuery("SELECT 1").mapTo(int.class).one();
    }

    @Test
    @DisplayName("R31 after more errors within queries than there are connections, reads continue")
    void errorsInQueries() throws Exception {
        for (int i = 0; i < 10 * SLOTS; i++) {
            assertThatExceptionOfType(OutOfMemoryError.class)
                    .isThrownBy(() -> pool.withHandle(handle -> {
                        one(handle);
                        throw new OutOfMemoryError();
                    }));
        }
        assertAllUsable();
    }

    @Test
    @DisplayName("R31 after more errors while connections are opened than there are connections, reads continue")
    void errorsInOpening() throws Exception {
        failure.set(new StackOverflowError());
        for (int i = 0; i < 10 * SLOTS; i++) {
            assertThatExceptionOfType(StackOverflowError.class).isThrownBy(() -> pool.withHandle(ReaderPoolTest::one));
        }
        failure.set(null);
        assertAllUsable();
    }

    @ParameterizedTest(name = "to a server: {0}")
    @ValueSource(booleans = {false, true})
    @DisplayName("R31 reads whose stack overflows anywhere, from taking a connection to returning it, leave all usable")
    void stackOverflowsAnywhere(boolean isRemote) throws Exception {
        pool = pool(LONG, isRemote);
        AtomicInteger overflows = new AtomicInteger();
        AtomicInteger succeeded = new AtomicInteger();
        Thread deep = new Thread(null, () -> descend(overflows, succeeded), "deep", 256 * 1024);
        deep.start();
        deep.join();

        assertThat(overflows).as("reads without enough stack").hasPositiveValue();
        assertThat(succeeded).as("reads with enough stack").hasPositiveValue();
        assertAllUsable();
    }

    /** Reads at each depth of the stack, from the deepest to the highest. */
    @SuppressWarnings("InfiniteRecursion") // it is meant to end with the stack
    private void descend(AtomicInteger overflows, AtomicInteger succeeded) {
        try {
            descend(overflows, succeeded);
        } catch (StackOverflowError e) {
            // The end of the stack.
        }
        try {
            pool.withHandle(ReaderPoolTest::one);
            succeeded.incrementAndGet();
        } catch (JdbiException | Error e) {
            overflows.incrementAndGet();
        }
    }

    @Test
    @DisplayName("R31 a query that begins after the thread that took the connection has left does not run")
    void handedOff_takerHasLeft_doesNotRun() {
        ReaderSlot slot = new ReaderSlot(source(), ReaderPool.UNLIMITED);
        ReaderSlot.Lease taker = new ReaderSlot.Lease();
        assertThat(slot.take(taker)).isTrue();
        taker.left = true;

        assertThatExceptionOfType(IllegalStateException.class)
                .isThrownBy(() -> slot.useHandedOff(taker, ReaderPoolTest::one, System.nanoTime()));

        assertThat(opened).isEmpty();
        assertThat(slot.take(new ReaderSlot.Lease())).isTrue();
    }

    private void assertAllUsable() throws Exception {
        OccupiedReaders.occupy(
                pool,
                SLOTS - 1,
                () -> assertThat(pool.<Integer>withHandle(ReaderPoolTest::one)).isEqualTo(1));
        assertThat(pool.open()).isEqualTo(SLOTS);
    }

    @Test
    @DisplayName("a connection is opened when it is needed, and used again; one whose query failed is replaced")
    void reuse() throws SQLException {
        pool.withHandle(ReaderPoolTest::one);
        pool.withHandle(ReaderPoolTest::one);
        assertThat(opened).hasSize(1);

        assertThatExceptionOfType(JdbiException.class)
                .isThrownBy(() -> pool.withHandle(handle -> handle.execute("SELECT nothing")));
        assertThat(opened.get(0).isClosed()).isTrue();

        pool.withHandle(ReaderPoolTest::one);
        assertThat(opened).hasSize(2);
    }

    @Test
    @DisplayName("R27 a read waits for a connection no longer than the timeout, and fails transiently with the reason")
    void timeout() throws Exception {
        ReaderPool brief = pool(Duration.ofMillis(20), false);
        String why = "all 3 connections for reading have been in use";
        OccupiedReaders.occupy(brief, SLOTS, () -> {
            for (SqlFailures failures : List.of(new SqliteFailures(folder), new PostgresFailures("server"))) {
                FailureAssertions.assertTransient(
                                () -> failures.translate("load", () -> brief.withHandle(ReaderPoolTest::one)))
                        .withMessageContaining("could not load: " + why);
            }
        });
        brief.close();
    }

    @Test
    @DisplayName("R28 a connection that is in use when the pool is closed is closed when its query ends")
    void closeDuringAQuery() throws Exception {
        CountDownLatch reads = new CountDownLatch(1);
        CountDownLatch end = new CountDownLatch(1);
        FutureTask<Integer> reading = new FutureTask<>(() -> pool.withHandle(handle -> {
            reads.countDown();
            try {
                end.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            return one(handle);
        }));
        Thread reader = new Thread(reading);
        reader.start();
        reads.await();

        pool.close();
        end.countDown();

        assertThat(reading.get()).isEqualTo(1);
        reader.join();
        assertThat(opened.get(0).isClosed()).isTrue();
    }
}
