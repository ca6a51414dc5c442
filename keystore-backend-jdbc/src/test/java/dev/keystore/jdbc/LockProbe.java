package dev.keystore.jdbc;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Statement;

/** A second process that prints whether the write lock of a file is free. */
final class LockProbe {

    static final String FREE = "the write lock is free";
    static final String LOCKED = "the write lock is held";

    private LockProbe() {}

    public static void main(String[] arguments) throws SQLException {
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + arguments[0]);
                Statement statement = connection.createStatement()) {
            statement.execute("PRAGMA busy_timeout = 0");
            statement.execute("BEGIN IMMEDIATE");
            System.out.println(FREE);
        } catch (SQLException e) {
            if (e.getErrorCode() != 5) {
                throw e;
            }
            System.out.println(LOCKED);
        }
    }
}
