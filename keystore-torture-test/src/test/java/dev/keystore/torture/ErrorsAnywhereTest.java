package dev.keystore.torture;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.KeyStoreException;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import dev.keystore.spi.Backend;
import dev.keystore.spi.Sealing;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.MemoryBackend;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
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
 * Throws an error before each call that the engine and the backends make while a thread commits or opens a context:
 * once, like a temporary lack of memory; and at all later calls of the thread, too, like an exhausted stack. After each
 * error other threads commit, the thread itself commits, and the entries that are read and persisted are those that
 * were acknowledged.
 */
@Timeout(1_800)
class ErrorsAnywhereTest {

    private static final int SAMPLE = 10;
    private static final int REOPEN_EVERY = 40;
    private static final long DEADLINE_SECONDS = 60;

    /**
     * The backends; those in memory have the capability of their name. On the encrypted ones, each commit replaces the
     * data key.
     */
    enum TestedBackend {
        SQLITE,
        MAPDB,
        OWNERSHIP,
        GROUPING,
        ATOMIC,
        PLAIN,
        ENCRYPTED_OWNERSHIP,
        ENCRYPTED_GROUPING,
        ENCRYPTED_ATOMIC;

        boolean isEncrypted() {
            return name().startsWith("ENCRYPTED");
        }
    }

    @TempDir
    Path folder;

    private final ClassLoader loaderOfTests = Thread.currentThread().getContextClassLoader();
    private final InstrumentingLoader loader = new InstrumentingLoader();
    private final ExecutorService other = Executors.newSingleThreadExecutor();
    private final MemoryBackend memory = new MemoryBackend();
    private TestedBackend tested;
    private InstrumentedDatabase database;
    private SignalKeyStore alice;
    private String victim = "";
    private int round;

    @AfterEach
    void tearDown() {
        CallSites.disarm();
        other.shutdownNow();
        Thread.currentThread().setContextClassLoader(loaderOfTests);
    }

    @ParameterizedTest
    @EnumSource(TestedBackend.class)
    @DisplayName("R31 an error at a random call of a commit gives that commit a known outcome and affects nothing else")
    void commit_errorAtSomeCalls_othersContinue(TestedBackend backend) throws Throwable {
        throwAt(backend, sites -> sample(backend.name(), sites));
    }

    @ParameterizedTest
    @EnumSource(TestedBackend.class)
    @Tag("long")
    @DisplayName("R31 an error at any call of a commit gives that commit a known outcome and affects nothing else")
    void commit_errorAtAnyCall_othersContinue(TestedBackend backend) throws Throwable {
        throwAt(backend, sites -> {
            System.out.println(backend + ": errors at " + sites.size() + " calls");
            return List.copyOf(sites);
        });
    }

    @ParameterizedTest
    @EnumSource(
            value = TestedBackend.class,
            names = {"SQLITE", "OWNERSHIP"})
    @DisplayName(
            "R31 an error at a random call of a takeover leaves nothing locked, and contexts are opened and written")
    void takeOver_errorAtSomeCalls_othersContinue(TestedBackend backend) throws Throwable {
        throwAtTakeOver(backend, sites -> sample(backend + ", takeover", sites));
    }

    @ParameterizedTest
    @EnumSource(
            value = TestedBackend.class,
            names = {"SQLITE", "OWNERSHIP"})
    @Tag("long")
    @DisplayName("R31 an error at any call of a takeover leaves nothing locked, and contexts are opened and written")
    void takeOver_errorAtAnyCall_othersContinue(TestedBackend backend) throws Throwable {
        throwAtTakeOver(backend, sites -> {
            System.out.println(backend + ": errors at " + sites.size() + " calls of a takeover");
            return List.copyOf(sites);
        });
    }

    private static List<Integer> sample(String name, Set<Integer> sites) {
        long seed = Long.getLong("keystore.errors.seed", System.nanoTime());
        System.out.println(name + ": errors at " + SAMPLE + " of " + sites.size() + " calls, seed " + seed);
        List<Integer> chosen = new ArrayList<>(sites);
        Collections.shuffle(chosen, new Random(seed));
        return chosen.subList(0, Math.min(SAMPLE, chosen.size()));
    }

    private void throwAtTakeOver(TestedBackend backend, Function<Set<Integer>, List<Integer>> choice) throws Throwable {
        tested = backend;
        open();
        for (int i = 0; i < 3; i++) {
            openContexts("warm-up-" + i);
        }
        for (int site : choice.apply(CallSites.record(() -> openContexts("warm-up")))) {
            throwAtTakeOver(site, false);
            throwAtTakeOver(site, true);
        }
        close();
    }

    private void throwAtTakeOver(int site, boolean lasting) throws Exception {
        String value = "round-" + ++round;
        String scenario = tested + ", " + (lasting ? "all calls from " : "once at ") + loader.describe(site);
        CallSites.arm(site, lasting, round % 2 == 0 ? StackOverflowError::new : OutOfMemoryError::new);
        try {
            openContexts(value);
        } catch (Throwable e) {
            // How it ends is not tested here.
        } finally {
            CallSites.disarm();
        }
        requireUnlocked(scenario);
        withinDeadline(scenario + ": another thread opens the contexts and commits", () -> {
            openContexts(value);
            return put("other", value);
        });
        openContexts(value);
        put("same-thread", value);
        if (round % REOPEN_EVERY == 0) {
            reopen(scenario, value);
        }
    }

    /** Takes over one context, and opens another one. */
    private void openContexts(String opened) {
        alice = database.takeOver("alice");
        database.context(opened);
    }

    private void throwAt(TestedBackend backend, Function<Set<Integer>, List<Integer>> choice) throws Throwable {
        tested = backend;
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
        String scenario = tested + ", " + (lasting ? "all calls from " : "once at ") + loader.describe(site);
        Throwable thrown = null;
        CallSites.arm(site, lasting, round % 2 == 0 ? StackOverflowError::new : OutOfMemoryError::new);
        try {
            commit(value);
        } catch (Throwable e) {
            thrown = e;
        } finally {
            CallSites.disarm();
        }
        requireUnlocked(scenario);
        withinDeadline(scenario + ": another thread commits", () -> put("other", value));
        String read = withinDeadline(scenario + ": another thread reads", () -> get("victim"));
        if (thrown == null) {
            assertThat(read).as(scenario + ": committed").isEqualTo(value);
        } else if (thrown instanceof KeyStoreException && !(thrown instanceof CommitOutcomeUnknownException)) {
            assertThat(read).as(scenario + ": failed with " + thrown).isEqualTo(victim);
        } else {
            assertThat(read).as(scenario + ": ended with " + thrown).isIn(victim, value);
        }
        assertThat(get("companion"))
                .as(scenario + ": same value as the other entry of the commit")
                .isEqualTo(read);
        victim = read;
        put("same-thread", value);
        if (round % REOPEN_EVERY == 0) {
            reopen(scenario, value);
        }
    }

    private void reopen(String scenario, String value) throws Exception {
        withinDeadline(scenario + ": close", () -> {
            database.close();
            return "";
        });
        open();
        assertThat(List.of(get("victim"), get("companion"), get("other"), get("same-thread")))
                .as(scenario + ": reopened")
                .containsExactly(victim, victim, value, value);
    }

    private void close() throws Exception {
        reopen("at the end", get("other"));
        database.close();
    }

    /** Makes a commit that takes a lock, reads, inserts, replaces and deletes. */
    private void commit(String value) {
        alice.useTransaction("victim", tx -> {
            byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
            tx.find(KeyTypes.SESSION, "victim");
            if (tested.isEncrypted()) {
                tx.erase();
            }
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

    private String withinDeadline(String scenario, Callable<String> work) throws Exception {
        try {
            return other.submit(work).get(DEADLINE_SECONDS, TimeUnit.SECONDS);
        } catch (Exception e) {
            throw new AssertionError(scenario, e);
        }
    }

    /** Fails if the file of an SQLite store is locked, so that other processes could not write to it. */
    private void requireUnlocked(String scenario) {
        if (tested != TestedBackend.SQLITE) {
            return;
        }
        try (Connection connection = DriverManager.getConnection(url());
                Statement statement = connection.createStatement()) {
            statement.execute("PRAGMA busy_timeout = 30000");
            statement.execute("BEGIN IMMEDIATE");
            statement.execute("ROLLBACK");
        } catch (SQLException e) {
            throw new AssertionError(scenario + ": the file is still locked", e);
        }
    }

    private String url() {
        return tested == TestedBackend.SQLITE
                ? "jdbc:sqlite:" + folder.resolve("keys.db")
                : "mapdb:" + folder.resolve("keys");
    }

    private Sealing encryption() throws IOException {
        Path key = folder.resolve("root.key");
        return Encryption.with(Files.exists(key) ? KeyFile.at(key) : KeyFile.create(key));
    }

    private void open() throws Exception {
        Thread.currentThread().setContextClassLoader(loader);
        InstrumentedDatabase.Factory engine =
                (InstrumentedDatabase.Factory) loader.loadClass("dev.keystore.torture.child.EngineFactory")
                        .getConstructor()
                        .newInstance();
        Supplier<Backend> factory = switch (tested) {
            case OWNERSHIP, ENCRYPTED_OWNERSHIP -> () -> FaultyBackend.complete(memory.reopen(), new Faults());
            case GROUPING, ENCRYPTED_GROUPING -> () -> FaultyBackend.grouping(memory.reopen(), new Faults());
            case ATOMIC, ENCRYPTED_ATOMIC -> () -> FaultyBackend.atomic(memory.reopen(), new Faults());
            case PLAIN -> () -> FaultyBackend.plain(memory.reopen(), new Faults());
            default -> null;
        };
        if (factory == null) {
            database = engine.open(url());
        } else {
            database = tested.isEncrypted() ? engine.open(factory.get(), encryption()) : engine.open(factory.get());
        }
        alice = database.context("alice");
    }
}
