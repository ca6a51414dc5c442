package dev.keystore.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Assumptions;

/**
 * Runs the packaged jar in a pseudo terminal, which {@code script} of util-linux opens. What is typed goes through the
 * terminal, so that Ctrl-C interrupts the command as it does for a person.
 */
final class Pty implements AutoCloseable {

    static final char CTRL_C = 3;

    private static final Path SCRIPT = Path.of("/usr/bin/script");
    private static final Duration TIMEOUT = Duration.ofMinutes(2);

    private final Process process;
    private final ByteArrayOutputStream shown = new ByteArrayOutputStream();
    private final Thread reader;

    private Pty(Process process) {
        this.process = process;
        this.reader = new Thread(this::read, "pty-reader");
        reader.setDaemon(true);
        reader.start();
    }

    /** Starts a command, or skips the test where there is no {@code script}. */
    static Pty start(String... arguments) throws IOException {
        return start("", arguments);
    }

    /** Starts a command like {@link #start(String...)}, whose error output goes to a file. */
    static Pty startWithErrorsTo(Path log, String... arguments) throws IOException {
        return start(" 2>'" + log + "'", arguments);
    }

    private static Pty start(String redirection, String... arguments) throws IOException {
        Assumptions.assumeTrue(Files.isExecutable(SCRIPT), "script of util-linux is missing");
        String command = JarProcess.command(arguments).stream()
                .map(argument -> "'" + argument.replace("'", "'\\''") + "'")
                .collect(Collectors.joining(" "));
        // A build that runs in the background ignores Ctrl-C, and so would the processes that it starts.
        String reset = "stty cols 100; exec env --default-signal=INT " + command + redirection;
        List<String> script = List.of(SCRIPT.toString(), "-qefc", reset, "/dev/null");
        return new Pty(new ProcessBuilder(script).redirectErrorStream(true).start());
    }

    private void read() {
        try (InputStream in = process.getInputStream()) {
            byte[] buffer = new byte[4_096];
            for (int length = in.read(buffer); length >= 0; length = in.read(buffer)) {
                synchronized (shown) {
                    shown.write(buffer, 0, length);
                    shown.notifyAll();
                }
            }
        } catch (IOException e) {
            // The terminal was closed.
        }
    }

    String shown() {
        synchronized (shown) {
            return shown.toString(StandardCharsets.UTF_8);
        }
    }

    /** Waits until the terminal shows something. */
    void await(Predicate<String> expected) throws InterruptedException {
        long deadline = System.nanoTime() + TIMEOUT.toNanos();
        synchronized (shown) {
            while (!expected.test(shown())) {
                long leftMillis = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
                if (leftMillis <= 0) {
                    throw new IllegalStateException("not shown: " + shown());
                }
                shown.wait(Math.min(leftMillis, 100));
            }
        }
    }

    void type(String text) throws IOException {
        OutputStream keyboard = process.getOutputStream();
        keyboard.write(text.getBytes(StandardCharsets.UTF_8));
        keyboard.flush();
    }

    /** Waits for the end, and returns the exit code of the command. */
    int exitCode() throws InterruptedException {
        if (!process.waitFor(TIMEOUT.toSeconds(), TimeUnit.SECONDS)) {
            throw new IllegalStateException("still running: " + shown());
        }
        reader.join(TIMEOUT.toMillis());
        return process.exitValue();
    }

    @Override
    public void close() {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
    }
}
