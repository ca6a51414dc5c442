package dev.keystore.jdbc;

import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import dev.keystore.spi.Backend;
import dev.keystore.testkit.BackendContractTest;
import dev.keystore.testkit.EncryptedBackend;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** SQLite keeps the contract with encryption on (R75). */
class EncryptedSqliteContractTest extends BackendContractTest {

    @Override
    protected Backend open(Path folder) throws IOException {
        Path key = folder.resolve("root.key");
        KeyFile root = Files.exists(key) ? KeyFile.at(key) : KeyFile.create(key);
        return EncryptedBackend.of(SqliteFixture.open(folder.resolve("keys.db")), encryption(root));
    }

    /** Returns how the store is encrypted. */
    Encryption encryption(KeyFile root) {
        return Encryption.with(root);
    }
}
