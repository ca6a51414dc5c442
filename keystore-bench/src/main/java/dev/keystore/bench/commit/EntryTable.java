package dev.keystore.bench.commit;

import dev.keystore.bench.commit.CommitPeer.EntryKind;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.Collections;
import org.jspecify.annotations.Nullable;

/** The statements of the peers that use Keystore's table directly, on SQLite and on PostgreSQL. */
final class EntryTable {

    static final String SELECT = "SELECT value FROM entry WHERE context = ? AND type = ? AND id = ?";

    static final String UPSERT = upsert(1);

    private EntryTable() {}

    /** Returns the statement that writes so many rows. */
    static String upsert(int rows) {
        return "INSERT INTO entry (context, type, id, value) VALUES "
                + String.join(", ", Collections.nCopies(rows, "(?, ?, ?, ?)"))
                + " ON CONFLICT (context, type, id) DO UPDATE SET value = excluded.value";
    }

    /** Executes {@link #SELECT}; returns {@code null} if there is no such entry. */
    static byte @Nullable [] select(PreparedStatement select, EntryKind kind, String context, String id)
            throws SQLException {
        select.setString(1, context);
        select.setString(2, kind.type());
        select.setString(3, id);
        try (ResultSet rows = select.executeQuery()) {
            return rows.next() ? rows.getBytes(1) : null;
        }
    }

    /** Adds {@link #UPSERT} of both entries of an id to a batch. */
    static void addBoth(PreparedStatement upsert, String context, String id, byte[] value) throws SQLException {
        for (EntryKind kind : EntryKind.values()) {
            upsert.setString(1, context);
            upsert.setString(2, kind.type());
            upsert.setString(3, id);
            upsert.setBytes(4, value);
            upsert.addBatch();
        }
    }
}
