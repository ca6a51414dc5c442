package dev.keystore.bench.commit;

import java.nio.file.Path;

/**
 * What is committed to: Keystore on its backends, and what people would use instead.
 *
 * <p>A backend of Keystore is one line here: its name in the tables, how durable its commits are, and its URL.
 */
@SuppressWarnings("ImmutableEnumChecker") // the openers hold nothing
public enum CommitPeers {
    /** Keystore on its embedded default. */
    KEYSTORE_SQLITE(
            "Keystore on SQLite",
            "fsync before each group is acknowledged (WAL, synchronous=FULL)",
            folder -> KeystoreCommit.open("jdbc:sqlite:" + folder.resolve("keys.db"))),
    /** Keystore without SQLite. */
    KEYSTORE_MAPDB(
            "Keystore on MapDB",
            "fsync of the journal before each group is acknowledged",
            folder -> KeystoreCommit.open("mapdb:" + folder.resolve("keys"))),
    /** Keystore on PostgreSQL. */
    KEYSTORE_POSTGRES(
            "Keystore on PostgreSQL",
            "fsync of the server before each group is acknowledged (fsync and synchronous_commit on)",
            folder -> KeystoreCommit.open(PostgresServer.schema(folder))),
    /** SQLite without anything around it. */
    JDBC_SQLITE(
            "SQLite, raw JDBC behind a lock",
            "fsync at each commit (WAL, synchronous=FULL), the same table",
            folder -> new JdbcCommit(folder.resolve("raw.db"))),
    /** SQLite in groups, with nothing else around it. */
    JDBC_SQLITE_GROUPS(
            "SQLite, raw JDBC, in groups",
            "fsync at each group (WAL, synchronous=FULL), the same table",
            folder -> new JdbcGroupsCommit(new JdbcCommit(folder.resolve("groups.db")))),
    /** What a user writes by hand. */
    BY_HAND(
            "Caffeine + JDBI + SQLite by hand",
            "fsync at each commit (WAL, synchronous=FULL), the same table, a pool of one connection",
            folder -> new ByHandCommit(folder.resolve("by-hand.db"))),
    /** PostgreSQL without anything around it. */
    JDBC_POSTGRES(
            "PostgreSQL, raw JDBC, 16 connections",
            "fsync of the server (fsync and synchronous_commit on), shared by it among connections, the same table",
            folder -> new PostgresCommit(PostgresServer.schema(folder))),
    /** A log, one commit after the other. */
    APPEND(
            "append and force",
            "fdatasync at each commit; finds nothing again but by reading its log",
            folder -> new AppendCommit(folder.resolve("append.log"), 1)),
    /** A log, in groups. */
    APPEND_GROUPS(
            "append and force, in groups",
            "fdatasync at each group; finds nothing again but by reading its log",
            folder -> new AppendCommit(folder.resolve("groups.log"), Integer.MAX_VALUE)),
    /** MapDB alone. */
    MAPDB(
            "MapDB's own transactions",
            "fsync at each commit; what it promises after a crash, it does not keep",
            folder -> new MapDbCommit(folder.resolve("map.db"))),
    /** H2's storage engine. */
    MVSTORE(
            "H2 MVStore",
            "fsync at each commit (commit and sync)",
            folder -> new MvStoreCommit(folder.resolve("store.mv"))),
    /** Xodus. */
    XODUS("Xodus", "fsync at each commit (logDurableWrite)", folder -> new XodusCommit(folder.resolve("xodus"))),
    /** RocksDB. */
    ROCKSDB(
            "RocksDB, WriteBatch",
            "fsync at each commit (sync), shared by the engine among threads",
            folder -> new RocksDbCommit(folder.resolve("rocks")));

    private final String title;
    private final String durability;
    private final Opener opener;

    CommitPeers(String title, String durability, Opener opener) {
        this.title = title;
        this.durability = durability;
        this.opener = opener;
    }

    /** Returns what it is called in a table. */
    public String title() {
        return title;
    }

    /** Returns what is done before a commit returns. */
    public String durability() {
        return durability;
    }

    /** Returns whether it is no store, but the least that one can do. */
    public boolean isLimit() {
        return this == APPEND || this == APPEND_GROUPS;
    }

    /** Returns whether it needs a {@link PostgresServer}. */
    public boolean isOnPostgres() {
        return this == KEYSTORE_POSTGRES || this == JDBC_POSTGRES;
    }

    /** Opens it on what is in a folder. */
    CommitPeer open(Path folder) throws Exception {
        return opener.open(folder);
    }

    private interface Opener {
        CommitPeer open(Path folder) throws Exception;
    }
}
