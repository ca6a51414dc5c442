package dev.keystore.jdbc;

import java.sql.Connection;
import java.sql.SQLException;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.jdbi.v3.core.ConnectionFactory;
import org.jdbi.v3.core.Handle;
import org.jdbi.v3.core.Jdbi;
import org.jdbi.v3.core.JdbiException;
import org.jdbi.v3.core.statement.StatementExceptions;
import org.jdbi.v3.core.statement.StatementExceptions.MessageRendering;

/** Opens and closes the connections of both databases. */
final class Connections {

    /** For calls of the driver that want an executor, such as {@link Connection#abort}. */
    static final Executor ON_CALLING_THREAD = Runnable::run;

    private Connections() {}

    /** Returns a Jdbi like {@link #jdbi}, whose connections also keep their statements prepared. */
    static Jdbi jdbiWithCache(ConnectionFactory driver) {
        Jdbi jdbi = jdbi(driver);
        jdbi.setStatementBuilderFactory(connection -> new StatementCache());
        return jdbi;
    }

    /** Returns a Jdbi over a driver's connections, whose exceptions hold no bound value. */
    static Jdbi jdbi(ConnectionFactory driver) {
        Jdbi jdbi = Jdbi.create(driver);
        jdbi.configure(StatementExceptions.class, it -> it.setMessageRendering(MessageRendering.NONE));
        return jdbi;
    }

    /** Opens a connection and sets it up; closes it again if that fails. */
    static Handle open(Jdbi jdbi, Consumer<Handle> setUp) {
        Handle handle = jdbi.open();
        try {
            setUp.accept(handle);
            return handle;
        } catch (RuntimeException | Error e) {
            close(handle, e);
            throw e;
        }
    }

    /** Closes a connection after a failure; if closing fails as well, adds that to the failure. */
    static void close(Handle handle, Throwable failure) {
        try {
            closeTwice(handle);
        } catch (JdbiException e) {
            failure.addSuppressed(e);
        }
    }

    /** Closes a connection that can't be used any more, or may already be closed. */
    static void closeQuietly(Handle handle) {
        try {
            closeTwice(handle);
        } catch (JdbiException e) {
            // Nothing depends on how it ends.
        }
    }

    /** Closes a driver's connection that can't be used any more. */
    static void closeQuietly(Connection connection) {
        try {
            connection.close();
        } catch (SQLException e) {
            // Nothing depends on how it ends.
        }
    }

    /**
     * Closes the handle, then the driver's connection: if an error interrupts the closing of a handle, closing the
     * handle again does nothing.
     */
    private static void closeTwice(Handle handle) {
        try {
            handle.close();
        } finally {
            try {
                handle.getConnection().close();
            } catch (SQLException e) {
                // Closing the handle failed in the same way.
            }
        }
    }
}
