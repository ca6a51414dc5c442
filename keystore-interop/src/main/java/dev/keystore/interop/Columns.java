package dev.keystore.interop;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** The columns of a row, of which each must hold what its table says: databases may hold anything. */
final class Columns {

    private Columns() {}

    static byte[] bytes(ResultSet row, String column) throws SQLException, DamagedException {
        if (row.getObject(column) instanceof byte[] bytes) {
            return bytes;
        }
        throw new DamagedException("its column \"" + column + "\" does not hold bytes");
    }

    static byte[] bytes(ResultSet row, String column, int length) throws SQLException, DamagedException {
        byte[] bytes = bytes(row, column);
        if (bytes.length != length) {
            throw new DamagedException(
                    "its column \"" + column + "\" has " + bytes.length + " bytes in place of " + length);
        }
        return bytes;
    }

    static long number(ResultSet row, String column, long maximum) throws SQLException, DamagedException {
        if (row.getObject(column) instanceof Number number
                && !(number instanceof Double)
                && number.longValue() >= 0
                && number.longValue() <= maximum) {
            return number.longValue();
        }
        throw new DamagedException("its column \"" + column + "\" does not hold a number in range");
    }

    /** Returns a number that may be missing. */
    static OptionalLong findNumber(ResultSet row, String column) throws SQLException, DamagedException {
        return row.getObject(column) == null
                ? OptionalLong.empty()
                : OptionalLong.of(number(row, column, Long.MAX_VALUE));
    }

    static String text(ResultSet row, String column) throws SQLException, DamagedException {
        return present(row.getString(column));
    }

    private static String present(@Nullable String text) throws DamagedException {
        if (text == null || text.isBlank()) {
            throw new DamagedException("a text in it is missing");
        }
        return text;
    }
}
