package dev.keystore.jdbc;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Records which statements are prepared and executed. */
final class CountingStatements {

    private final List<String> executed = new ArrayList<>();
    private final Set<PreparedStatement> prepared = new HashSet<>();

    /** Returns the statements of a connection. */
    StatementCache cache() {
        return new StatementCache() {
            @Override
            PreparedStatement prepare(Connection connection, String sql) throws SQLException {
                PreparedStatement statement = super.prepare(connection, sql);
                prepared.add(statement);
                return recording(statement, sql.strip().split("\\s+", 2)[0]);
            }

            @Override
            public void close(Connection connection, String sql, Statement statement) throws SQLException {
                if (!Proxy.isProxyClass(statement.getClass())) {
                    super.close(connection, sql, statement);
                }
            }
        };
    }

    private PreparedStatement recording(PreparedStatement statement, String verb) {
        return (PreparedStatement) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {PreparedStatement.class}, (proxy, method, arguments) -> {
                    if (method.getName().startsWith("execute")) {
                        executed.add(verb);
                    }
                    try {
                        return method.invoke(statement, arguments);
                    } catch (InvocationTargetException e) {
                        throw e.getCause();
                    }
                });
    }

    /** Returns the first words of the statements that were executed since {@link #reset}. */
    List<String> executed() {
        return executed;
    }

    /** Returns the statements that were executed, each once. */
    Set<PreparedStatement> prepared() {
        return prepared;
    }

    void reset() {
        executed.clear();
        prepared.clear();
    }
}
