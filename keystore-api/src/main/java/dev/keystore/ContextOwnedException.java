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

    /**
     * Makes an exception.
     *
     * @param host the name of the owner's machine, as the owner gave it
     * @param process the owner's process id there
     * @param since when it took the context over, by its own clock
     */
    public ContextOwnedException(String context, String host, String process, Instant since) {
        super(
                "Context \"" + context + "\" is owned by process " + process + " on " + host + " since " + since
                        + "; end that process, or take the context over",
                null);
        this.context = context;
        this.host = host;
        this.process = process;
        this.since = since;
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
}
