package dev.keystore.bench.transfer;

import dev.keystore.core.CopyReport;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreBackup;
import dev.keystore.core.StoreCopy;
import dev.keystore.core.StoreInspection;
import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.stream.Stream;
import org.postgresql.PGConnection;
import org.postgresql.copy.PGCopyOutputStream;

/** An operation on a whole store, of Keystore or of a database itself. Stores are given as URLs. */
enum Transfer {

    /** Copies the file page by page, with the backup API of SQLite, as {@code sqlite3 .backup} does. */
    SQLITE_BACKUP("SQLite's backup API") {

        @Override
        long run(String source, String target) throws SQLException {
            try (Connection connection = DriverManager.getConnection(source);
                    Statement statement = connection.createStatement()) {
                statement.executeUpdate("backup to " + file(target));
                return count(statement);
            }
        }
    },

    /** Copies the rows of an SQLite file into a table with the same columns and primary key. */
    COPY_IN("PostgreSQL: COPY … FROM STDIN, rows read by plain JDBC") {

        @Override
        long run(String source, String target) throws SQLException, IOException {
            try (Connection from = DriverManager.getConnection(source);
                    Connection to = DriverManager.getConnection(target);
                    Statement create = to.createStatement();
                    Statement read = from.createStatement();
                    ResultSet rows = read.executeQuery("SELECT context, type, id, value FROM entry")) {
                create.execute("CREATE TABLE entry (context text COLLATE \"C\", type text COLLATE \"C\","
                        + " id text COLLATE \"C\", long_id text, value bytea, PRIMARY KEY (context, type, id))");
                return copy(rows, to.unwrap(PGConnection.class));
            }
        }
    },

    /** Copies the rows of a table to a file, which is not forced. */
    COPY_OUT("PostgreSQL: COPY … TO STDOUT, into a file") {

        @Override
        long run(String source, String target) throws SQLException, IOException {
            try (Connection connection = DriverManager.getConnection(source);
                    OutputStream out = Files.newOutputStream(Path.of(file(target)))) {
                return connection
                        .unwrap(PGConnection.class)
                        .getCopyAPI()
                        .copyOut("COPY entry TO STDOUT (FORMAT binary)", out);
            }
        }
    },

    /** {@link StoreBackup}: reads the source, writes the backup, reads it back. */
    BACKUP("backup") {

        @Override
        long run(String source, String target) {
            try (SignalKeyDatabase database = SignalKeyDatabase.open(source)) {
                return StoreBackup.of(database).to(Path.of(file(target))).run().records();
            }
        }
    },

    /** As {@code keystore verify}: reads and checks every entry. */
    VERIFY("verify") {

        @Override
        long run(String source, String target) {
            try (StoreInspection store = SignalKeyDatabase.builder().url(source).openToInspect();
                    Stream<String> contexts = store.contexts()) {
                return contexts.map(store::inspect)
                        .mapToLong(found -> {
                            if (!found.isIntact()) {
                                throw new IllegalStateException(found.toString());
                            }
                            return found.entries();
                        })
                        .sum();
            }
        }
    },

    /** {@link StoreCopy}: copies each context in one commit, and compares both stores in both directions. */
    COPY("copy") {

        @Override
        long run(String source, String target) {
            try (SignalKeyDatabase from = SignalKeyDatabase.open(source);
                    SignalKeyDatabase to = SignalKeyDatabase.open(target)) {
                CopyReport report = StoreCopy.from(from).to(to).run();
                return report.entries();
            }
        }
    };

    private static final String SQLITE = "jdbc:sqlite:";

    private final String words;

    Transfer(String words) {
        this.words = words;
    }

    /** Runs it, and returns the number of entries, or of records. */
    abstract long run(String source, String target) throws SQLException, IOException;

    /** Returns what it is called in tables. */
    String words() {
        return words;
    }

    /** Returns the file of an SQLite URL. */
    static String file(String url) {
        return url.substring(SQLITE.length());
    }

    /** Returns the URL of an SQLite file. */
    static String url(Path file) {
        return SQLITE + file;
    }

    private static long count(Statement statement) throws SQLException {
        try (ResultSet rows = statement.executeQuery("SELECT count(*) FROM entry")) {
            rows.next();
            return rows.getLong(1);
        }
    }

    /** Writes the binary format of COPY (postgresql.org/docs/current/sql-copy.html). */
    private static long copy(ResultSet rows, PGConnection to) throws SQLException, IOException {
        long copied = 0;
        try (DataOutputStream out = new DataOutputStream(new BufferedOutputStream(
                new PGCopyOutputStream(to, "COPY entry FROM STDIN (FORMAT binary)"), 1 << 16))) {
            out.write("PGCOPY\n\377\r\n\0".getBytes(StandardCharsets.ISO_8859_1));
            out.writeInt(0);
            out.writeInt(0);
            while (rows.next()) {
                out.writeShort(5);
                field(out, rows.getBytes(1));
                field(out, rows.getBytes(2));
                field(out, rows.getBytes(3));
                out.writeInt(-1);
                field(out, rows.getBytes(4));
                copied++;
            }
            out.writeShort(-1);
        }
        return copied;
    }

    private static void field(DataOutputStream out, byte[] bytes) throws IOException {
        out.writeInt(bytes.length);
        out.write(bytes);
    }
}
