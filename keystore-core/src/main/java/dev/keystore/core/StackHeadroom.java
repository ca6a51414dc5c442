package dev.keystore.core;

/** Makes sure that there is stack left before something begins that should not be cut short by its end. */
final class StackHeadroom {

    /** Calls on top of each other that must fit: some 15 KiB of stack compiled, 50 KiB interpreted. */
    private static final int CALLS = 512;

    private StackHeadroom() {}

    /** Throws {@link StackOverflowError} now if it might be thrown soon. Takes about a microsecond. */
    static void require() {
        descend(CALLS);
    }

    private static int descend(int calls) {
        return calls == 0 ? 0 : 1 + descend(calls - 1);
    }
}
