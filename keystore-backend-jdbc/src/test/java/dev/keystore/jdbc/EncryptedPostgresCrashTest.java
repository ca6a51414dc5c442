package dev.keystore.jdbc;

import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import dev.keystore.spi.Backend;
import dev.keystore.testkit.CrashContractTest;
import dev.keystore.testkit.EncryptedBackend;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Acknowledged records survive the kill of a process that writes to PostgreSQL with encryption on (R75). The server
 * continues running; {@link PostgresRestartTest} kills it.
 */
class EncryptedPostgresCrashTest extends CrashContractTest {

    /** The property that tells a child the port of the server. */
    private static final String PORT = "keystore.postgres.port";

    @Override
    protected Backend open(Path folder) throws IOException {
        int port = Integer.getInteger(PORT, 0);
        String schema = "crash_" + Integer.toHexString(folder.hashCode());
        String url = PostgresFixture.url(port == 0 ? PostgresFixture.port() : port, schema);
        if (port == 0) {
            PostgresFixture.execute("CREATE SCHEMA IF NOT EXISTS " + schema);
            // The server may still be executing the last commit of a process that was killed.
            PostgresFixture.terminateAll(schema);
            PostgresFixture.await("the end of killed connections", """
                    SELECT WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = '%s')
                    """.formatted(schema));
        }
        Path key = folder.resolve("root.key");
        KeyFile root = Files.exists(key) ? KeyFile.at(key) : KeyFile.create(key);
        return EncryptedBackend.of(PostgresFixture.open(url), encryption(root));
    }

    /** Returns how the store is encrypted. */
    Encryption encryption(KeyFile root) {
        return Encryption.with(root);
    }

    @Override
    protected List<String> jvmArguments() {
        return List.of("-D" + PORT + "=" + PostgresFixture.port());
    }

    /** What writes to sockets; acknowledgements to the parent use it as well. */
    @Override
    protected List<String> systemCalls() {
        return List.of("write,sendto");
    }

    @Override
    protected int killsOfSample() {
        return 2;
    }
}
