package dev.keystore.bench.commit;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.atomic.AtomicLong;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;

/**
 * The minimum that groups of commits do on SQLite with Keystore's table: values come from a map in memory, and are
 * written by statements of 16 rows each, on one connection. There are no locks, no limit of the memory, and no
 * checksums.
 *
 * <p>If it is fenced, each group also checks the owner, and stores the number of the commit.
 */
final class MinimalSqliteCommit implements CommitPeer {

    private static final int ROWS_PER_UPSERT = 16;
    private static final int COLUMNS = 4;

    private record Row(EntryKind kind, String context, String id, byte[] value) {}

    private final Connection connection;
    private final List<PreparedStatement> upserts = new ArrayList<>();
    private final @Nullable PreparedStatement fence;
    private final ConcurrentMap<String, byte[]> values = new ConcurrentHashMap<>();
    private final CommitGroups<List<Row>> groups = new CommitGroups<>(Integer.MAX_VALUE, this::write);
    private final Set<String> owned = new HashSet<>();
    private final AtomicLong fsyncs = new AtomicLong();

    MinimalSqliteCommit(DataSource sqlite, boolean fenced) throws SQLException {
        connection = sqlite.getConnection();
        try (Statement statement = connection.createStatement()) {
            statement.execute(RawSqlite.TABLE);
            if (fenced) {
                statement.execute(RawSqlite.OWNER_TABLE);
            }
            read(statement);
        }
        for (int rows = 1; rows <= ROWS_PER_UPSERT; rows++) {
            upserts.add(connection.prepareStatement(EntryTable.upsert(rows)));
        }
        fence = fenced ? connection.prepareStatement(RawSqlite.FENCE) : null;
        connection.setAutoCommit(false);
    }

    private void read(Statement statement) throws SQLException {
        try (ResultSet rows = statement.executeQuery("SELECT context, type, id, value FROM entry")) {
            while (rows.next()) {
                EntryKind kind = EntryKind.ofType(rows.getString(2));
                values.put(kind.key(rows.getString(1), rows.getString(3)), rows.getBytes(4));
            }
        }
    }

    @Override
    public void fill(String context, List<String> ids) throws Exception {
        groups.write(ids.stream()
                .flatMap(id -> both(context, id, Payload.first(id)).stream())
                .toList());
    }

    @Override
    public void commit(String context, String id) throws Exception {
        byte[] session = Objects.requireNonNull(values.get(EntryKind.SESSION.key(context, id)));
        groups.write(both(context, id, Payload.next(session)));
    }

    private static List<Row> both(String context, String id, byte[] value) {
        return List.of(
                new Row(EntryKind.SESSION, context, id, value), new Row(EntryKind.SENDER_KEY, context, id, value));
    }

    private void write(List<List<Row>> group) throws SQLException {
        List<Row> rows = group.stream().flatMap(List::stream).toList();
        try {
            if (fence != null) {
                fence(fence, rows.get(0).context);
            }
            for (int from = 0; from < rows.size(); from += ROWS_PER_UPSERT) {
                upsert(rows.subList(from, Math.min(rows.size(), from + ROWS_PER_UPSERT)));
            }
            connection.commit();
        } catch (SQLException | RuntimeException e) {
            connection.rollback();
            throw e;
        }
        fsyncs.incrementAndGet();
        rows.forEach(row -> values.put(row.kind.key(row.context, row.id), row.value));
    }

    private void fence(PreparedStatement statement, String context) throws SQLException {
        if (owned.add(context)) {
            RawSqlite.takeOver(connection, context);
        }
        RawSqlite.fence(statement, fsyncs.get() + 1, context);
    }

    private void upsert(List<Row> rows) throws SQLException {
        PreparedStatement upsert = upserts.get(rows.size() - 1);
        int column = 0;
        for (Row row : rows) {
            upsert.setString(column + 1, row.context);
            upsert.setString(column + 2, row.kind.type());
            upsert.setString(column + 3, row.id);
            upsert.setBytes(column + 4, row.value);
            column += COLUMNS;
        }
        upsert.executeUpdate();
    }

    @Override
    public byte @Nullable [] find(EntryKind kind, String context, String id) {
        return values.get(kind.key(context, id));
    }

    @Override
    public OptionalLong fsyncs() {
        return OptionalLong.of(fsyncs.get());
    }

    @Override
    public void close() throws SQLException {
        connection.close();
    }
}
