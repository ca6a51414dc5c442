package dev.keystore.jdbc;

import dev.keystore.encryption.Encryption;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;

/** SQLite keeps the contract with encryption on and names hidden, and its files show nothing (R70, R75). */
@Tag("long")
final class HiddenNamesSqliteContractTest extends EncryptedSqliteContractTest {

    @Override
    protected Encryption encryption(Path folder) throws IOException {
        return super.encryption(folder).hidingNames();
    }
}
