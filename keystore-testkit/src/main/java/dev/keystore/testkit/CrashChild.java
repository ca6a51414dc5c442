package dev.keystore.testkit;

import java.nio.file.Path;

/**
 * The process that a crash test kills: opens a backend with the test's method, commits from several threads, and prints
 * each commit once it has returned.
 */
final class CrashChild {

    /** The number of commits of a thread from one compaction to the next. */
    private static final int COMMITS_PER_COMPACTION = 4;

    private final CrashWriter writer;
    private final boolean compacts;

    private CrashChild(CrashWriter writer, boolean compacts) {
        this.writer = writer;
        this.compacts = compacts;
    }

    /**
     * Takes the name of a test class, a folder, the seed, whether the first thread compacts the backend between its
     * commits, and the number of the next commit of each thread.
     */
    public static void main(String[] arguments) {
        ChildProtocol.connect();
        try {
            ChildProtocol.send(ChildProtocol.PID + " " + ProcessHandle.current().pid());
            DurabilityTest test = DurabilityTest.create(arguments[0]);
            ChildProtocol.send(ChildProtocol.OPENING);
            CrashWriter writer = new CrashWriter(test.open(Path.of(arguments[1])), Long.parseLong(arguments[2]));
            CrashChild child = new CrashChild(writer, Boolean.parseBoolean(arguments[3]));
            ChildProtocol.send(ChildProtocol.OPEN);
            for (int i = 0; i < CrashScript.THREADS; i++) {
                int thread = i;
                long first = Long.parseLong(arguments[4 + i]);
                new Thread(() -> child.commitOn(thread, first), "commits-" + i).start();
            }
        } catch (Exception | LinkageError e) {
            ChildProtocol.fail(e);
        }
    }

    private void commitOn(int thread, long first) {
        try {
            for (long number = first; ; number++) {
                writer.commit(thread, number);
                if (compacts && thread == 0 && number % COMMITS_PER_COMPACTION == 0) {
                    writer.compactIfPossible();
                }
                ChildProtocol.send(ChildProtocol.ACKNOWLEDGED + " " + thread + " " + number);
            }
        } catch (RuntimeException | Error e) {
            ChildProtocol.fail(e);
        }
    }
}
