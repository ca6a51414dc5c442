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
 * Lists what can still be found of a context in a damaged file: by the rows and by their index, each of them from both
 * ends up to the first place that SQLite can't read. One of a table and its index is usually sound.
 *
 * <p>An entry may be listed that can't be read, or that is not what it was. What is found is held in memory.
 */
final class SqliteDamagedListing {

    /** The plus keeps SQLite from seeking in an index whose order may be damaged (sqlite.org/optoverview.html). */
    private static final List<String> WAYS = List.of(
            "SELECT type, id FROM entry NOT INDEXED WHERE context = ? ORDER BY rowid",
            "SELECT type, id FROM entry NOT INDEXED WHERE context = ? ORDER BY rowid DESC",
            "SELECT type, id FROM entry WHERE +context = ? ORDER BY context, type, id",
            "SELECT type, id FROM entry WHERE +context = ? ORDER BY context DESC, type DESC, id DESC",
            "SELECT type, id FROM entry WHERE context = ? ORDER BY type, id",
            "SELECT type, id FROM entry WHERE context = ? ORDER BY type DESC, id DESC");

    private SqliteDamagedListing() {}

    static Set<EntryId> find(Handle handle, String context) {
        Set<EntryId> found = new LinkedHashSet<>();
        for (String way : WAYS) {
            found.addAll(find(handle, context, way));
        }
        return found;
    }

    /** Returns the rows before the first failure: the caller knows that the file is damaged. */
    private static Set<EntryId> find(Handle handle, String context, String way) {
        Set<EntryId> found = new LinkedHashSet<>();
        try (PreparedStatement query = handle.getConnection().prepareStatement(way)) {
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
