package dev.keystore.interop;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Set;

/** The tables of a foreign database, read as of one point in time and never written. */
interface ForeignTables extends AutoCloseable {

    /** What is done with each row. */
    @FunctionalInterface
    interface Row {
        void accept(ResultSet row) throws SQLException;
    }

    /**
     * Returns the names of the tables. Views and virtual tables, which could run forever, are not among them, nor are
     * those that SQLite keeps for itself.
     */
    Set<String> tables() throws SQLException;

    /** Names a damage of the database that its rows do not show; a server checks its files itself. */
    default void nameDamage(Contents contents) {}

    void query(String sql, Row each) throws SQLException;

    @Override
    void close();
}
