package dev.keystore.testkit;

import java.time.Duration;

/** When a child is killed. */
sealed interface CrashKill {

    /**
     * Some time after a child began to open the backend, or after its first acknowledgement.
     *
     * @param whileOpening whether it is after the former
     */
    record AtMoment(boolean whileOpening, Duration delay) implements CrashKill {

        @Override
        public String toString() {
            return "%d µs after %s"
                    .formatted(delay.toNanos() / 1000, whileOpening ? "it began to open" : "its first acknowledgement");
        }
    }

    /**
     * When a thread of the child is about to make one of some system calls.
     *
     * @param calls names, separated by commas
     * @param count which one of these calls of the thread it is, from 1
     */
    record AtSystemCall(String calls, int count) implements CrashKill {

        @Override
        public String toString() {
            return "at call " + count + " of " + calls;
        }
    }
}
