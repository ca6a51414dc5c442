package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The parent's side of one child: starts it, reads its acknowledgements, and kills it. Used by one thread. */
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
     * @param acknowledged the number of the last commit that each thread acknowledged; this object updates it
     * @param errors the file for the child's standard error
     */
    CrashProcess(List<String> command, CrashKill kill, long[] acknowledged, Path errors) throws IOException {
        this.kill = kill;
        this.acknowledged = acknowledged;
        this.errors = errors;
        process = new ProcessBuilder(command).redirectError(errors.toFile()).start();
        victim = process.toHandle();
    }

    /**
     * Reads the child's lines until it has exited.
     *
     * @throws AssertionError if it failed, or exited for another reason than the kill
     */
    void awaitKill() throws IOException, InterruptedException {
        killIn(FIRST_ACKNOWLEDGEMENT_TIMEOUT);
        try (BufferedReader lines =
                new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                read(line);
            }
        } finally {
            killer.shutdownNow();
            victim.destroyForcibly();
            process.destroyForcibly();
        }
        int exit = process.waitFor();
        if (failure != null) {
            throw new AssertionError(
                    (opened ? "a commit of the child failed: " : "the child cannot open the backend: ") + failure);
        }
        assertThat(exit)
                .as(() -> "exit code of the child, which printed " + errors())
                .isEqualTo(KILLED);
        assertThat(!killed || acknowledgements > 0 || isWhileOpening())
                .as(() -> "a commit was acknowledged within " + FIRST_ACKNOWLEDGEMENT_TIMEOUT + "; the child printed "
                        + errors())
                .isTrue();
    }

    /** Returns whether the child was killed at the system call, not by the parent. */
    boolean isKilledAtSystemCall() {
        return kill instanceof CrashKill.AtSystemCall && !killed;
    }

    /** Returns whether the child had opened the backend when it was killed. */
    boolean isOpened() {
        return opened;
    }

    /** Returns the time the child took to open the backend; zero if it was killed before. */
    Duration openingTime() {
        return openingTime;
    }

    long acknowledgements() {
        return acknowledgements;
    }

    private void read(String line) {
        if (ChildProtocol.isFailure(line)) {
            failure = ChildProtocol.failure(line);
            return;
        }
        String[] words = line.split(" ", 3);
        switch (words[0]) {
            case ChildProtocol.PID -> ProcessHandle.of(Long.parseLong(words[1])).ifPresent(handle -> victim = handle);
            case ChildProtocol.OPENING -> {
                openingSince = System.nanoTime();
                if (kill instanceof CrashKill.AtMoment moment && moment.whileOpening()) {
                    killIn(moment.delay());
                }
            }
            case ChildProtocol.OPEN -> {
                opened = true;
                openingTime = Duration.ofNanos(System.nanoTime() - openingSince);
            }
            case ChildProtocol.ACKNOWLEDGED -> acknowledge(Integer.parseInt(words[1]), Long.parseLong(words[2]));
            default -> throw new AssertionError("the child printed an unknown line: " + line);
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

    /** Kills the child after a delay, which replaces an earlier one. */
    private void killIn(Duration delay) {
        if (pendingKill != null) {
            pendingKill.cancel(false);
        }
        ProcessHandle target = victim;
        pendingKill = killer.schedule(
                () -> {
                    killed = true;
                    // Process.destroyForcibly would close the pipe with acknowledgements in it.
                    return target.destroyForcibly();
                },
                delay.toNanos(),
                TimeUnit.NANOSECONDS);
    }

    private boolean isWhileOpening() {
        return kill instanceof CrashKill.AtMoment moment && moment.whileOpening();
    }

    private List<String> errors() {
        try {
            return Files.readAllLines(errors);
        } catch (IOException e) {
            return List.of("an unreadable file: " + e);
        }
    }
}
