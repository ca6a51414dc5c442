package dev.keystore;

import java.time.Instant;

/**
 * Thrown when a context was opened with {@code refuseOwned} and another owner of it is alive (R53). That owner keeps
 * the context, and nothing was changed.
 */
public final class ContextOwnedException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /** The name of the context. */
    private final String context;

    /** The name of the owner's machine. */
    private final String host;

    /** The owner's process id. */
    private final String process;

    /** When the owner took the context over. */
    private final Instant since;

    /** Whether the owner is in this process. */
    private final boolean inThisProcess;

    /**
     * Creates an exception for an owner in another process.
     *
     * @param context the name of the context
     * @param host the name of the owner's machine, as reported by the owner
     * @param process the owner's process id on that machine
     * @param since when the owner took the context over, by its own clock
     */
    public ContextOwnedException(String context, String host, String process, Instant since) {
        this(context, host, process, since, false);
    }

    /**
     * Creates an exception.
     *
     * @param context the name of the context
     * @param host the name of the owner's machine, as reported by the owner
     * @param process the owner's process id on that machine
     * @param since when the owner took the context over, by its own clock
     * @param inThisProcess whether the owner is another opened database of this process
     */
    public ContextOwnedException(String context, String host, String process, Instant since, boolean inThisProcess) {
        super(
                inThisProcess
                        ? "Context \"" + context + "\" is owned by another opened database of this process (" + process
                                + " on " + host + ") since " + since
                                + "; close that database or use it here, or take the context over"
                        : "Context \"" + context + "\" is owned by process " + process + " on " + host + " since "
                                + since + "; end that process, or take the context over",
                null);
        this.context = context;
        this.host = host;
        this.process = process;
        this.since = since;
        this.inThisProcess = inThisProcess;
    }

    /**
     * Returns the name of the context that is owned.
     *
     * @return the name
     */
    public String context() {
        return context;
    }

    /**
     * Returns the name of the owner's machine, as reported by the owner.
     *
     * @return the host name
     */
    public String host() {
        return host;
    }

    /**
     * Returns the owner's process id on its machine.
     *
     * @return the process id
     */
    public String process() {
        return process;
    }

    /**
     * Returns when the owner took the context over, by its own clock.
     *
     * @return the time of the takeover
     */
    public Instant since() {
        return since;
    }

    /**
     * Returns whether the owner is another opened database of this process.
     *
     * @return {@code true} if the owner is in this process
     */
    public boolean inThisProcess() {
        return inThisProcess;
    }
}
