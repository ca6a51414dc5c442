package dev.keystore.cli;

/** The exit codes of the command. */
final class ExitCodes {

    /** It was done, and nothing was found. */
    static final int DONE = 0;

    /**
     * It was done, and something needs attention: damage; what was not copied, moved, imported or exported; a context
     * that was left out of a restore since its move had not ended; or a restore that left out every context.
     */
    static final int FINDINGS = 1;

    /** The command line is wrong; nothing was changed. */
    static final int USAGE = 2;

    /** It was refused or it failed; nothing was changed. */
    static final int FAILED = 3;

    /**
     * It was interrupted or it failed midway; the same command continues, or a restore with the names of the contexts
     * that can be restored.
     */
    static final int INTERRUPTED = 4;

    private ExitCodes() {}
}
