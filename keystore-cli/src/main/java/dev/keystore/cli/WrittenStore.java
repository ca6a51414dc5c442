package dev.keystore.cli;

import dev.keystore.core.SignalKeyDatabase;

/**
 * A store that a command writes to, or reads for what it writes elsewhere. If the command is done and the store then
 * fails to close, that is no failure before anything was changed.
 *
 * @param database the store
 */
record WrittenStore(SignalKeyDatabase database) implements AutoCloseable {

    /** What to do if only closing failed. */
    static final String DONE_BEFORE = "The command was done before; only closing the store failed. Look at what it did"
            + " with keystore verify.";

    static WrittenStore open(SignalKeyDatabase.Builder builder) {
        return new WrittenStore(builder.open());
    }

    /**
     * Closes the store. If the command has failed, its exception reaches the user, not the one of this method.
     *
     * @throws Resumable if that fails
     */
    @Override
    public void close() {
        try {
            database.close();
        } catch (RuntimeException e) {
            throw new Resumable(e, DONE_BEFORE);
        }
    }
}
