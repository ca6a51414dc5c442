package dev.keystore.jdbc;

import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import dev.keystore.spi.Backend;
import dev.keystore.testkit.BackendContractTest;
import dev.keystore.testkit.EncryptedBackend;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;

/** SQLite keeps the contract with encryption on and names hidden (R75). */
@Tag("long")
final class HiddenNamesSqliteContractTest extends BackendContractTest {

    @Override
    protected Backend open(Path folder) throws IOException {
        Path key = folder.resolve("root.key");
        KeyFile root = Files.exists(key) ? KeyFile.at(key) : KeyFile.create(key);
        return EncryptedBackend.of(
                SqliteFixture.open(folder.resolve("keys.db")),
                Encryption.with(root).hidingNames());
    }
}
