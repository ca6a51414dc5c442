package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.spi.Backend;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * Kills one child after the other on one folder.
 *
 * <p>After most kills, the parent opens the backend and checks it. After the others, the next child opens what the killed
 * one has left and is likely killed as it does, so that what recovers from a crash is cut short, too.
 */
final class CrashRun {

    private static final Duration LONGEST_LIFE = Duration.ofMillis(300);
    private static final int KILLS_BETWEEN_RECOVERIES = 4;
    private static final int FIRST_CALL_BOUND = 8;
    private static final int MOST_TRIES = 10;
    private static final int LAST_CALL_BOUND = 1024;

    private final CrashContractTest test;
    private final Path folder;
    private final Path data;
    private final Path temporary;
    private final long seed;
    private final Random random;
    private final CrashFigures figures = new CrashFigures();
    private final Map<String, Integer> callBounds = new HashMap<>();
    private final long[] acknowledged = new long[CrashScript.THREADS];

    private Duration openingTime = Duration.ofMillis(50);
    private List<CrashState> states;

    /** Makes an empty backend in a folder. */
    CrashRun(CrashContractTest test, Path folder, long seed) throws Exception {
        this.test = test;
        this.folder = folder;
        this.seed = seed;
        random = new Random(seed);
        data = Files.createDirectory(folder.resolve("data"));
        temporary = folder.resolve("temporary");
        try (Backend backend = test.open(data)) {
            CrashScript script = CrashScript.of(seed, backend);
            states = IntStream.range(0, CrashScript.THREADS)
                    .mapToObj(thread -> new CrashState(script, thread))
                    .toList();
            checkThat(backend, script);
        }
    }

    /** Kills children at random moments. */
    CrashFigures killAtRandomMoments(int kills) throws Exception {
        boolean recovering = false;
        for (int i = 1; i <= kills; i++) {
            long longest = recovering ? openingTime.toNanos() * 3 / 2 : LONGEST_LIFE.toNanos();
            CrashKill kill = new CrashKill.AtMoment(recovering, Duration.ofNanos(random.nextLong(longest)));
            recovering = i < kills && random.nextInt(KILLS_BETWEEN_RECOVERIES) == 0;
            kill(kill, i, !recovering);
        }
        return finished();
    }

    /** Kills children at system calls, at each entry of a list in turn; more of them if the first ones tell nothing. */
    CrashFigures killAtSystemCalls(int kills, List<String> systemCalls) throws Exception {
        for (int i = 1; i <= kills || (!isTelling() && i <= MOST_TRIES * kills); i++) {
            String calls = systemCalls.get((i - 1) % systemCalls.size());
            int bound = callBounds.getOrDefault(calls, FIRST_CALL_BOUND);
            boolean isChecked = i >= kills || random.nextInt(KILLS_BETWEEN_RECOVERIES) != 0;
            CrashProcess child = kill(new CrashKill.AtSystemCall(calls, 1 + random.nextInt(bound)), i, isChecked);
            // Some calls come with each commit, others are rare: the counts to choose from follow what was hit.
            callBounds.put(
                    calls,
                    child.isKilledAtSystemCall() ? Math.min(LAST_CALL_BOUND, bound * 2) : Math.max(1, bound / 4));
        }
        assertThat(figures.killsAtCalls()).as("kills at one of %s", systemCalls).isPositive();
        return finished();
    }

    /** Opening makes system calls as well: a few children may all die of those. */
    private boolean isTelling() {
        return figures.killsAtCalls() > 0 && figures.acknowledgements() > 0;
    }

    private CrashFigures finished() {
        assertThat(figures.acknowledgements()).as("acknowledged commits").isPositive();
        return figures;
    }

    private CrashProcess kill(CrashKill kill, int number, boolean isChecked) throws Exception {
        try {
            CrashProcess child = runAndKill(kill);
            if (isChecked) {
                check();
            }
            return child;
        } catch (AssertionError e) {
            throw new AssertionError(
                    "kill %d, %s (crash.seed=%d): %s".formatted(number, kill, seed, e.getMessage()), e);
        }
    }

    private CrashProcess runAndKill(CrashKill kill) throws IOException, InterruptedException {
        Files.createDirectory(temporary);
        Path trace = folder.resolve("trace");
        List<String> command = command();
        if (kill instanceof CrashKill.AtSystemCall call) {
            command = CrashTracer.traced(call, trace, command);
        }
        CrashProcess child = new CrashProcess(command, kill, acknowledged, folder.resolve("errors"));
        child.awaitKill();
        figures.add(child);
        if (child.isKilledAtSystemCall()) {
            figures.addCall(CrashTracer.lastCall(trace).orElse("unknown"));
        }
        if (child.isOpened()) {
            openingTime = child.openingTime();
        }
        deleteTemporary();
        return child;
    }

    private List<String> command() {
        List<String> command = new ArrayList<>(CrashProcess.java(test, temporary, CrashChild.class));
        command.addAll(List.of(data.toString(), Long.toString(seed)));
        LongStream.of(acknowledged).forEach(number -> command.add(Long.toString(number + 1)));
        return command;
    }

    private void check() {
        try (Backend backend = test.open(data)) {
            for (int thread = 0; thread < acknowledged.length; thread++) {
                states.get(thread).advanceTo(acknowledged[thread]);
            }
            checkThat(backend, CrashScript.of(seed, backend));
        } catch (Exception e) {
            throw new AssertionError("the backend can't be opened and read: " + e, e);
        }
        figures.addCheck();
    }

    /** Checks a backend, and goes on from what it holds: a commit that was not acknowledged may be there whole. */
    private void checkThat(Backend backend, CrashScript script) {
        states = new CrashCheck(new BackendUnderTest(backend), script).states(states);
        for (int thread = 0; thread < acknowledged.length; thread++) {
            acknowledged[thread] = states.get(thread).number();
        }
    }

    /** A killed child leaves there what it unpacked. */
    private void deleteTemporary() throws IOException {
        try (Stream<Path> files = Files.walk(temporary)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
