package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.spi.BackendConfig;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Stream;

/** What the tests on SQLite have in common. */
final class SqliteFixture {

    private SqliteFixture() {}

    /** Opens the store at a path by its URL, but with a log that is not checkpointed while the store is idle. */
    static SqliteBackend open(Path path) {
        return open(path, checkpointer());
    }

    /** Creates a checkpointer that looks when the test calls it, and whose time advances by a second per query. */
    static SqliteCheckpointer checkpointer() {
        AtomicLong nanos = new AtomicLong();
        return new SqliteCheckpointer(null, () -> nanos.addAndGet(TimeUnit.SECONDS.toNanos(1)));
    }

    /** Opens the store at a path. Its log is checkpointed only by {@link SqliteCheckpointer#visitStores}. */
    static SqliteBackend open(Path path, SqliteCheckpointer checkpointer) {
        BackendConfig config = new BackendConfig("jdbc:sqlite:" + path, Map.of());
        return (SqliteBackend) new SqliteBackendProvider(checkpointer).open(config);
    }

    /** Runs statements on a file without the backend. */
    static void execute(Path path, String... statements) {
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + path);
                Statement statement = connection.createStatement()) {
            for (String sql : statements) {
                statement.execute(sql);
            }
        } catch (SQLException e) {
            throw new AssertionError(e);
        }
    }

    /** Returns whether another process finds a file locked for writing. */
    static boolean isLockedForOthers(Path path) throws Exception {
        String said = java("-cp", System.getProperty("java.class.path"), LockProbe.class.getName(), path.toString());
        assertThat(said).containsAnyOf(LockProbe.FREE, LockProbe.LOCKED);
        return said.contains(LockProbe.LOCKED);
    }

    /** Runs another Java process to its end, and returns what it printed. */
    static String java(String... arguments) throws Exception {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of(arguments));
        return run(command.toArray(String[]::new));
    }

    /** Runs a program to its end, and returns what it printed. */
    static String run(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        process.waitFor();
        return said;
    }

    /** Returns the names and bytes of the files in a folder. */
    static Map<String, String> contents(Path folder) throws Exception {
        Map<String, String> contents = new TreeMap<>();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                contents.put(
                        file.getFileName().toString(),
                        Files.isDirectory(file) ? "folder" : HexFormat.of().formatHex(Files.readAllBytes(file)));
            }
        }
        return contents;
    }
}
