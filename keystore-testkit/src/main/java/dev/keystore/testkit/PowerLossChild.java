package dev.keystore.testkit;

import dev.keystore.spi.Backend;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The process that a power-loss test records: opens the backends of some folders, one after the other, commits to each
 * from several threads, and prints each commit once it has returned. It exits without closing them unless it is asked
 * to.
 *
 * <p>The second word of each line is the name of the folder.
 */
final class PowerLossChild {

    /** What a child does after its commits. */
    enum Ending {
        CLOSE,
        HALT
    }

    /** How a child responds to a failure of the backend. */
    enum OnFailure {
        /** It exits and fails the test. */
        EXIT,
        /** It retries a commit, and gives up on the thread after some attempts. */
        RETRY
    }

    /**
     * The commits of a child to one folder.
     *
     * @param folder the name of the folder
     * @param seed the seed of the commits
     * @param first the number of the first commit of each thread
     */
    record Assignment(String folder, long seed, List<Long> first) {

        static Assignment parse(String text) {
            String[] parts = text.split(":", -1);
            return new Assignment(
                    parts[0],
                    Long.parseLong(parts[1]),
                    Arrays.stream(parts[2].split(",", -1)).map(Long::valueOf).toList());
        }

        @Override
        public String toString() {
            return folder + ":" + seed + ":"
                    + String.join(",", first.stream().map(String::valueOf).toList());
        }
    }

    private static final int MAXIMUM_ATTEMPTS = 3;

    private final DurabilityTest test;
    private final Path base;
    private final int commits;
    private final Ending ending;
    private final OnFailure onFailure;

    private PowerLossChild(DurabilityTest test, Path base, int commits, Ending ending, OnFailure onFailure) {
        this.test = test;
        this.base = base;
        this.commits = commits;
        this.ending = ending;
        this.onFailure = onFailure;
    }

    /**
     * Takes the name of a test class, the parent folder of the stores, the number of commits of each thread, the
     * {@link Ending}, the {@link OnFailure}, and the assignments.
     */
    public static void main(String[] arguments) {
        ChildProtocol.connect();
        try {
            PowerLossChild child = new PowerLossChild(
                    DurabilityTest.create(arguments[0]),
                    Path.of(arguments[1]),
                    Integer.parseInt(arguments[2]),
                    Ending.valueOf(arguments[3]),
                    OnFailure.valueOf(arguments[4]));
            for (String assignment : Arrays.asList(arguments).subList(5, arguments.length)) {
                child.run(Assignment.parse(assignment));
            }
            Runtime.getRuntime().halt(0);
        } catch (Exception | LinkageError e) {
            ChildProtocol.fail(e);
        }
    }

    private void run(Assignment assignment) throws Exception {
        Backend backend;
        try {
            backend = test.open(base.resolve(assignment.folder()));
        } catch (Exception e) {
            if (onFailure == OnFailure.EXIT) {
                throw e;
            }
            ChildProtocol.send(ChildProtocol.REFUSED + " " + assignment.folder());
            return;
        }
        ChildProtocol.send(ChildProtocol.OPEN + " " + assignment.folder());
        commit(recovered(assignment, backend), new CrashWriter(backend, assignment.seed()));
        if (ending == Ending.CLOSE) {
            backend.close();
        }
    }

    /**
     * Returns the commits that follow those the backend holds. A commit that was not acknowledged but is there can be
     * read from now on, so it is acknowledged here.
     */
    private static Assignment recovered(Assignment assignment, Backend backend) {
        CrashScript script = CrashScript.of(assignment.seed(), backend);
        long[] acknowledged =
                assignment.first().stream().mapToLong(number -> number - 1).toArray();
        List<Long> first = new ArrayList<>();
        for (CrashState state :
                new CrashCheck(new BackendUnderTest(backend), script).check(CrashState.after(acknowledged, script))) {
            int thread = first.size();
            if (state.number() == assignment.first().get(thread)) {
                acknowledge(assignment, thread, state.number());
            }
            first.add(state.number() + 1);
        }
        return new Assignment(assignment.folder(), assignment.seed(), first);
    }

    private void commit(Assignment assignment, CrashWriter writer) throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < CrashScript.THREADS; i++) {
            int number = i;
            threads.add(new Thread(() -> commit(assignment, writer, number), "commits-" + i));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private void commit(Assignment assignment, CrashWriter writer, int thread) {
        long first = assignment.first().get(thread);
        for (long number = first; number < first + commits; number++) {
            if (!isCommitted(assignment, writer, thread, number)) {
                return;
            }
            acknowledge(assignment, thread, number);
            if (thread == 0 && number == first + commits / 2) {
                compact(writer);
            }
        }
    }

    private void compact(CrashWriter writer) {
        try {
            writer.compactIfPossible();
        } catch (RuntimeException | Error e) {
            if (onFailure == OnFailure.EXIT) {
                ChildProtocol.fail(e);
            }
        }
    }

    private static void acknowledge(Assignment assignment, int thread, long number) {
        ChildProtocol.send(ChildProtocol.ACKNOWLEDGED + " " + assignment.folder() + " " + thread + " " + number);
    }

    private boolean isCommitted(Assignment assignment, CrashWriter writer, int thread, long number) {
        for (int attempt = 1; attempt <= MAXIMUM_ATTEMPTS; attempt++) {
            try {
                writer.commit(thread, number);
                return true;
            } catch (RuntimeException | Error e) {
                if (onFailure == OnFailure.EXIT) {
                    ChildProtocol.fail(e);
                }
                ChildProtocol.send(ChildProtocol.REFUSED + " " + assignment.folder() + " " + thread + " " + number);
            }
        }
        return false;
    }
}
