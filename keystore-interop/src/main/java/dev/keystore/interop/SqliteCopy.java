package dev.keystore.interop;

import dev.keystore.interop.TransferItem.Fate;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteConfig.Pragma;

/**
 * A SQLite database, read from a private copy of its file and its log: opening the file itself could change it, since
 * SQLite recovers a log when it opens one. Closing it deletes the copy.
 */
final class SqliteCopy implements ForeignTables {

    static final int MAXIMUM_VALUE_BYTES = 16 << 20;

    private static final long MAXIMUM_FILE_BYTES = 1L << 30;
    private static final int QUERY_SECONDS = 60;
    private static final String JOURNAL = "-journal";
    private static final List<String> SUFFIXES = List.of("", "-wal", JOURNAL);

    /** What a journal ends with that names a journal of several databases, which SQLite deletes when it is done. */
    private static final byte[] SUPER_JOURNAL = HexFormat.of().parseHex("d9d505f920a163d7");

    private final Path copy;
    private final Connection connection;

    private SqliteCopy(Path copy, Connection connection) {
        this.copy = copy;
        this.connection = connection;
    }

    /** Opens a copy; {@code digests} receives the digest of each file of the database. */
    static SqliteCopy open(Path file, Map<String, byte[]> digests) {
        Path copy = null;
        try {
            copy = Files.createTempDirectory("keystore-import");
            digests.putAll(copyTo(file, copy));
            SQLiteConfig config = new SQLiteConfig();
            config.setPragma(Pragma.LIMIT_LENGTH, Integer.toString(MAXIMUM_VALUE_BYTES));
            config.setPragma(Pragma.LIMIT_WORKER_THREADS, "0");
            return new SqliteCopy(copy, config.createConnection("jdbc:sqlite:" + copy.resolve("copy")));
        } catch (IOException | SQLException e) {
            delete(copy);
            throw failed(file, e.getClass().getSimpleName() + "; check the path", e);
        } catch (ForeignStoreException e) {
            delete(copy);
            throw e;
        }
    }

    private static Map<String, byte[]> copyTo(Path file, Path folder) throws IOException {
        Map<String, byte[]> digests = new LinkedHashMap<>();
        for (String suffix : SUFFIXES) {
            Path part = file.resolveSibling(file.getFileName() + suffix);
            if (suffix.isEmpty() || Files.exists(part, LinkOption.NOFOLLOW_LINKS)) {
                if (!Files.isRegularFile(part, LinkOption.NOFOLLOW_LINKS) || Files.size(part) > MAXIMUM_FILE_BYTES) {
                    throw failed(
                            file,
                            "\"" + part.getFileName() + "\" does not exist, is not a file, or is larger than "
                                    + MAXIMUM_FILE_BYTES + " bytes",
                            null);
                }
                Path copied = folder.resolve("copy" + suffix);
                digests.put(suffix, copyFile(part, copied));
                if (suffix.equals(JOURNAL) && namesAnotherFile(copied)) {
                    throw failed(
                            file,
                            "\"" + part.getFileName() + "\" is of a transaction of several databases, and names a file"
                                    + " that SQLite would delete; open the database with its own client once, so that"
                                    + " the transaction is completed, and import it again",
                            null);
                }
            }
        }
        return digests;
    }

    private static boolean namesAnotherFile(Path journal) throws IOException {
        try (FileChannel channel = FileChannel.open(journal)) {
            ByteBuffer end = ByteBuffer.allocate(SUPER_JOURNAL.length);
            channel.read(end, Math.max(0, channel.size() - SUPER_JOURNAL.length));
            return Arrays.equals(end.array(), SUPER_JOURNAL);
        }
    }

    private static byte[] copyFile(Path from, Path to) throws IOException {
        MessageDigest sha256 = Sha256.digest();
        try (InputStream in = Files.newInputStream(from, LinkOption.NOFOLLOW_LINKS);
                OutputStream out = new DigestOutputStream(Files.newOutputStream(to), sha256)) {
            in.transferTo(out);
        }
        return sha256.digest();
    }

    /** Throws if the files differ from those that were copied. */
    static void checkUnchanged(Path file, Map<String, byte[]> digests) {
        for (String suffix : SUFFIXES) {
            Path part = file.resolveSibling(file.getFileName() + suffix);
            byte[] before = digests.get(suffix);
            byte[] now = null;
            try {
                if (Files.isRegularFile(part, LinkOption.NOFOLLOW_LINKS)) {
                    MessageDigest sha256 = Sha256.digest();
                    try (InputStream in = Files.newInputStream(part, LinkOption.NOFOLLOW_LINKS)) {
                        in.transferTo(new DigestOutputStream(OutputStream.nullOutputStream(), sha256));
                    }
                    now = sha256.digest();
                } else if (Files.exists(part, LinkOption.NOFOLLOW_LINKS)) {
                    now = new byte[0];
                }
            } catch (IOException e) {
                now = new byte[0];
            }
            if (!Arrays.equals(before, now)) {
                throw failed(
                        file,
                        "it was changed while it was read: \"" + part.getFileName()
                                + "\"; stop what uses it, and import it again",
                        null);
            }
        }
    }

    static ForeignStoreException failed(Path file, String why, @Nullable Exception cause) {
        return new ForeignStoreException(file + ": could not import it: " + why, cause);
    }

    @Override
    public Set<String> tables() throws SQLException {
        Set<String> tables = new HashSet<>();
        query(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE TABLE%'"
                        + " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
                row -> tables.add(row.getString(1)));
        return tables;
    }

    /** Returns the names of the columns of a table. */
    Set<String> columns(String table) throws SQLException {
        Set<String> columns = new HashSet<>();
        query("SELECT name FROM pragma_table_info('" + table + "')", row -> columns.add(row.getString(1)));
        return columns;
    }

    /**
     * Names a damage of the file by which rows may be missing although every query succeeds: a page of a table may have
     * lost some of its rows.
     */
    @Override
    public void nameDamage(Contents contents) {
        List<String> found = new ArrayList<>();
        try (Statement statement = connection.createStatement()) {
            statement.execute("PRAGMA ignore_check_constraints = ON"); // another client may have others
            query("PRAGMA integrity_check(1)", row -> found.add(String.valueOf(row.getString(1))));
        } catch (SQLException e) {
            found.add("the check of its integrity failed");
        }
        if (!found.equals(List.of("ok"))) {
            contents.leave(
                    "database",
                    Fate.DAMAGED,
                    "",
                    "",
                    "the database is damaged, so rows may be missing or wrong: " + String.join("; ", found));
        }
    }

    @Override
    public void query(String sql, Row each) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setQueryTimeout(QUERY_SECONDS);
            try (ResultSet rows = statement.executeQuery()) {
                while (rows.next()) {
                    each.accept(rows);
                }
            }
        }
    }

    @Override
    public void close() {
        try {
            connection.close();
        } catch (SQLException e) {
            throw new ForeignStoreException(copy + ": could not close the copy of a database; delete it", e);
        } finally {
            delete(copy);
        }
    }

    private static void delete(@Nullable Path folder) {
        if (folder == null) {
            return;
        }
        try (var files = Files.list(folder)) {
            for (Path file : files.toList()) {
                Files.delete(file);
            }
            Files.delete(folder);
        } catch (IOException e) {
            throw new ForeignStoreException(folder + ": could not delete the copy of a database; delete it", e);
        }
    }
}
