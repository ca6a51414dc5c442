package dev.keystore;

/**
 * Thrown when a context was moved to another store, or when its move to this one has not ended (R84). Nothing was
 * written. The store refuses the context in every process, also after it is opened again. If the context was moved,
 * open it in the store that the message names; if its move has not ended, run the move again. If the source of the move
 * is lost, {@code docs/operating.md} says what to do.
 */
public final class ContextMovedException extends KeyStoreException {

    private static final long serialVersionUID = 1L;

    /** The name of the context. */
    private final String context;

    /** The name of the target, as given to the move. */
    private final String place;

    private ContextMovedException(String message, String context, String place) {
        super(message, null);
        this.context = context;
        this.place = place;
    }

    /**
     * Returns the exception for a context that was moved away.
     *
     * @param context the name of the context
     * @param target the name of the store that holds it now, as given to the move
     * @return a new exception
     */
    public static ContextMovedException movedTo(String context, String target) {
        return new ContextMovedException(
                "Context \"" + context + "\" was moved to " + target
                        + ", and nothing is written to it here any more; open it there",
                context,
                target);
    }

    /**
     * Returns the exception for a context whose move to this store has not ended.
     *
     * @param context the name of the context
     * @param target the name of this store, as given to the move
     * @return a new exception
     */
    public static ContextMovedException arriving(String context, String target) {
        return new ContextMovedException(
                "Context \"" + context + "\" is being moved to this store, which the move calls " + target
                        + ", and the move has not ended; run it again, and it continues",
                context,
                target);
    }

    /**
     * Returns the name of the context.
     *
     * @return the name
     */
    public String context() {
        return context;
    }

    /**
     * Returns the name of the target, as given to the move.
     *
     * @return the name of the store that the context was moved to, or is being moved to
     */
    public String target() {
        return place;
    }
}
