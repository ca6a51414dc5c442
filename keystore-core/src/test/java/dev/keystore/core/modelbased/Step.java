package dev.keystore.core.modelbased;

import dev.keystore.KeyOperations;
import dev.keystore.KeyReader;
import dev.keystore.core.modelbased.Model.View;

/** One step of a thread, inside or outside of a transaction. */
interface Step {

    /** Runs the step, and records in the view what it read and wrote. */
    void run(KeyOperations on, View view, Runner runner);

    /** The sizes of written values. */
    enum Size {
        UNIQUE,
        LONG,
        EMPTY,
        SAME
    }

    /** What a step uses of the thread that runs it. */
    interface Runner {

        DatabaseUnderTest database();

        /** Returns the handle, or in half of the cases its read-only view. */
        KeyReader pick(KeyOperations on);

        /** Returns the next value of a size. */
        String value(Size size);

        /** Runs a step of a nested transaction. */
        void perform(Step step, KeyOperations on, View view);

        /** Commits a step through the store, from inside a transaction. */
        void commitOutside(String context, Step step);
    }
}
