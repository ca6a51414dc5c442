package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The parent's side of one child: starts it, hears its acknowledgements, and kills it. Used by one thread. */
final class CrashProcess {

    private static final Duration FIRST_ACKNOWLEDGEMENT_TIMEOUT = Duration.ofSeconds(60);
    private static final Duration SYSTEM_CALL_TIMEOUT = Duration.ofSeconds(1);
    private static final int KILLED = 128 + 9;

    private final CrashKill kill;
    private final long[] acknowledged;
    private final Path errors;
    private final Process process;
    private final ScheduledExecutorService killer = Executors.newSingleThreadScheduledExecutor(work -> {
        Thread thread = new Thread(work, "crash-killer");
        thread.setDaemon(true);
        return thread;
    });

    private ProcessHandle victim;
    private volatile boolean killed;
    private @Nullable Future<Boolean> pendingKill;
    private boolean opened;
    private long openingSince;
    private Duration openingTime = Duration.ZERO;
    private long acknowledgements;
    private @Nullable String failure;

    /**
     * Starts a child.
     *
     * @param acknowledged the number of the last commit that each thread acknowledged; kept up to date
     * @param errors takes what the child prints to its standard error
     */
    CrashProcess(List<String> command, CrashKill kill, long[] acknowledged, Path errors) throws IOException {
        this.kill = kill;
        this.acknowledged = acknowledged;
        this.errors = errors;
        process = new ProcessBuilder(command).redirectError(errors.toFile()).start();
        victim = process.toHandle();
    }

    static String java() {
        return Path.of(System.getProperty("java.home"), "bin", "java").toString();
    }

    /** Returns a command that runs a child, without its arguments but the name of the test. */
    static List<String> java(DurabilityTest test, Path temporary, Class<?> child) {
        List<String> command = new ArrayList<>(List.of(
                java(),
                "-Xmx64m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-XX:-UsePerfData",
                "-Djava.io.tmpdir=" + temporary));
        command.addAll(test.jvmArguments());
        command.addAll(
                List.of("-cp", classPath(), child.getName(), test.getClass().getName()));
        return command;
    }

    /** Returns the class path of this process, wherever its launcher keeps it. */
    static String classPath() {
        String listed = System.getProperty("surefire.test.class.path");
        return Stream.of(
                        listed == null ? System.getProperty("java.class.path") : listed,
                        System.getProperty("jdk.module.path"))
                .filter(Objects::nonNull)
                .flatMap(path -> Arrays.stream(path.split(File.pathSeparator, -1)))
                .filter(entry -> !entry.isEmpty())
                .collect(Collectors.joining(File.pathSeparator));
    }

    /**
     * Hears the child until it is dead.
     *
     * @throws AssertionError if it failed, or ended otherwise than by the kill
     */
    void awaitKill() throws IOException, InterruptedException {
        killIn(FIRST_ACKNOWLEDGEMENT_TIMEOUT);
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                hear(line);
            }
        } finally {
            killer.shutdownNow();
            victim.destroyForcibly();
            process.destroyForcibly();
        }
        int exit = process.waitFor();
        if (failure != null) {
            throw new AssertionError(
                    (opened ? "a commit of the child failed: " : "the child can't open the backend: ") + failure);
        }
        assertThat(exit)
                .as(() -> "how the child ended, after it said " + said())
                .isEqualTo(KILLED);
        assertThat(!killed || acknowledgements > 0 || isWhileOpening())
                .as(() -> "a commit was acknowledged within " + FIRST_ACKNOWLEDGEMENT_TIMEOUT
                        + ", after the child said " + said())
                .isTrue();
    }

    /** Tells whether the system call killed the child, before the parent had to. */
    boolean isKilledAtSystemCall() {
        return kill instanceof CrashKill.AtSystemCall && !killed;
    }

    /** Tells whether the child had opened the backend when it was killed. */
    boolean isOpened() {
        return opened;
    }

    /** Returns how long the child took to open the backend, or zero if it did not come to that. */
    Duration openingTime() {
        return openingTime;
    }

    long acknowledgements() {
        return acknowledgements;
    }

    private void hear(String line) {
        String[] words = line.split(" ", 3);
        switch (words[0]) {
            case CrashChild.PID -> ProcessHandle.of(Long.parseLong(words[1])).ifPresent(handle -> victim = handle);
            case CrashChild.OPENING -> {
                openingSince = System.nanoTime();
                if (kill instanceof CrashKill.AtMoment moment && moment.whileOpening()) {
                    killIn(moment.delay());
                }
            }
            case CrashChild.OPEN -> {
                opened = true;
                openingTime = Duration.ofNanos(System.nanoTime() - openingSince);
            }
            case CrashChild.ACKNOWLEDGED -> acknowledge(Integer.parseInt(words[1]), Long.parseLong(words[2]));
            case CrashChild.FAILED ->
                failure = line.substring(CrashChild.FAILED.length() + 1).replace('\t', '\n');
            default -> throw new AssertionError("the child said " + line);
        }
    }

    private void acknowledge(int thread, long number) {
        assertThat(number).as("acknowledgement of thread %d", thread).isEqualTo(acknowledged[thread] + 1);
        acknowledged[thread] = number;
        if (acknowledgements++ == 0) {
            if (kill instanceof CrashKill.AtMoment moment && !moment.whileOpening()) {
                killIn(moment.delay());
            } else if (kill instanceof CrashKill.AtSystemCall) {
                killIn(SYSTEM_CALL_TIMEOUT);
            }
        }
    }

    /** Kills the child some time from now, and not when it was to be killed before. */
    private void killIn(Duration delay) {
        if (pendingKill != null) {
            pendingKill.cancel(false);
        }
        ProcessHandle target = victim;
        pendingKill = killer.schedule(
                () -> {
                    killed = true;
                    // Not through Process, which would close the pipe with acknowledgements in it.
                    return target.destroyForcibly();
                },
                delay.toNanos(),
                TimeUnit.NANOSECONDS);
    }

    private boolean isWhileOpening() {
        return kill instanceof CrashKill.AtMoment moment && moment.whileOpening();
    }

    private List<String> said() {
        try {
            return Files.readAllLines(errors);
        } catch (IOException e) {
            return List.of("what can't be read: " + e);
        }
    }
}
