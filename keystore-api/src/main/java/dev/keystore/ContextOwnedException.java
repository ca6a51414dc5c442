package dev.keystore;

import java.time.Instant;

/**
 * A context was to be opened only if no other owner of it lives, as {@code refuseOwned} of the builder asks for, and one
 * does (R53). That owner keeps it, and nothing was changed.
 */
public final class ContextOwnedException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    private final String context;
    private final String host;
    private final String process;
    private final Instant since;
    private final boolean inThisProcess;

    /**
     * Creates an exception for an owner in another process.
     *
     * @param host the name of the owner's machine, as the owner gave it
     * @param process the owner's process id there
     * @param since when it took the context over, by its own clock
     */
    public ContextOwnedException(String context, String host, String process, Instant since) {
        this(context, host, process, since, false);
    }

    /**
     * Creates an exception.
     *
     * @param host the name of the owner's machine, as the owner gave it
     * @param process the owner's process id there
     * @param since when it took the context over, by its own clock
     * @param inThisProcess whether the owner is another opened store of this process
     */
    public ContextOwnedException(String context, String host, String process, Instant since, boolean inThisProcess) {
        super(
                inThisProcess
                        ? "Context \"" + context + "\" is owned by another opened store of this process (" + process
                                + " on " + host + ") since " + since
                                + "; close that store or use it here, or take the context over"
                        : "Context \"" + context + "\" is owned by process " + process + " on " + host + " since "
                                + since + "; end that process, or take the context over",
                null);
        this.context = context;
        this.host = host;
        this.process = process;
        this.since = since;
        this.inThisProcess = inThisProcess;
    }

    /** Returns the context that is owned. */
    public String context() {
        return context;
    }

    /** Returns the name of the owner's machine. */
    public String host() {
        return host;
    }

    /** Returns the owner's process id. */
    public String process() {
        return process;
    }

    /** Returns when the owner took the context over. */
    public Instant since() {
        return since;
    }

    /** Returns whether the owner is another opened store of this process. */
    public boolean inThisProcess() {
        return inThisProcess;
    }
}
