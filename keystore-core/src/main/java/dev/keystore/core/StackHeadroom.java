package dev.keystore.core;

/** Checks for free stack before an operation that a {@link StackOverflowError} should not interrupt. */
final class StackHeadroom {

    /** Nested calls that must fit: about 15 KiB of stack when compiled, 50 KiB when interpreted. */
    private static final int CALLS = 512;

    private StackHeadroom() {}

    /** Throws {@link StackOverflowError} if little stack is left. Takes 1 to 3 µs. */
    static void require() {
        descend(CALLS);
    }

    private static int descend(int calls) {
        return calls == 0 ? 0 : 1 + descend(calls - 1);
    }
}
