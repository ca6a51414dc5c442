package dev.keystore.jdbc;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** A server for one test, which can be killed and restarted on the same folder and port. */
final class RestartablePostgres implements AutoCloseable {

    private final Path data;
    private final int port;
    private EmbeddedPostgres running;
    private boolean asConfigured;

    RestartablePostgres(Path data) throws IOException {
        this.data = data;
        try (ServerSocket socket = new ServerSocket(0)) {
            this.port = socket.getLocalPort();
        }
    }

    int port() {
        return port;
    }

    String url() {
        return "jdbc:postgresql://localhost:" + port + "/postgres?user=postgres&sslmode=disable&loginTimeout=60";
    }

    /** Creates its folder. */
    void create() throws IOException {
        start();
        close();
    }

    /** Starts it, on an empty or an existing folder. */
    void start() throws IOException {
        start(PostgresFixture.durable());
    }

    /** Starts it with synchronous replication: it answers a commit when a standby has it as well. */
    void startWithStandby() throws IOException {
        start(PostgresFixture.durable().setServerConfig("synchronous_standby_names", "*"));
    }

    /**
     * Starts it on an existing folder, with the settings of its configuration file only, so that a reload changes them.
     */
    void startAsConfigured() throws Exception {
        control("start", "-w", "-o", "-p " + port, "-l", data.resolve("log").toString());
        asConfigured = true;
    }

    /** Adds a line to its configuration file, which the next start or reload reads. */
    void configure(String line) throws IOException {
        Files.writeString(data.resolve("postgresql.auto.conf"), line + "\n", StandardOpenOption.APPEND);
    }

    /** Makes it start as a standby without a primary. */
    void makeStandby() throws IOException {
        Files.createFile(data.resolve("standby.signal"));
    }

    private void control(String... arguments) throws Exception {
        String server = Files.readString(data.resolve("postmaster.opts")).split("\\s", 2)[0];
        List<String> command = new ArrayList<>();
        if (System.getProperty("user.name").equals("root")) {
            // The server refuses to run as root.
            command.addAll(List.of("unshare", "-U"));
        }
        command.addAll(List.of(Path.of(server).resolveSibling("pg_ctl").toString(), "-D", data.toString()));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        if (process.waitFor() != 0) {
            throw new AssertionError("failed: " + command);
        }
    }

    private void start(EmbeddedPostgres.Builder server) throws IOException {
        running = server.setDataDirectory(data)
                .setCleanDataDirectory(false)
                .setPort(port)
                .start();
    }

    /** Stops it, so that it can be started again. */
    void stop() throws IOException {
        close();
    }

    /** Stops it in immediate mode: it drops its connections, and recovers at the next start. */
    void stopAtOnce() throws Exception {
        ProcessHandle postmaster = postmaster();
        new ProcessBuilder("kill", "-QUIT", Long.toString(postmaster.pid()))
                .start()
                .waitFor();
        postmaster.onExit().join();
        close();
    }

    /** Kills all of its processes. */
    void kill() throws IOException {
        ProcessHandle postmaster = postmaster();
        List<ProcessHandle> children = postmaster.children().toList();
        postmaster.destroyForcibly();
        children.forEach(ProcessHandle::destroyForcibly);
        postmaster.onExit().join();
        children.forEach(child -> child.onExit().join());
        close();
    }

    /** Restarts it, whether it runs or not. */
    void restart() throws IOException {
        if (Files.exists(data.resolve("postmaster.pid")) && runningPostmaster().isPresent()) {
            kill();
        } else {
            close();
        }
        start();
    }

    private ProcessHandle postmaster() throws IOException {
        return runningPostmaster().orElseThrow();
    }

    private Optional<ProcessHandle> runningPostmaster() throws IOException {
        long pid = Long.parseLong(
                Files.readAllLines(data.resolve("postmaster.pid")).get(0));
        return ProcessHandle.of(pid);
    }

    /** Stops it if it runs. */
    @Override
    public void close() throws IOException {
        if (running != null) {
            running.close();
            running = null;
        }
        if (asConfigured) {
            asConfigured = false;
            try {
                control("stop", "-w", "-m", "immediate");
            } catch (Exception e) {
                throw new IOException(e);
            }
        }
    }
}
