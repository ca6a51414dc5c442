package dev.keystore.bench.commit;

import java.sql.SQLException;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** One connection on which one thread commits for all threads that wait. */
final class JdbcGroupsCommit implements CommitPeer {

    private final JdbcCommit connection;
    private final CommitGroups<JdbcCommit.Id> groups;
    private final AtomicLong fsyncs = new AtomicLong();

    JdbcGroupsCommit(JdbcCommit connection) {
        this.connection = connection;
        groups = new CommitGroups<>(Integer.MAX_VALUE, this::commit);
    }

    private void commit(List<JdbcCommit.Id> group) throws SQLException {
        connection.commit(group);
        fsyncs.incrementAndGet();
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
    public byte @Nullable [] find(EntryKind kind, String context, String id) throws SQLException {
        return connection.find(kind, context, id);
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
