package dev.keystore.bench.commit;

import java.sql.SQLException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** One connection, on which one thread commits for all that wait: what SQLite itself can do for many threads. */
final class JdbcGroupsCommit implements CommitPeer {

    private final JdbcCommit connection;
    private final Groups<JdbcCommit.Id> groups;

    JdbcGroupsCommit(JdbcCommit connection) {
        this.connection = connection;
        groups = new Groups<>(Integer.MAX_VALUE, connection::commit);
    }

    @Override
    public void fill(String context, List<String> ids) throws SQLException {
        connection.fill(context, ids);
    }

    @Override
    public void commit(String context, String id) throws Exception {
        groups.write(new JdbcCommit.Id(context, id));
    }

    @Override
    public byte @Nullable [] find(Kind kind, String context, String id) throws SQLException {
        return connection.find(kind, context, id);
    }

    @Override
    public void close() throws SQLException {
        connection.close();
    }
}
