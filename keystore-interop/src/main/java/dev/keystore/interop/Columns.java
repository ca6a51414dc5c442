package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Arrays;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** The columns of a row, of which each must hold what its table says: databases may hold anything. */
final class Columns {

    /** What stands in place of bytes that are not a character. */
    private static final char REPLACEMENT = '\uFFFD';

    private Columns() {}

    private static @Nullable Object value(ResultSet row, String column) throws SQLException, DamagedException {
        if (!has(row, column)) {
            throw new DamagedException("its table has no column \"" + column + "\"");
        }
        return row.getObject(column);
    }

    /** Returns whether rows have a column; those of an older schema may not. */
    private static boolean has(ResultSet row, String column) {
        try {
            row.findColumn(column);
            return true;
        } catch (SQLException e) {
            return false;
        }
    }

    static byte[] bytes(ResultSet row, String column) throws SQLException, DamagedException {
        if (value(row, column) instanceof byte[] bytes) {
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
        if (value(row, column) instanceof Number number
                && !(number instanceof Double)
                && number.longValue() >= 0
                && number.longValue() <= maximum) {
            return number.longValue();
        }
        throw new DamagedException("its column \"" + column + "\" does not hold a number in range");
    }

    /** Returns true or false, which SQLite keeps as a number. */
    static boolean flag(ResultSet row, String column) throws SQLException, DamagedException {
        return value(row, column) instanceof Boolean flag ? flag : number(row, column, 1) == 1;
    }

    /** Returns a number that may be missing, and so may its column. */
    static OptionalLong findNumber(ResultSet row, String column) throws SQLException, DamagedException {
        return !has(row, column) || row.getObject(column) == null
                ? OptionalLong.empty()
                : OptionalLong.of(number(row, column, Long.MAX_VALUE));
    }

    /** Returns what a column holds, to name its row. SQLite's driver must not be asked for a text before its type. */
    static String shown(ResultSet row, String column) throws SQLException {
        Object value = has(row, column) ? row.getObject(column) : "";
        return value instanceof byte[] bytes ? Buffers.base64(bytes) : String.valueOf(value);
    }

    static String text(ResultSet row, String column) throws SQLException, DamagedException {
        value(row, column);
        String text = findText(row, column);
        if (text == null || text.isBlank()) {
            throw new DamagedException("a text in it is missing");
        }
        return text;
    }

    /**
     * Returns a text, or null if the column holds anything else. A text that is not UTF-8 is refused, since the driver
     * replaces what is wrong with it.
     */
    static @Nullable String findText(ResultSet row, String column) throws SQLException, DamagedException {
        if (!(row.getObject(column) instanceof String text)) {
            return null;
        }
        if (text.indexOf(REPLACEMENT) >= 0 && !Arrays.equals(text.getBytes(UTF_8), row.getBytes(column))) {
            throw new DamagedException("its column \"" + column + "\" holds a text that is not UTF-8");
        }
        return text;
    }
}
