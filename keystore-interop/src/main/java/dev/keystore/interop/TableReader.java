package dev.keystore.interop;

import dev.keystore.interop.ForeignStore.Reading;
import dev.keystore.interop.TransferItem.Fate;
import java.sql.ResultSet;
import java.sql.SQLException;
import org.jspecify.annotations.Nullable;

/** Reads tables row by row: each row becomes an entry, or is named with the reason. */
final class TableReader {

    private final ForeignTables database;
    private final Contents contents;
    private final Reading reading;
    private long done;

    TableReader(ForeignTables database, Contents contents, Reading reading) {
        this.database = database;
        this.contents = contents;
        this.reading = reading;
    }

    /** Reads a row; what it adds to the contents has the name {@code item}. */
    @FunctionalInterface
    interface RowReader {
        void read(String item, ResultSet row) throws SQLException, DamagedException;
    }

    /**
     * Which rows of a table are those of the account: the ones that have {@code value} in {@code column}.
     *
     * @param others what to call the other rows, which are counted
     * @param reason why those are not read
     */
    record Owner(String column, String value, String others, String reason) {

        boolean owns(ResultSet row) throws SQLException {
            return value.equals(row.getString(column));
        }
    }

    /**
     * Reads the rows of a table.
     *
     * @param owner whose rows to read; null if they belong to all
     * @param type the name of the type that they become
     * @param idColumn the column that tells one damaged row from another
     */
    void read(String table, @Nullable Owner owner, String type, String idColumn, RowReader each) {
        long[] others = {0};
        long[] rows = {0};
        try {
            database.query("SELECT * FROM " + table, row -> {
                if (owner != null && !owner.owns(row)) {
                    others[0]++;
                    return;
                }
                String item = table + " row " + ++rows[0];
                try {
                    each.read(item, row);
                } catch (DamagedException e) {
                    contents.leave(
                            item,
                            Fate.DAMAGED,
                            type,
                            Columns.shown(row, idColumn),
                            e.reason() + "; " + Losses.of(type));
                }
                reading.listener().accept(new TransferProgress(++done, 0));
            });
        } catch (SQLException e) {
            leaveDamaged(table, type);
        }
        if (owner != null && others[0] > 0) {
            contents.leave(
                    table + ", " + owner.others(), Fate.NOT_CARRIED, type, "", others[0] + " rows " + owner.reason());
        }
    }

    /** Names a table that has no place in a context, with the number of its rows, unless it is empty. */
    void leave(String table, String reason) {
        long[] count = {0};
        try {
            database.query("SELECT 1 FROM " + table, row -> count[0]++);
        } catch (SQLException e) {
            leaveDamaged(table, "");
            return;
        }
        if (count[0] > 0) {
            contents.leave(table, Fate.NOT_CARRIED, "", "", count[0] + " rows: " + reason);
        }
    }

    private void leaveDamaged(String table, String type) {
        contents.leave(
                table,
                Fate.DAMAGED,
                type,
                "",
                "the database is damaged, so rows of it may be missing; check it with PRAGMA integrity_check");
    }
}
