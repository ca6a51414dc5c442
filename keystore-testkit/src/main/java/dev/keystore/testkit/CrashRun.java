package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.spi.Backend;
import dev.keystore.spi.Compaction;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.LongStream;

/**
 * Starts and kills child processes, one after the other, on one folder.
 *
 * <p>After most kills, the parent opens the backend and checks it. After the others, the next child opens it and is
 * likely killed while it recovers, so that interrupted recoveries are tested, too.
 */
final class CrashRun {

    private static final Duration LONGEST_RUN = Duration.ofMillis(300);
    private static final int KILLS_BETWEEN_RECOVERIES = 4;
    private static final int FIRST_CALL_BOUND = 8;
    private static final int MAXIMUM_ATTEMPTS = 10;
    private static final int LAST_CALL_BOUND = 1024;

    private final DurabilityTest test;
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
    private boolean compacts;

    /** Creates an empty backend in a folder. */
    CrashRun(DurabilityTest test, Path folder, long seed) throws Exception {
        this.test = test;
        this.folder = folder;
        this.seed = seed;
        random = new Random(seed);
        data = Files.createDirectory(folder.resolve("data"));
        temporary = folder.resolve("temporary");
        try (Backend backend = test.open(data)) {
            CrashScript script = CrashScript.of(seed, backend);
            states = CrashState.after(acknowledged, script);
            check(backend, script);
        }
    }

    /** Makes the children compact the backend every few commits. Its test is skipped if it can't be compacted. */
    CrashRun withCompactions() throws Exception {
        try (Backend backend = test.open(data)) {
            Compaction unused = new BackendUnderTest(backend).require(Compaction.class);
        }
        compacts = true;
        return this;
    }

    /** Kills children at random moments. */
    CrashFigures killAtRandomMoments(int kills) throws Exception {
        boolean recovering = false;
        for (int i = 1; i <= kills; i++) {
            long longest = recovering ? openingTime.toNanos() * 3 / 2 : LONGEST_RUN.toNanos();
            CrashKill kill = new CrashKill.AtMoment(recovering, Duration.ofNanos(random.nextLong(longest)));
            recovering = i < kills && random.nextInt(KILLS_BETWEEN_RECOVERIES) == 0;
            kill(kill, i, !recovering);
        }
        return finished();
    }

    /**
     * Kills children at system calls, at each entry of a list in turn; more children if the first ones show nothing.
     */
    CrashFigures killAtSystemCalls(int kills, List<String> systemCalls) throws Exception {
        for (int i = 1; i <= kills || (!isConclusive() && i <= MAXIMUM_ATTEMPTS * kills); i++) {
            String calls = systemCalls.get((i - 1) % systemCalls.size());
            int bound = callBounds.getOrDefault(calls, FIRST_CALL_BOUND);
            boolean isChecked = i >= kills || random.nextInt(KILLS_BETWEEN_RECOVERIES) != 0;
            CrashProcess child = kill(new CrashKill.AtSystemCall(calls, 1 + random.nextInt(bound)), i, isChecked);
            // Some calls come with each commit, others are rare: adapt the range of counts to the calls that were
            // reached.
            callBounds.put(
                    calls,
                    child.isKilledAtSystemCall() ? Math.min(LAST_CALL_BOUND, bound * 2) : Math.max(1, bound / 4));
        }
        assertThat(figures.killsAtCalls()).as("kills at %s", systemCalls).isPositive();
        return finished();
    }

    /** Opening makes system calls as well: a few children may all be killed there. */
    private boolean isConclusive() {
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
        FileTree.delete(temporary); // a killed child leaves its unpacked libraries there
        return child;
    }

    private List<String> command() {
        List<String> command = new ArrayList<>(ChildCommand.of(test, temporary, CrashChild.class));
        command.addAll(List.of(data.toString(), Long.toString(seed), Boolean.toString(compacts)));
        LongStream.of(acknowledged).forEach(number -> command.add(Long.toString(number + 1)));
        return command;
    }

    private void check() {
        try (Backend backend = test.open(data)) {
            for (int thread = 0; thread < acknowledged.length; thread++) {
                states.get(thread).advanceTo(acknowledged[thread]);
            }
            check(backend, CrashScript.of(seed, backend));
        } catch (Exception e) {
            throw new AssertionError("the backend cannot be opened and read: " + e, e);
        }
        figures.addCheck();
    }

    /** Checks a backend, and continues from its state: a commit that was not acknowledged may be there as a whole. */
    private void check(Backend backend, CrashScript script) {
        states = new CrashCheck(new BackendUnderTest(backend), script).check(states);
        for (int thread = 0; thread < acknowledged.length; thread++) {
            acknowledged[thread] = states.get(thread).number();
        }
    }
}
