package dev.keystore.mapdb;

import java.io.IOException;
import java.nio.channels.ClosedByInterruptException;

/** Keeps interrupts away from channels, which they close. */
final class Interrupts {

    private Interrupts() {}

    /** What uses a channel that it opens itself, and may be done again from its beginning. */
    interface Work {
        void run() throws IOException;
    }

    /** Does work to its end whatever interrupts come; the thread's flag is set again afterwards. */
    static void outlast(Work work) throws IOException {
        boolean interrupted = Thread.interrupted();
        try {
            while (true) {
                try {
                    work.run();
                    return;
                } catch (ClosedByInterruptException e) {
                    interrupted |= Thread.interrupted();
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
