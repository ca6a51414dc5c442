package dev.keystore;

/** Thrown when a context that must exist holds nothing (R58). Nothing was created, and no other owner was fenced. */
public final class ContextNotFoundException extends StoreOpenException {

    private static final long serialVersionUID = 1L;

    /** The name of the context. */
    private final String context;

    /**
     * Creates an exception.
     *
     * @param context the name of the context
     * @param missing what was not found, for example {@code "an entry"}
     */
    public ContextNotFoundException(String context, String missing) {
        super(
                "Context \"" + context + "\" does not hold " + missing + ", and nothing was created; check the name of"
                        + " the context and the URL of the store, or open it so that it is created if absent",
                null);
        this.context = context;
    }

    /**
     * Returns the name of the context that was not found.
     *
     * @return the name
     */
    public String context() {
        return context;
    }
}
