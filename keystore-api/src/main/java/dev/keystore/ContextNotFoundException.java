package dev.keystore;

/** A context that was opened as one that must exist holds nothing (R58). Nothing was created, and nobody was fenced. */
public final class ContextNotFoundException extends StoreOpenException {

    private static final long serialVersionUID = 1L;

    private final String context;

    /**
     * Creates an exception.
     *
     * @param context the name of the context
     * @param missing what was looked for and not found, for example {@code "an entry"}
     */
    public ContextNotFoundException(String context, String missing) {
        super(
                "Context \"" + context + "\" does not hold " + missing + ", and nothing was created; check the name of"
                        + " the context and the URL of the store, or allow creating it",
                null);
        this.context = context;
    }

    /** Returns the name of the context. */
    public String context() {
        return context;
    }
}
