package dev.keystore.testkit;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

/** The lines that a child process of a crash or power-loss test prints to its parent. It exits when the parent does. */
final class ChildProtocol {

    static final String PID = "pid";
    static final String OPENING = "opening";
    static final String OPEN = "open";
    static final String ACKNOWLEDGED = "ok";
    static final String REFUSED = "refused";

    private static final String FAILED = "failed";
    private static final FileOutputStream PARENT = new FileOutputStream(FileDescriptor.out);

    private ChildProtocol() {}

    /** Redirects other output away from the parent's pipe, and makes this process exit when the parent does. */
    static void connect() {
        // The backend's own output must not get between the acknowledgements.
        System.setOut(System.err);
        Thread watch = new Thread(ChildProtocol::exitWithParent, "parent");
        watch.setDaemon(true);
        watch.start();
    }

    private static void exitWithParent() {
        try {
            while (System.in.read() >= 0) {}
        } catch (IOException e) {
            // The pipe is broken: the parent is gone, too.
        }
        Runtime.getRuntime().halt(1);
    }

    /** Prints a line in one system call, so that a kill cannot truncate it. */
    static void send(String line) {
        try {
            PARENT.write((line + "\n").getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Prints a failure with its stack trace, and exits. */
    static void fail(Throwable failure) {
        StringWriter text = new StringWriter();
        failure.printStackTrace(new PrintWriter(text));
        send(FAILED + " " + text.toString().replace('\n', '\t'));
        Runtime.getRuntime().halt(1);
    }

    static boolean isFailure(String line) {
        return line.startsWith(FAILED + " ");
    }

    /** Returns the stack trace in a line that {@link #fail} printed. */
    static String failure(String line) {
        return line.substring(FAILED.length() + 1).replace('\t', '\n');
    }

    static boolean isAcknowledgement(String line) {
        return line.startsWith(ACKNOWLEDGED + " ");
    }
}
