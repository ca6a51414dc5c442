package dev.keystore.core.modelbased;

import java.util.List;

/** The configuration of the database that a program uses. */
record Setup(
        BackendKind kind,
        List<String> contexts,
        long cacheBytes,
        int groupSize,
        boolean delays,
        boolean encrypted,
        boolean hidesNames) {

    /** The capabilities of the backend. */
    enum BackendKind {
        /** All. */
        COMPLETE,
        /** Group commits only. */
        GROUPING,
        /** Atomic commits of one batch only. */
        ATOMIC,
        /** Contexts only. */
        PLAIN,
        /** None, and one context. */
        MINIMAL,
        /** Those of a real backend, which never fails. */
        REAL
    }
}
