package dev.keystore.jdbc;

import dev.keystore.EntryId;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jdbi.v3.core.Handle;

/**
 * Lists the entries of a context that can still be found in a damaged file. It reads the table and its index, each from
 * both ends up to the first place that SQLite can't read; usually one of the two is sound.
 *
 * <p>A listed entry may be unreadable, and its type or id may be damaged. The listing is held in memory.
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

    private SqliteDamagedListing() {}

    static Set<EntryId> find(Handle handle, String context) {
        Set<EntryId> found = new LinkedHashSet<>();
        for (String sql : QUERIES) {
            found.addAll(find(handle, context, sql));
        }
        return found;
    }

    /** Returns the rows before the first failure, which is expected: the file is known to be damaged. */
    private static Set<EntryId> find(Handle handle, String context, String sql) {
        Set<EntryId> found = new LinkedHashSet<>();
        try (PreparedStatement query = handle.getConnection().prepareStatement(sql)) {
            query.setString(1, context);
            try (ResultSet rows = query.executeQuery()) {
                while (rows.next()) {
                    String type = rows.getString(1);
                    String id = rows.getString(2);
                    if (type != null && id != null) {
                        found.add(new EntryId(type, id));
                    }
                }
            }
        } catch (SQLException e) {
            return found;
        }
        return found;
    }
}
