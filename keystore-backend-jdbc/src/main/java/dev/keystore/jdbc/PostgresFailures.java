package dev.keystore.jdbc;

import dev.keystore.spi.BackendException;
import java.sql.SQLException;
import java.util.Set;
import org.jdbi.v3.core.Handle;
import org.postgresql.util.PSQLException;

/** Translates the exceptions of PostgreSQL's driver (postgresql.org/docs/current/errcodes-appendix.html). */
final class PostgresFailures extends SqlFailures {

    static final String READ_ONLY_ADVICE = "the server is read-only: it is a standby, or"
            + " default_transaction_read_only is on; connect to the primary, for example with targetServerType=primary";

    /** The server is a standby, or {@code default_transaction_read_only} is on. */
    private static final String READ_ONLY = "25006";

    /** Serialization failure, deadlock, lock not available, read-only server, too many connections. */
    private static final Set<String> TRANSIENT = Set.of("40001", "40P01", "55P03", READ_ONLY, "53300");

    /** The driver could not send a message because it is too large. */
    private static final String NOT_SENT = "22023";

    PostgresFailures(String place) {
        super(place);
    }

    @Override
    BackendException commitFailure(Handle handle, RuntimeException thrown) {
        SQLException cause = sqlException(thrown);
        return cause instanceof PSQLException known && isRefusal(known)
                ? failure("commit", thrown)
                : BackendException.outcomeUnknown(
                        message("commit", cause == null ? thrown : cause), cause == null ? thrown : cause);
    }

    /**
     * Returns whether the transaction was refused; otherwise it may have been committed before the connection broke.
     */
    private static boolean isRefusal(PSQLException known) {
        boolean sessionGoesOn = known.getServerErrorMessage() != null && !isOfConnection(known);
        return sessionGoesOn || NOT_SENT.equals(known.getSQLState());
    }

    /** The connection, the server, or another transaction's lock. */
    @Override
    boolean isTransient(SQLException cause) {
        return isOfConnection(cause) || TRANSIENT.contains(cause.getSQLState());
    }

    @Override
    boolean isUsableAfter(BackendException failure) {
        return super.isUsableAfter(failure)
                && failure.getCause() instanceof SQLException cause
                && !isOfConnection(cause)
                && !READ_ONLY.equals(cause.getSQLState());
    }

    private static boolean isOfConnection(SQLException cause) {
        String state = cause.getSQLState();
        return state == null
                || state.startsWith("08")
                || state.startsWith("57P")
                || state.equals("25P03")
                || state.equals("25P04");
    }

    @Override
    String advice(SQLException cause) {
        return switch (String.valueOf(cause.getSQLState())) {
            case READ_ONLY -> "; " + READ_ONLY_ADVICE;
            case "42501" -> "; grant the role the privileges that dev/keystore/jdbc/keystore.sql of this jar lists";
            case "53100" -> "; free some space on the server's volume";
            case "53300" -> "; lower the property connections, or raise the server's max_connections";
            default -> "";
        };
    }

    /** Returns the server's message, without the severity, the code and the position that the driver adds. */
    @Override
    String reason(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof PSQLException known && known.getServerErrorMessage() != null) {
                String message = known.getServerErrorMessage().getMessage();
                return message == null ? super.reason(failure) : message;
            }
        }
        return super.reason(failure);
    }
}
