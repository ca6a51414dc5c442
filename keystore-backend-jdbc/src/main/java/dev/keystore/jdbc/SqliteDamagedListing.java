package dev.keystore.jdbc;

import dev.keystore.EntryId;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jdbi.v3.core.Handle;
import org.jspecify.annotations.Nullable;

/**
 * Lists the entries of a context, or the contexts, that can still be found in a damaged file. It reads the table and
 * its index, each from both ends up to the first place that SQLite can't read; usually one of the two is sound.
 *
 * <p>A listed entry may be unreadable, and its type, id or context may be damaged. The listing is held in memory.
 */
final class SqliteDamagedListing {

    /** The unary plus stops SQLite from searching an index whose order may be damaged (sqlite.org/optoverview.html). */
    private static final List<String> QUERIES = List.of(
            "SELECT type, id FROM entry NOT INDEXED WHERE context = ? ORDER BY rowid",
            "SELECT type, id FROM entry NOT INDEXED WHERE context = ? ORDER BY rowid DESC",
            "SELECT type, id FROM entry WHERE +context = ? ORDER BY context, type, id",
            "SELECT type, id FROM entry WHERE +context = ? ORDER BY context DESC, type DESC, id DESC",
            "SELECT type, id FROM entry WHERE context = ? ORDER BY type, id",
            "SELECT type, id FROM entry WHERE context = ? ORDER BY type DESC, id DESC");

    private static final List<String> QUERIES_OF_CONTEXTS = List.of(
            "SELECT context FROM entry NOT INDEXED ORDER BY rowid",
            "SELECT context FROM entry NOT INDEXED ORDER BY rowid DESC",
            "SELECT context FROM entry ORDER BY context, type, id",
            "SELECT context FROM entry ORDER BY context DESC, type DESC, id DESC");

    private SqliteDamagedListing() {}

    static Set<EntryId> find(Handle handle, String context) {
        Set<EntryId> found = new LinkedHashSet<>();
        for (String sql : QUERIES) {
            read(handle, sql, context, row -> add(found, row));
        }
        return found;
    }

    static Set<String> findContexts(Handle handle) {
        Set<String> found = new LinkedHashSet<>();
        for (String sql : QUERIES_OF_CONTEXTS) {
            read(handle, sql, null, row -> {
                String context = row.getString(1);
                if (context != null) {
                    found.add(context);
                }
            });
        }
        return found;
    }

    private static void add(Set<EntryId> found, ResultSet row) throws SQLException {
        String type = row.getString(1);
        String id = row.getString(2);
        if (type != null && id != null) {
            found.add(new EntryId(type, id));
        }
    }

    private interface Rows {
        void add(ResultSet row) throws SQLException;
    }

    /** Reads the rows before the first failure, which is expected: the file is known to be damaged. */
    private static void read(Handle handle, String sql, @Nullable String context, Rows found) {
        try (PreparedStatement query = handle.getConnection().prepareStatement(sql)) {
            if (context != null) {
                query.setString(1, context);
            }
            try (ResultSet rows = query.executeQuery()) {
                while (rows.next()) {
                    found.add(rows);
                }
            }
        } catch (SQLException e) {
            return;
        }
    }
}
