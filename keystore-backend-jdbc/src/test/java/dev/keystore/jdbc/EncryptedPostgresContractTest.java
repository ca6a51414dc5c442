package dev.keystore.jdbc;

import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import dev.keystore.spi.Backend;
import dev.keystore.testkit.BackendContractTest;
import dev.keystore.testkit.EncryptedBackend;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** PostgreSQL keeps the contract with encryption on (R75). */
class EncryptedPostgresContractTest extends BackendContractTest {

    private final Map<Path, String> schemas = new HashMap<>();

    @Override
    protected Backend open(Path folder) throws IOException {
        Path key = folder.resolve("root.key");
        KeyFile root = Files.exists(key) ? KeyFile.at(key) : KeyFile.create(key);
        return EncryptedBackend.of(
                PostgresFixture.open(
                        PostgresFixture.url(schemas.computeIfAbsent(folder, unused -> PostgresFixture.newSchema()))),
                encryption(root));
    }

    /** Returns how the store is encrypted. */
    Encryption encryption(KeyFile root) {
        return Encryption.with(root);
    }
}
