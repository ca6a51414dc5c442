package dev.keystore.jdbc;

import java.lang.reflect.Proxy;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;

/** Runs work right after a COMMIT, before the commit returns. */
final class AfterCommit extends StatementCache {

    private final Runnable work;

    AfterCommit(Runnable work) {
        this.work = work;
    }

    @Override
    PreparedStatement prepare(Connection connection, String sql) throws SQLException {
        PreparedStatement statement = super.prepare(connection, sql);
        if (!sql.equals("COMMIT")) {
            return statement;
        }
        return (PreparedStatement) Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {PreparedStatement.class}, (proxy, method, arguments) -> {
                    Object result = method.invoke(statement, arguments);
                    if (method.getName().equals("execute")) {
                        work.run();
                    }
                    return result;
                });
    }
}
