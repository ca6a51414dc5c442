package dev.keystore.torture;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.KeyStoreException;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.spi.Backend;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.MemoryBackend;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Throws an error before each call that the engine and the backends make while a thread commits: once, as when memory is
 * short for a moment; and at all later calls as well until the thread has left, as when it has no stack left. After each of
 * them others commit, the thread itself commits, and what is read and what is persisted is what was acknowledged.
 */
@Timeout(1_800)
class ErrorsAnywhereTest {

    private static final int SAMPLE = 25;
    private static final int REOPEN_EVERY = 40;
    private static final long DEADLINE_SECONDS = 15;

    /** The backends; those in memory are as capable as their names say. */
    enum Kind {
        SQLITE,
        MAPDB,
        OWNERSHIP,
        GROUPING,
        ATOMIC,
        PLAIN
    }

    @TempDir
    Path folder;

    private final InstrumentingLoader loader = new InstrumentingLoader();
    private final ExecutorService other = Executors.newSingleThreadExecutor();
    private final MemoryBackend memory = new MemoryBackend();
    private Kind kind;
    private OpenedStore database;
    private SignalKeyStore alice;
    private String victim = "";
    private int round;

    @AfterEach
    void end() {
        CallSites.disarm();
        other.shutdownNow();
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R31 an error thrown at some call of a commit ends that commit truthfully, and nothing else")
    void commit_errorAtSomeCalls_othersGoOn(Kind tested) throws Throwable {
        throwAt(tested, sites -> {
            long seed = Long.getLong("keystore.errors.seed", System.nanoTime());
            System.out.println(tested + ": errors at " + SAMPLE + " of " + sites.size() + " calls, seed " + seed);
            List<Integer> chosen = new ArrayList<>(sites);
            Collections.shuffle(chosen, new Random(seed));
            return chosen.subList(0, Math.min(SAMPLE, chosen.size()));
        });
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @Tag("long")
    @DisplayName("R31 an error thrown at any call of a commit ends that commit truthfully, and nothing else")
    void commit_errorAtAnyCall_othersGoOn(Kind tested) throws Throwable {
        throwAt(tested, sites -> {
            System.out.println(tested + ": errors at " + sites.size() + " calls");
            return List.copyOf(sites);
        });
    }

    private void throwAt(Kind tested, Function<Set<Integer>, List<Integer>> choice) throws Throwable {
        kind = tested;
        open();
        for (int i = 0; i < 3; i++) {
            commit("warm-up");
        }
        victim = "warm-up";
        for (int site : choice.apply(CallSites.record(() -> commit("warm-up")))) {
            throwAt(site, false);
            throwAt(site, true);
        }
        close();
    }

    private void throwAt(int site, boolean lasting) throws Exception {
        String value = "round-" + ++round;
        String what = kind + ", " + (lasting ? "all calls from " : "once at ") + loader.place(site);
        Throwable thrown = null;
        CallSites.arm(site, lasting, round % 2 == 0 ? StackOverflowError::new : OutOfMemoryError::new);
        try {
            commit(value);
        } catch (Throwable e) {
            thrown = e;
        } finally {
            CallSites.disarm();
        }
        requireUnlocked(what);
        inTime(what + ": another thread commits", () -> put("other", value));
        String read = inTime(what + ": another thread reads", () -> get("victim"));
        if (thrown == null) {
            assertThat(read).as(what + ": committed").isEqualTo(value);
        } else if (thrown instanceof KeyStoreException && !(thrown instanceof CommitOutcomeUnknownException)) {
            assertThat(read).as(what + ": failed with " + thrown).isEqualTo(victim);
        } else {
            assertThat(read).as(what + ": ended with " + thrown).isIn(victim, value);
        }
        assertThat(get("companion")).as(what + ": one commit").isEqualTo(read);
        victim = read;
        put("same-thread", value);
        if (round % REOPEN_EVERY == 0) {
            reopen(what, value);
        }
    }

    private void reopen(String what, String value) throws Exception {
        inTime(what + ": close", () -> {
            database.close();
            return "";
        });
        open();
        assertThat(List.of(get("victim"), get("companion"), get("other"), get("same-thread")))
                .as(what + ": reopened")
                .containsExactly(victim, victim, value, value);
    }

    private void close() throws Exception {
        reopen("at the end", get("other"));
        database.close();
    }

    /** A commit that takes a lock, reads, writes, replaces and deletes. */
    private void commit(String value) {
        alice.useTransaction("victim", tx -> {
            byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
            tx.find(KeyTypes.SESSION, "victim");
            tx.put(KeyTypes.SESSION, "victim", bytes);
            tx.put(KeyTypes.SESSION, "companion", bytes);
            tx.delete(KeyTypes.SESSION, "same-thread");
        });
    }

    private String put(String id, String value) {
        alice.put(KeyTypes.SESSION, id, value.getBytes(StandardCharsets.UTF_8));
        return value;
    }

    private String get(String id) {
        return alice.find(KeyTypes.SESSION, id)
                .map(bytes -> new String(bytes, StandardCharsets.UTF_8))
                .orElse("");
    }

    private String inTime(String what, Callable<String> work) throws Exception {
        try {
            return other.submit(work).get(DEADLINE_SECONDS, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new AssertionError(what, e);
        }
    }

    /** Whatever happened in this process, another one can write to the file of an SQLite store. */
    private void requireUnlocked(String what) {
        if (kind != Kind.SQLITE) {
            return;
        }
        try (Connection connection = DriverManager.getConnection(url());
                Statement statement = connection.createStatement()) {
            statement.execute("PRAGMA busy_timeout = 5000");
            statement.execute("BEGIN IMMEDIATE");
            statement.execute("ROLLBACK");
        } catch (SQLException e) {
            throw new AssertionError(what + ": the file stays locked", e);
        }
    }

    private String url() {
        return kind == Kind.SQLITE ? "jdbc:sqlite:" + folder.resolve("keys.db") : "mapdb:" + folder.resolve("keys");
    }

    private void open() throws Exception {
        Thread.currentThread().setContextClassLoader(loader);
        OpenedStore.Opener opener = (OpenedStore.Opener) loader.loadClass("dev.keystore.torture.child.EngineOpener")
                .getConstructor()
                .newInstance();
        Supplier<Backend> backend = switch (kind) {
            case OWNERSHIP -> () -> FaultyBackend.complete(memory.reopen(), new Faults());
            case GROUPING -> () -> FaultyBackend.grouping(memory.reopen(), new Faults());
            case ATOMIC -> () -> FaultyBackend.atomic(memory.reopen(), new Faults());
            case PLAIN -> () -> FaultyBackend.plain(memory.reopen(), new Faults());
            default -> null;
        };
        database = backend == null ? opener.open(url()) : opener.open(backend.get());
        alice = database.context("alice");
    }
}
