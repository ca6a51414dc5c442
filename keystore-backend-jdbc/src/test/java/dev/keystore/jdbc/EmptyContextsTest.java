package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.keystore.KeyTypes;
import dev.keystore.OwnershipLostException;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jdbi.v3.core.Handle;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The owners' rows of contexts that hold nothing, and listings of contexts. */
@Timeout(120)
final class EmptyContextsTest {

    private static final byte[] VALUE = {1};

    @TempDir
    private Path folder;

    private enum Database {
        SQLITE {
            @Override
            String newUrl(Path folder) {
                return "jdbc:sqlite:" + folder.resolve("keys.db");
            }

            @Override
            JdbcBackend open(String url) {
                return SqliteFixture.open(Path.of(url.substring("jdbc:sqlite:".length())));
            }
        },
        POSTGRES {
            @Override
            String newUrl(Path folder) {
                return PostgresFixture.url(PostgresFixture.newSchema());
            }

            @Override
            JdbcBackend open(String url) {
                return PostgresFixture.open(url);
            }
        };

        abstract String newUrl(Path folder);

        abstract JdbcBackend open(String url);
    }

    private static List<String> owned(String url) throws SQLException {
        List<String> contexts = new ArrayList<>();
        try (Connection connection = DriverManager.getConnection(url);
                Statement statement = connection.createStatement();
                ResultSet rows = statement.executeQuery(
                        "SELECT context FROM owner WHERE context NOT IN ('', '_store') ORDER BY context")) {
            while (rows.next()) {
                contexts.add(rows.getString(1));
            }
        }
        return contexts;
    }

    @ParameterizedTest
    @EnumSource(Database.class)
    @DisplayName("R55 a context that was only opened, or is empty again, leaves no row once the database is closed")
    void close_emptyContexts_leaveNoRow(Database kind) throws Exception {
        String url = kind.newUrl(folder);
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url)) {
            database.forContext("opened");
            database.forContext("held").put(KeyTypes.SESSION, "bob.1", VALUE);
            database.forContext("erased").put(KeyTypes.SESSION, "bob.1", VALUE);
            database.forContext("erased").erase();
            assertThat(owned(url)).containsExactly("erased", "held", "opened");
            try (Stream<String> contexts = database.contexts()) {
                assertThat(contexts).containsExactly("held");
            }
        }
        assertThat(owned(url)).containsExactly("held");

        try (SignalKeyDatabase database =
                SignalKeyDatabase.builder().url(url).refuseOwned().open()) {
            database.forContext("opened");
            database.forContext("held");
        }
        assertThat(owned(url)).containsExactly("held");
    }

    @ParameterizedTest
    @EnumSource(Database.class)
    @DisplayName("R53 R55 closing a former owner leaves the row of the current one")
    void close_formerOwner_leavesTheRow(Database kind) throws Exception {
        String url = kind.newUrl(folder);
        JdbcBackend former = kind.open(url);
        try (JdbcBackend current = kind.open(url)) {
            former.takeOver("alice");
            long epoch = current.takeOver("alice");
            former.close();
            assertThat(owned(url)).containsExactly("alice");
            current.commit(List.of(put("alice", epoch)));
        }
        assertThat(owned(url)).containsExactly("alice");
    }

    @ParameterizedTest
    @EnumSource(Database.class)
    @DisplayName("R53 R55 a context that was opened for reading only is lost if its row was created and deleted since")
    void row_createdAndDeleted_isAnotherOne(Database kind) {
        String url = kind.newUrl(folder);
        try (JdbcBackend reader = kind.open(url)) {
            List<Long> before = row(reader);
            assertThat(row(reader)).isEqualTo(before);
            for (int i = 0; i < 3; i++) {
                try (JdbcBackend owner = kind.open(url)) {
                    owner.takeOver("alice");
                    assertThat(row(reader)).isNotEqualTo(before);
                }
                assertThat(row(reader)).isNotEqualTo(before);
                before = row(reader);
            }
        }
    }

    private static List<Long> row(JdbcBackend backend) {
        return backend.queries().read("read a row", handle -> backend.owners().row(handle, "alice"));
    }

    @Test
    @Timeout(120)
    @DisplayName("R53 R55 on PostgreSQL, a takeover that waits for the end of an empty context gets a higher epoch")
    void takeOver_duringTheDeletion_epochIsNew() throws Exception {
        String schema = PostgresFixture.newSchema();
        String url = PostgresFixture.url(schema);
        try (JdbcBackend former = PostgresFixture.open(url);
                JdbcBackend owner = PostgresFixture.open(url);
                JdbcBackend next = PostgresFixture.open(url)) {
            long first = former.takeOver("alice");
            long second = owner.takeOver("alice");
            Handle deleting = owner.writer().handle();
            assertThat(deleting).isNotNull();
            deleting.begin();
            assertThat(owner.owners().deleteEmptyContexts(deleting)).isOne();
            FutureTask<Long> takeOver = new FutureTask<>(() -> next.takeOver("alice"));
            Thread thread = new Thread(takeOver, "takes over");
            thread.setDaemon(true);
            thread.start();
            PostgresFixture.awaitLockWait(schema);
            deleting.commit();

            long third = takeOver.get(60, TimeUnit.SECONDS);
            assertThat(List.of(first, second, third)).isSorted().doesNotHaveDuplicates();
            for (long ended : List.of(first, second)) {
                assertThatExceptionOfType(OwnershipLostException.class)
                        .isThrownBy(() -> former.commit(List.of(put("alice", ended))));
            }
            next.commit(List.of(put("alice", third)));
        }
    }

    private static Batch put(String context, long epoch) {
        return new Batch(context, epoch, 1, List.of(new Mutation.Put("session", "1", VALUE)));
    }

    @ParameterizedTest
    @EnumSource(Database.class)
    @DisplayName("R55 a hundred thousand contexts are listed page by page: the first one does not wait for the others")
    void contexts_hundredThousand_areStreamed(Database kind) throws Exception {
        int count = 100_000;
        String url = kind.newUrl(folder);
        try (JdbcBackend backend = kind.open(url)) {
            try (Connection connection = DriverManager.getConnection(url)) {
                connection.setAutoCommit(false);
                try (PreparedStatement insert = connection.prepareStatement(
                        "INSERT INTO entry (context, type, id, value) VALUES (?, 'session', 'x', ?)")) {
                    for (int i = 0; i < count; i++) {
                        insert.setString(1, "account " + i);
                        insert.setBytes(2, VALUE);
                        insert.addBatch();
                    }
                    insert.executeBatch();
                }
                connection.commit();
            }
            try (Stream<String> contexts = backend.contexts()) {
                Iterator<String> reading = contexts.iterator();
                Set<String> first = new HashSet<>();
                for (int i = 0; i < 10; i++) {
                    first.add(reading.next());
                }
                assertThat(first).hasSize(10);
                backend.save("zulu", "session", "x", VALUE);
                Set<String> rest = new HashSet<>();
                reading.forEachRemaining(rest::add);
                assertThat(rest).hasSize(count + 1 - 10).contains("zulu").doesNotContainAnyElementsOf(first);
            }
        }
    }
}
