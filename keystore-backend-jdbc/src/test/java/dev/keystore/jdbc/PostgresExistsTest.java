package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.keystore.ContextOwnedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.StoreNotFoundException;
import dev.keystore.spi.BackendConfig;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
final class PostgresExistsTest {

    @Test
    @DisplayName("R58 with mustExist, a store without tables, schema or database is not found, and nothing is created")
    void mustExist() {
        String schema = PostgresFixture.newSchema();
        String url = PostgresFixture.url(schema);
        assertNotFound(url);
        assertNotFound(PostgresFixture.url("no_such_schema"));
        assertNotFound(url.replace("/postgres?", "/no_such_database?"));
        // It would fail if one existed.
        PostgresFixture.execute(
                "CREATE TABLE " + schema + ".keystore_format ()", "DROP TABLE " + schema + ".keystore_format");

        PostgresFixture.open(url).close();
        openExisting(url).close();
    }

    private static void assertNotFound(String url) {
        assertThatExceptionOfType(StoreNotFoundException.class)
                .isThrownBy(() -> openExisting(url))
                .withMessageContaining("nothing was created");
    }

    private static JdbcBackend openExisting(String url) {
        return (JdbcBackend) new PostgresBackendProvider().open(new BackendConfig(url, Map.of(), true));
    }

    @Test
    @DisplayName("R53 the refusal says that the owner is in the same process")
    void ownerInThisProcess() {
        String url = PostgresFixture.url(PostgresFixture.newSchema());
        try (JdbcBackend owner = PostgresFixture.open(url);
                JdbcBackend other = PostgresFixture.open(url)) {
            owner.takeOver("alice");
            assertThatExceptionOfType(ContextOwnedException.class)
                    .isThrownBy(() -> other.takeOverUnlessOwned("alice"))
                    .withMessageContaining("another opened database of this process");
        }
    }

    @Test
    @DisplayName("R27 an interrupt ends the wait for a server that does not answer, and its flag is preserved")
    void openingIsInterrupted() throws Exception {
        try (ServerSocket silent = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            String url = "jdbc:postgresql://localhost:" + silent.getLocalPort()
                    + "/postgres?user=postgres&gssEncMode=disable" + "&loginTimeout=60&socketTimeout=60";
            AtomicReference<Throwable> thrown = new AtomicReference<>();
            AtomicBoolean flag = new AtomicBoolean();
            Thread opener = new Thread(() -> {
                thrown.set(catchThrowable(() -> PostgresFixture.open(url)));
                flag.set(Thread.currentThread().isInterrupted());
            });
            opener.start();
            try (Socket connected = silent.accept()) {
                assertThat(connected.getInputStream().read())
                        .as("begins to log in")
                        .isNotNegative();
                opener.interrupt();
                opener.join();
            }
            assertThat(thrown.get())
                    .isInstanceOf(OperationInterruptedException.class)
                    .hasMessageEndingWith(" to open");
            assertThat(flag).as("flag").isTrue();
        }
    }
}
