package dev.keystore.cli;

/** Ends a command that failed after it had changed something. The same command continues. */
final class Resumable extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** What to do if what was done stays. */
    static final String TO_DO = "What was done stays. Run the same command again to continue.";

    private static final String AGAIN = "Run the same command again";
    private static final String WITH_MORE_MEMORY = AGAIN + " with more memory, such as java -Xmx1g -jar keystore.jar";

    private final String toDo;

    Resumable(RuntimeException cause) {
        this(cause, TO_DO);
    }

    /** Ends a command that met an error, such as too little memory, of which it is unknown what was done before. */
    Resumable(Error cause) {
        super(cause.toString(), cause);
        this.toDo = cause instanceof OutOfMemoryError ? "What was done stays. " + WITH_MORE_MEMORY : TO_DO;
    }

    /** Ends a command that begins again instead. */
    Resumable(RuntimeException cause, String toDo) {
        super(cause.getMessage(), cause);
        this.toDo = toDo;
    }

    /** Returns what to do after a command that only looks. */
    static String nothingChanged(boolean error) {
        return "Nothing was changed. " + (error ? WITH_MORE_MEMORY : AGAIN + ": it starts over.");
    }

    String toDo() {
        return toDo;
    }
}
