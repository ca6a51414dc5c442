package dev.keystore.testkit;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * The process that is killed: opens the backend as a test says, commits from several threads, and prints each commit
 * once it has returned.
 */
final class CrashChild {

    static final String PID = "pid";
    static final String OPENING = "opening";
    static final String OPEN = "open";
    static final String ACKNOWLEDGED = "ok";
    static final String FAILED = "failed";

    private static final FileOutputStream PARENT = new FileOutputStream(FileDescriptor.out);

    private final CrashWriter writer;

    private CrashChild(CrashWriter writer) {
        this.writer = writer;
    }

    /** Takes the name of a test, a folder, the seed, and the number of the next commit of each thread. */
    public static void main(String[] arguments) {
        beginTelling();
        try {
            tell(PID + " " + ProcessHandle.current().pid());
            DurabilityTest test = DurabilityTest.make(arguments[0]);
            tell(OPENING);
            CrashChild child =
                    new CrashChild(new CrashWriter(test.open(Path.of(arguments[1])), Long.parseLong(arguments[2])));
            tell(OPEN);
            for (int i = 0; i < CrashScript.THREADS; i++) {
                int thread = i;
                long first = Long.parseLong(arguments[3 + i]);
                start("commits-" + i, () -> child.commitOn(thread, first), false);
            }
        } catch (Exception | LinkageError e) {
            fail(e);
        }
    }

    private void commitOn(int thread, long first) {
        try {
            for (long number = first; ; number++) {
                writer.commit(thread, number);
                tell(ACKNOWLEDGED + " " + thread + " " + number);
            }
        } catch (RuntimeException | Error e) {
            fail(e);
        }
    }

    /** Prepares this process for telling its parent lines, and for ending with it. */
    static void beginTelling() {
        // What the backend prints must not get between the acknowledgements.
        System.setOut(System.err);
        start("parent", CrashChild::endWithParent, true);
    }

    private static void start(String name, Runnable work, boolean daemon) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(daemon);
        thread.start();
    }

    /** Ends this process when the parent is no more, however that ended. */
    private static void endWithParent() {
        try {
            while (System.in.read() >= 0) {}
        } catch (IOException e) {
            // No parent to hear of it.
        }
        Runtime.getRuntime().halt(1);
    }

    /** Prints a line in one system call, so that a kill does not cut it. */
    static void tell(String line) {
        try {
            PARENT.write((line + "\n").getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static void fail(Throwable failure) {
        StringWriter text = new StringWriter();
        failure.printStackTrace(new PrintWriter(text));
        tell(FAILED + " " + text.toString().replace('\n', '\t'));
        Runtime.getRuntime().halt(1);
    }
}
