package dev.keystore.bench.commit;

import java.nio.file.Path;

/**
 * The stores that are compared: Keystore on each of its backends, and what people would use instead.
 *
 * <p>To measure another backend, add a constant: its name in the tables, the durability of its commits, and its URL.
 */
@SuppressWarnings("ImmutableEnumChecker") // the openers have no state
public enum CommitPeers {
    /** Keystore on its default embedded backend. */
    KEYSTORE_SQLITE(
            "Keystore on SQLite",
            "fsync before each group is acknowledged (WAL, synchronous=FULL)",
            (folder, cached) -> KeystoreCommit.open("jdbc:sqlite:" + folder.resolve("keys.db"), cached)),
    /** The same with encryption on. */
    KEYSTORE_SQLITE_ENCRYPTED(
            "Keystore on SQLite, encrypted",
            "fsync before each group is acknowledged (WAL, synchronous=FULL); values sealed with XAES-256-GCM",
            (folder, cached) -> KeystoreCommit.openEncrypted(
                    "jdbc:sqlite:" + folder.resolve("encrypted.db"), folder.resolve("root.key"), cached)),
    /** The same with metrics. */
    KEYSTORE_SQLITE_METERED(
            "Keystore on SQLite, with Micrometer",
            "fsync before each group is acknowledged (WAL, synchronous=FULL)",
            (folder, cached) -> KeystoreCommit.openMetered("jdbc:sqlite:" + folder.resolve("metered.db"), cached)),
    /** Keystore on its embedded backend in pure Java. */
    KEYSTORE_MAPDB(
            "Keystore on MapDB",
            "fsync of the journal before each group is acknowledged",
            (folder, cached) -> KeystoreCommit.open("mapdb:" + folder.resolve("keys"), cached)),
    /** Keystore on a database server. */
    KEYSTORE_POSTGRES(
            "Keystore on PostgreSQL",
            "fsync of the server before each group is acknowledged (fsync and synchronous_commit on)",
            (folder, cached) -> KeystoreCommit.open(BenchPostgres.schema(folder), cached)),
    /** SQLite and nothing else, one commit at a time. */
    JDBC_SQLITE(
            "SQLite, raw JDBC behind a lock",
            "fsync at each commit (WAL, synchronous=FULL), the same table",
            (folder, cached) -> new JdbcCommit(RawSqlite.withDefaults(folder.resolve("raw.db")))),
    /** The same with Keystore's settings. */
    JDBC_SQLITE_TUNED(
            "SQLite, raw JDBC behind a lock, tuned",
            "fsync at each commit (WAL, synchronous=FULL), the same table; Keystore's pragmas and driver settings",
            (folder, cached) -> new JdbcCommit(RawSqlite.withKeystoreSettings(folder.resolve("raw.db")))),
    /** The same, with the check and the number of a commit in one more row. */
    JDBC_SQLITE_FENCED(
            "SQLite, raw JDBC behind a lock, tuned and fenced",
            "fsync at each commit (WAL, synchronous=FULL), the same table; Keystore's pragmas and driver settings;"
                    + " checks the owner and stores the commit's number",
            (folder, cached) -> JdbcCommit.fenced(RawSqlite.withKeystoreSettings(folder.resolve("raw.db")))),
    /** SQLite and nothing else, in groups of commits. */
    JDBC_SQLITE_GROUPS(
            "SQLite, raw JDBC, in groups",
            "fsync at each group (WAL, synchronous=FULL), the same table",
            (folder, cached) ->
                    new JdbcGroupsCommit(new JdbcCommit(RawSqlite.withDefaults(folder.resolve("groups.db"))))),
    /** The same with Keystore's settings. */
    JDBC_SQLITE_GROUPS_TUNED(
            "SQLite, raw JDBC, in groups, tuned",
            "fsync at each group (WAL, synchronous=FULL), the same table; Keystore's pragmas and driver settings",
            (folder, cached) ->
                    new JdbcGroupsCommit(new JdbcCommit(RawSqlite.withKeystoreSettings(folder.resolve("groups.db"))))),
    /** The same, with the check and the number of a commit in one more row. */
    JDBC_SQLITE_GROUPS_FENCED(
            "SQLite, raw JDBC, in groups, tuned and fenced",
            "fsync at each group (WAL, synchronous=FULL), the same table; Keystore's pragmas and driver settings;"
                    + " checks the owner and stores the commit's number",
            (folder, cached) -> new JdbcGroupsCommit(
                    JdbcCommit.fenced(RawSqlite.withKeystoreSettings(folder.resolve("groups.db"))))),
    /** The least that groups of commits do on SQLite. */
    JDBC_SQLITE_MINIMAL(
            "SQLite, raw JDBC, in groups, minimal",
            "fsync at each group (WAL, synchronous=FULL), the same table; Keystore's pragmas and driver settings;"
                    + " reads values from a map in memory, and writes 16 rows by one statement",
            (folder, cached) ->
                    new MinimalSqliteCommit(RawSqlite.withKeystoreSettings(folder.resolve("minimal.db")), false)),
    /** The same, with the check and the number of a commit in one more row. */
    JDBC_SQLITE_MINIMAL_FENCED(
            "SQLite, raw JDBC, in groups, minimal and fenced",
            "fsync at each group (WAL, synchronous=FULL), the same table; Keystore's pragmas and driver settings;"
                    + " reads values from a map in memory, and writes 16 rows by one statement; checks the owner and"
                    + " stores the commit's number",
            (folder, cached) ->
                    new MinimalSqliteCommit(RawSqlite.withKeystoreSettings(folder.resolve("minimal.db")), true)),
    /** What a user would write by hand. */
    BY_HAND(
            "Caffeine + JDBI + SQLite by hand",
            "fsync at each commit (WAL, synchronous=FULL), the same table, a pool of one connection",
            (folder, cached) -> new ByHandCommit(folder.resolve("by-hand.db"))),
    /** PostgreSQL and nothing else. */
    JDBC_POSTGRES(
            "PostgreSQL, raw JDBC, 16 connections",
            "fsync of the server (fsync and synchronous_commit on), shared by it among connections, the same table",
            (folder, cached) -> new PostgresCommit(BenchPostgres.schema(folder))),
    /** One connection to PostgreSQL, with Keystore's settings. */
    JDBC_POSTGRES_ONE_TUNED(
            "PostgreSQL, raw JDBC, 1 connection, tuned",
            "fsync of the server (fsync and synchronous_commit on), the same table; Keystore's driver and session"
                    + " settings",
            (folder, cached) -> new PostgresTunedCommit(BenchPostgres.schema(folder), 1)),
    /** Sixteen connections to PostgreSQL, with Keystore's settings. */
    JDBC_POSTGRES_TUNED(
            "PostgreSQL, raw JDBC, 16 connections, tuned",
            "fsync of the server (fsync and synchronous_commit on), shared by it among connections, the same table;"
                    + " Keystore's driver and session settings",
            (folder, cached) -> new PostgresTunedCommit(BenchPostgres.schema(folder), 16)),
    /** A bare log, one commit at a time. */
    APPEND(
            "append and force",
            "fdatasync at each commit; its values are in a map in memory, and on the disk only in the log",
            (folder, cached) -> new AppendCommit(folder.resolve("append.log"), 1)),
    /** A bare log, in groups of commits. */
    APPEND_GROUPS(
            "append and force, in groups",
            "fdatasync at each group; its values are in a map in memory, and on the disk only in the log",
            (folder, cached) -> new AppendCommit(folder.resolve("groups.log"), Integer.MAX_VALUE)),
    /** MapDB's transactions. */
    MAPDB(
            "MapDB's own transactions",
            "fsync at each commit; not crash-safe, although documented to be",
            (folder, cached) -> new MapDbCommit(folder.resolve("map.db"))),
    /** H2's storage engine. */
    MVSTORE(
            "H2 MVStore",
            "fsync at each commit (commit and sync)",
            (folder, cached) -> new MvStoreCommit(folder.resolve("store.mv"))),
    /** Xodus. */
    XODUS(
            "Xodus",
            "fsync at each commit (logDurableWrite)",
            (folder, cached) -> new XodusCommit(folder.resolve("xodus"))),
    /** RocksDB. */
    ROCKSDB(
            "RocksDB, WriteBatch",
            "fsync at each commit (sync), shared by the engine among threads",
            (folder, cached) -> new RocksDbCommit(folder.resolve("rocks")));

    private final String title;
    private final String durability;
    private final PeerOpener opener;

    CommitPeers(String title, String durability, PeerOpener opener) {
        this.title = title;
        this.durability = durability;
        this.opener = opener;
    }

    /** Returns its name in the tables. */
    public String title() {
        return title;
    }

    /** Returns what happens before a commit returns. */
    public String durability() {
        return durability;
    }

    /** Returns whether it reads all values from a map in memory, so that its store has to be small. */
    public boolean keepsValuesInMemory() {
        return this == APPEND
                || this == APPEND_GROUPS
                || this == JDBC_SQLITE_MINIMAL
                || this == JDBC_SQLITE_MINIMAL_FENCED;
    }

    /** Returns whether it needs a {@link BenchPostgres}. */
    public boolean isOnPostgres() {
        return this == KEYSTORE_POSTGRES
                || this == JDBC_POSTGRES
                || this == JDBC_POSTGRES_ONE_TUNED
                || this == JDBC_POSTGRES_TUNED;
    }

    /**
     * Opens the store of a folder.
     *
     * @param cached false if a cache should hold nothing
     */
    CommitPeer open(Path folder, boolean cached) throws Exception {
        return opener.open(folder, cached);
    }

    private interface PeerOpener {
        CommitPeer open(Path folder, boolean cached) throws Exception;
    }
}
