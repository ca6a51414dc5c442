package dev.keystore.bench.commit;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;

/**
 * Writes single records durably and in groups, and does nothing else: the least that a durable message costs on top of
 * the time that libsignal takes. Thread-safe.
 */
public final class RecordLog implements AutoCloseable {

    private record Written(String context, String id, byte[] bytes) {}

    private interface Closing {
        void close() throws IOException, SQLException;
    }

    private final CommitGroups<Written> groups;
    private final Closing file;

    private RecordLog(Closing file, CommitGroups.GroupAction<Written> action) {
        this.file = file;
        this.groups = new CommitGroups<>(Integer.MAX_VALUE, action);
    }

    /** Writes rows to a file of SQLite, with the settings and the table of Keystore. */
    public static RecordLog inSqlite(Path file) throws SQLException {
        Connection connection = RawSqlite.withKeystoreSettings(file).getConnection();
        try (Statement statement = connection.createStatement()) {
            statement.execute(RawSqlite.TABLE);
        }
        connection.setAutoCommit(false);
        PreparedStatement upsert = connection.prepareStatement(EntryTable.UPSERT);
        return new RecordLog(connection::close, group -> {
            for (Written record : group) {
                upsert.setString(1, record.context);
                upsert.setString(2, "session");
                upsert.setString(3, record.id);
                upsert.setBytes(4, record.bytes);
                upsert.executeUpdate();
            }
            connection.commit();
        });
    }

    /** Appends to a file, and forces it. */
    public static RecordLog appending(Path file) throws IOException {
        FileChannel log =
                FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
        return new RecordLog(log::close, group -> append(log, group));
    }

    private static void append(FileChannel log, List<Written> group) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        for (Written record : group) {
            out.writeUTF(record.context);
            out.writeUTF(record.id);
            out.writeInt(record.bytes.length);
            out.write(record.bytes);
        }
        ByteBuffer buffer = ByteBuffer.wrap(bytes.toByteArray());
        while (buffer.hasRemaining()) {
            log.write(buffer);
        }
        log.force(false);
    }

    /** Writes a record, and returns when it is durable. */
    public void write(String context, String id, byte[] bytes) throws Exception {
        groups.write(new Written(context, id, bytes));
    }

    @Override
    public void close() throws IOException, SQLException {
        file.close();
    }
}
