package dev.keystore.bench.commit;

/** The statements of those who use the table of the entries without Keystore, on SQLite and on PostgreSQL. */
final class EntryTable {

    static final String SELECT = "SELECT value FROM entry WHERE context = ? AND type = ? AND id = ?";

    static final String UPSERT = """
            INSERT INTO entry (context, type, id, value) VALUES (?, ?, ?, ?)
            ON CONFLICT (context, type, id) DO UPDATE SET value = excluded.value
            """;

    private EntryTable() {}
}
