package dev.keystore.testkit;

import dev.keystore.spi.Backend;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The process that is recorded: opens the backends of some folders, one after the other, commits to each from several
 * threads, and prints each commit once it has returned. It ends without closing them unless it is asked to.
 *
 * <p>Each line names the folder as its second word.
 */
final class PowerLossChild {

    static final String OPEN = "open";
    static final String REFUSED = "refused";

    /** What a child does when it has committed. */
    enum Ending {
        CLOSE,
        HALT
    }

    /** What a child makes of a failure. */
    enum Failures {
        /** It ends: nothing should fail. */
        END,
        /** It tries a commit again, and then gives up on the thread. */
        RETRY
    }

    /**
     * What a child does in one folder.
     *
     * @param first the number of the first commit of each thread
     */
    record Task(String folder, long seed, List<Long> first) {

        static Task parse(String text) {
            String[] parts = text.split(":", -1);
            return new Task(
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

    private static final int MOST_TRIES = 3;

    private final DurabilityTest test;
    private final Path base;
    private final int commits;
    private final Ending ending;
    private final Failures failures;

    private PowerLossChild(DurabilityTest test, Path base, int commits, Ending ending, Failures failures) {
        this.test = test;
        this.base = base;
        this.commits = commits;
        this.ending = ending;
        this.failures = failures;
    }

    /** Takes the name of a test, the folder of the folders, how many commits a thread does, what to do then, the tasks. */
    public static void main(String[] arguments) {
        CrashChild.beginTelling();
        try {
            PowerLossChild child = new PowerLossChild(
                    DurabilityTest.make(arguments[0]),
                    Path.of(arguments[1]),
                    Integer.parseInt(arguments[2]),
                    Ending.valueOf(arguments[3]),
                    Failures.valueOf(arguments[4]));
            for (String task : Arrays.asList(arguments).subList(5, arguments.length)) {
                child.run(Task.parse(task));
            }
            Runtime.getRuntime().halt(0);
        } catch (Exception | LinkageError e) {
            CrashChild.fail(e);
        }
    }

    private void run(Task task) throws Exception {
        Backend backend;
        try {
            backend = test.open(base.resolve(task.folder()));
        } catch (Exception e) {
            if (failures == Failures.END) {
                throw e;
            }
            CrashChild.tell(REFUSED + " " + task.folder());
            return;
        }
        CrashChild.tell(OPEN + " " + task.folder());
        commit(recovered(task, backend), new CrashWriter(backend, task.seed()));
        if (ending == Ending.CLOSE) {
            backend.close();
        }
    }

    /**
     * Returns the task from what the backend holds: a commit that was not acknowledged and is there can be read from now on,
     * so it counts as acknowledged.
     */
    private static Task recovered(Task task, Backend backend) {
        CrashScript script = CrashScript.of(task.seed(), backend);
        List<CrashState> acknowledged = new ArrayList<>();
        for (int thread = 0; thread < CrashScript.THREADS; thread++) {
            CrashState state = new CrashState(script, thread);
            state.advanceTo(task.first().get(thread) - 1);
            acknowledged.add(state);
        }
        List<Long> first = new ArrayList<>();
        for (CrashState state : new CrashCheck(new BackendUnderTest(backend), script).states(acknowledged)) {
            int thread = first.size();
            if (state.number() == task.first().get(thread)) {
                tell(task, thread, state.number());
            }
            first.add(state.number() + 1);
        }
        return new Task(task.folder(), task.seed(), first);
    }

    private void commit(Task task, CrashWriter writer) throws InterruptedException {
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < CrashScript.THREADS; i++) {
            int number = i;
            threads.add(new Thread(() -> commit(task, writer, number), "commits-" + i));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private void commit(Task task, CrashWriter writer, int thread) {
        long first = task.first().get(thread);
        for (long number = first; number < first + commits; number++) {
            if (!isCommitted(task, writer, thread, number)) {
                return;
            }
            tell(task, thread, number);
        }
    }

    private static void tell(Task task, int thread, long number) {
        CrashChild.tell(CrashChild.ACKNOWLEDGED + " " + task.folder() + " " + thread + " " + number);
    }

    private boolean isCommitted(Task task, CrashWriter writer, int thread, long number) {
        for (int attempt = 1; attempt <= MOST_TRIES; attempt++) {
            try {
                writer.commit(thread, number);
                return true;
            } catch (RuntimeException | Error e) {
                if (failures == Failures.END) {
                    CrashChild.fail(e);
                }
                CrashChild.tell(REFUSED + " " + task.folder() + " " + thread + " " + number);
            }
        }
        return false;
    }
}
