package dev.keystore.testkit;

import java.time.Duration;

/** When a child is killed. */
sealed interface CrashKill {

    /**
     * After a delay.
     *
     * @param whileOpening whether the delay starts when the child begins to open the backend; otherwise it starts at
     *     the first acknowledgement
     */
    record AtMoment(boolean whileOpening, Duration delay) implements CrashKill {

        @Override
        public String toString() {
            return "%d µs after %s"
                    .formatted(delay.toNanos() / 1000, whileOpening ? "it began to open" : "its first acknowledgement");
        }
    }

    /**
     * When a thread of the child is about to make a system call.
     *
     * @param calls the names of the calls, separated by commas
     * @param count the number of the call among these calls of the thread, starting at 1
     */
    record AtSystemCall(String calls, int count) implements CrashKill {

        @Override
        public String toString() {
            return "at call " + count + " of " + calls;
        }
    }
}
