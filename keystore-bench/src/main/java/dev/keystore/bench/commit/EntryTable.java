package dev.keystore.bench.commit;

/** The statements of the peers that use Keystore's table directly, on SQLite and on PostgreSQL. */
final class EntryTable {

    static final String SELECT = "SELECT value FROM entry WHERE context = ? AND type = ? AND id = ?";

    static final String UPSERT = """
            INSERT INTO entry (context, type, id, value) VALUES (?, ?, ?, ?)
            ON CONFLICT (context, type, id) DO UPDATE SET value = excluded.value
            """;

    private EntryTable() {}
}
