package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.keystore.interop.TransferItem.Fate;
import java.nio.file.Path;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;

/**
 * A SQLite database that holds the account of one Baileys client. It has a table {@code signal_keys} with the columns
 * {@code type}, {@code id} and {@code value}, and a table {@code creds} with the columns {@code key} and {@code value},
 * in which the row {@code __creds__} is the credentials. Values are JSON, as in the files of {@link BaileysFolder}; ids
 * are exact.
 *
 * <p>It can only be imported. It is read from a private copy in the folder for temporary files, which is deleted
 * afterwards, so that the database itself is not opened. Stop the client first.
 */
public final class BaileysDatabase extends ForeignStore {

    /** The key of the row that holds the credentials. */
    private static final String CREDENTIALS_ROW = "__creds__";

    private final Path file;

    private BaileysDatabase(Path file) {
        this.file = file;
    }

    /**
     * Names a database. Nothing is read yet.
     *
     * @param file the file of the database
     * @return the store in it
     */
    public static BaileysDatabase at(Path file) {
        return new BaileysDatabase(Objects.requireNonNull(file, "file").toAbsolutePath());
    }

    /** Returns the path of the file. */
    @Override
    public String toString() {
        return file.toString();
    }

    @Override
    Read read(Reading reading) {
        Map<String, byte[]> digests = new LinkedHashMap<>();
        Contents contents = new Contents(toString(), reading.limits());
        try (SqliteCopy database = SqliteCopy.open(file, digests)) {
            new Tables(database, contents, reading).read();
            database.nameDamage(contents);
        }
        return new Read(contents, () -> SqliteCopy.checkUnchanged(file, digests));
    }

    @Override
    List<TransferItem> write(Contents contents, String context, boolean dryRun) {
        throw new ForeignStoreException(
                file + ": could not export to it: a database of Baileys can only be imported; export to a folder",
                null);
    }

    /** Reads the two tables. */
    private final class Tables {

        private final SqliteCopy database;
        private final Contents contents;
        private final Reading reading;
        private long rows;

        Tables(SqliteCopy database, Contents contents, Reading reading) {
            this.database = database;
            this.contents = contents;
            this.reading = reading;
        }

        void read() {
            Set<String> tables;
            Set<String> credentialColumns;
            Set<String> keyColumns;
            try {
                tables = database.tables();
                if (!tables.contains("signal_keys") || !tables.contains("creds")) {
                    throw SqliteCopy.failed(file, "it has no tables creds and signal_keys", null);
                }
                credentialColumns = database.columns("creds");
                keyColumns = database.columns("signal_keys");
            } catch (SQLException e) {
                throw SqliteCopy.failed(file, "it is not a SQLite database that can be read", e);
            }
            // Clients that keep one value there have no key.
            String key = credentialColumns.contains("key") ? "key" : "'" + CREDENTIALS_ROW + "' AS key";
            leaveColumns("creds", credentialColumns, Set.of("key", "value"));
            leaveColumns("signal_keys", keyColumns, Set.of("type", "id", "value"));
            readTable("creds", "SELECT value, " + key + " FROM creds", this::readCredentials);
            readTable("signal_keys", "SELECT value, type, id FROM signal_keys", this::readKey);
            tables.stream()
                    .filter(table -> !table.equals("creds") && !table.equals("signal_keys"))
                    .forEach(table -> contents.leave("table " + table, Fate.UNKNOWN, "", "", "it is not of Baileys"));
        }

        private void leaveColumns(String table, Set<String> columns, Set<String> read) {
            columns.stream()
                    .filter(column -> !read.contains(column))
                    .forEach(column -> contents.leave(
                            "column " + column + " of table " + table,
                            Fate.UNKNOWN,
                            "",
                            "",
                            "it is not of Baileys, so its values are not imported"));
        }

        private void readTable(String table, String sql, ForeignTables.Row each) {
            try {
                database.query(sql, row -> {
                    each.accept(row);
                    reading.listener().accept(new TransferProgress(++rows, 0));
                });
            } catch (SQLException e) {
                contents.leave(
                        "table " + table,
                        Fate.DAMAGED,
                        "",
                        "",
                        "the database is damaged, so rows of it may be missing; check it with PRAGMA integrity_check");
            }
        }

        private void readCredentials(ResultSet row) throws SQLException {
            try {
                String key = Columns.findText(row, "key");
                if (!CREDENTIALS_ROW.equals(key)) {
                    contents.leave(
                            "creds/" + Columns.shown(row, "key"),
                            Fate.UNKNOWN,
                            "",
                            "",
                            "it is not the row of the credentials");
                    return;
                }
                byte[] document = bytes(row);
                BaileysValues.checkCredentials(document);
                contents.addCredentials("creds", document, "");
            } catch (DamagedException e) {
                String reason = e.reason() + "; " + Losses.of(Contents.CREDENTIALS);
                contents.leave("creds", Fate.DAMAGED, Contents.CREDENTIALS, "", reason);
            }
        }

        private void readKey(ResultSet row) throws SQLException {
            String item = Columns.shown(row, "type") + "/" + Columns.shown(row, "id");
            BaileysType<?> type = null;
            try {
                String name = Columns.findText(row, "type");
                type = name == null ? null : BaileysType.named(name);
                if (type == null) {
                    contents.leave(item, Fate.UNKNOWN, "", "", "its type is not known");
                    return;
                }
                String id = Columns.text(row, "id");
                type.addTo(contents, item, id, bytes(row), "");
            } catch (DamagedException e) {
                String ours = type == null ? "" : type.type().name();
                contents.leave(item, Fate.DAMAGED, ours, Columns.shown(row, "id"), e.reason() + "; " + Losses.of(ours));
            }
        }

        /** Returns a document, which clients write as a text or as bytes. */
        private static byte[] bytes(ResultSet row) throws SQLException, DamagedException {
            String text = Columns.findText(row, "value");
            return text == null ? Columns.bytes(row, "value") : text.getBytes(UTF_8);
        }
    }
}
