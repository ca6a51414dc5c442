package dev.keystore.spring;

import org.jspecify.annotations.Nullable;

/** Thrown when the properties do not say how to open the database. Contains no value of a property. */
final class InvalidPropertyException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    private final String problem;
    private final String action;

    /**
     * Creates an exception.
     *
     * @param problem what is wrong with which property, without a full stop
     * @param action what to do, in a sentence
     * @param cause the underlying failure, or null
     */
    InvalidPropertyException(String problem, String action, @Nullable Throwable cause) {
        super(problem + ". " + action, cause);
        this.problem = problem;
        this.action = action;
    }

    String problem() {
        return problem;
    }

    String action() {
        return action;
    }
}
