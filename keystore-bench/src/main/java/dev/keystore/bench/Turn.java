package dev.keystore.bench;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import org.jspecify.annotations.Nullable;

/**
 * The turn of a forked JVM whose variant is measured alternately with others: before an iteration, each of its threads
 * waits for the turn, which {@link Turns} grants. A JVM that is measured alone never waits.
 */
final class Turn {

    /** The system property that has the port of {@link Turns}. */
    static final String PORT = "keystore.bench.turns.port";

    private static final Object LOCK = new Object();

    @GuardedBy("LOCK")
    private static @Nullable Socket connection;

    @GuardedBy("LOCK")
    private static boolean granted;

    private Turn() {}

    /** Waits until the iteration that begins has its turn. */
    static void begin() {
        Integer port = Integer.getInteger(PORT);
        if (port == null) {
            return;
        }
        synchronized (LOCK) {
            if (granted) {
                return;
            }
            try {
                if (connection == null) {
                    connection = new Socket(InetAddress.getLoopbackAddress(), port);
                }
                if (connection.getInputStream().read() < 0) {
                    throw new IllegalStateException("the process that grants turns has ended");
                }
            } catch (IOException e) {
                throw new UncheckedIOException("no turn was granted", e);
            }
            granted = true;
        }
    }

    /** Ends the turn: called by each thread of the iteration, of which all have stopped measuring by then. */
    static void end() {
        synchronized (LOCK) {
            if (!granted || connection == null) {
                return;
            }
            granted = false;
            try {
                connection.getOutputStream().write(1);
            } catch (IOException e) {
                throw new UncheckedIOException("the end of a turn could not be reported", e);
            }
        }
    }
}
