package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.interop.Contents.Found;
import dev.keystore.interop.TransferItem.Fate;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Reads the rows of a source without the importer, and compares each with what was imported of it: whatever is carried
 * must be what the columns of its row say, and each row must be carried or named.
 */
abstract class RawTables {

    private final Map<String, List<Map<String, Object>>> rows = new HashMap<>();
    private final Set<Map<String, Object>> carried = Collections.newSetFromMap(new IdentityHashMap<>());

    /**
     * The tables whose rows become entries, and the column and the value that rows of the account have; empty if all.
     */
    abstract Map<String, List<String>> tables();

    /** What the columns of a row say, by type and id of the entry. Throws if they do not say anything. */
    abstract Map<String, Object> says(String table, Map<String, Object> row);

    /** Further tables to read, of which several rows become one entry. */
    abstract List<String> others();

    /**
     * What rows of these tables say together.
     *
     * @param named the names of the rows that are named as not carried
     */
    Map<String, Object> saysTogether(Set<String> named) {
        return Map.of();
    }

    /** Whether bytes of an entry are JSON, whose order and spacing does not matter. */
    abstract boolean isJson(String type);

    /** Returns the rows of a table that belong to the account, as far as they can be read. */
    final List<Map<String, Object>> rows(String table) {
        return rows.getOrDefault(table, List.of());
    }

    /** Returns whether something was carried of a row of a table that was compared before. */
    final boolean isCarried(Map<String, Object> row) {
        return carried.contains(row);
    }

    final void check(String what, Path file, Contents contents) throws SQLException {
        try (Connection connection = DriverManager.getConnection("jdbc:sqlite:" + file)) {
            check(what, connection, contents);
        }
    }

    final void check(String what, Connection connection, Contents contents) {
        rows.clear();
        carried.clear();
        tables().forEach((table, owner) -> rows.put(table, read(connection, table, owner)));
        others().forEach(table -> rows.put(table, read(connection, table, List.of())));
        Map<String, List<TransferItem>> items = contents.items().stream()
                .collect(Collectors.groupingBy(item -> item.name().replaceAll(" \\(.*", "")));
        Map<String, Object> said = new HashMap<>();
        for (String table : tables().keySet()) {
            if (items.containsKey("table " + table)) {
                continue; // it is named as a whole, for example because a letter of its name is another one
            }
            int number = 0;
            for (Map<String, Object> row : rows(table)) {
                String name = table + " row " + ++number;
                List<TransferItem> ofRow = items.getOrDefault(name, List.of());
                assertThat(ofRow).as("%s: %s is carried or named", what, name).isNotEmpty();
                if (ofRow.stream().anyMatch(item -> item.fate() == Fate.CARRIED)) {
                    carried.add(row);
                    checkRow(what + ": " + name, table, row, ofRow, contents, said);
                }
            }
        }
        Map<String, Object> together = saysTogether(items.keySet());
        said.putAll(together);
        assertThat(contents.entries())
                .extracting(found -> found.type().name() + "/" + found.id())
                .as(what)
                .containsAll(together.keySet());
        for (Found<?> found : contents.entries()) {
            String key = found.type().name() + "/" + found.id();
            assertThat(said).as("%s: the row of each entry", what).containsKey(key);
            assertThat(isSame(found.type().name(), said.get(key), found.value()))
                    .as("%s: %s is what its columns say", what, key)
                    .isTrue();
        }
    }

    private void checkRow(
            String what,
            String table,
            Map<String, Object> row,
            List<TransferItem> items,
            Contents contents,
            Map<String, Object> said) {
        Map<String, Object> says;
        try {
            says = says(table, row);
        } catch (RuntimeException e) {
            throw new AssertionError(what + " is carried, although its columns do not say anything: " + items, e);
        }
        boolean isNamed = false;
        for (TransferItem item : items) {
            boolean isCredentials = item.type().equals(Contents.CREDENTIALS);
            String key = isCredentials ? item.type() : item.type() + "/" + item.id();
            if (item.fate() != Fate.CARRIED) {
                isNamed = true;
            } else {
                assertThat(says).as(what).containsKey(key);
                said.put(key, says.get(key));
                if (isCredentials) {
                    assertThat(Samples.tree(contents.credentials()))
                            .as("%s: the credentials are what its columns say", what)
                            .isEqualTo(says.get(key));
                }
            }
        }
        assertThat(isNamed || says.size() == items.size())
                .as("%s: all that its columns say is carried, or something is named", what)
                .isTrue();
    }

    private boolean isSame(String type, Object expected, Object found) {
        if (!(found instanceof byte[] bytes)) {
            return Objects.equals(expected, found);
        }
        return isJson(type)
                ? Samples.tree(bytes).equals(Samples.tree(expected.toString().getBytes(UTF_8)))
                : Arrays.equals((byte[]) expected, bytes);
    }

    private static List<Map<String, Object>> read(Connection connection, String table, List<String> owner) {
        List<Map<String, Object>> rows = new ArrayList<>();
        try (PreparedStatement statement = connection.prepareStatement("SELECT * FROM " + table);
                ResultSet found = statement.executeQuery()) {
            while (found.next()) {
                if (owner.isEmpty() || owner.get(1).equals(found.getString(owner.get(0)))) {
                    rows.add(row(found));
                }
            }
        } catch (SQLException e) {
            return rows; // the rest cannot be read
        }
        return rows;
    }

    /** Returns the columns of a row, whose names JDBC finds in either case; a text that is not UTF-8 becomes null. */
    private static Map<String, Object> row(ResultSet found) throws SQLException {
        ResultSetMetaData columns = found.getMetaData();
        Map<String, Object> row = new HashMap<>();
        for (int i = 1; i <= columns.getColumnCount(); i++) {
            Object value = found.getObject(i);
            boolean isMalformed =
                    value instanceof String text && !Arrays.equals(text.getBytes(UTF_8), found.getBytes(i));
            row.put(columns.getColumnName(i).toLowerCase(Locale.ROOT), isMalformed ? null : value);
        }
        return row;
    }

    static byte[] bytes(Map<String, Object> row, String column) {
        return ((byte[]) row.get(column)).clone();
    }

    static String text(Map<String, Object> row, String column) {
        return ((String) row.get(column)).toString();
    }

    static long number(Map<String, Object> row, String column) {
        Object value = row.get(column);
        return value instanceof Integer number ? number : (Long) value;
    }
}
