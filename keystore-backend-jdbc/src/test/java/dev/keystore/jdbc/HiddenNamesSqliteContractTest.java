package dev.keystore.jdbc;

import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import org.junit.jupiter.api.Tag;

/** SQLite keeps the contract with encryption on and names hidden (R75). */
@Tag("long")
final class HiddenNamesSqliteContractTest extends EncryptedSqliteContractTest {

    @Override
    Encryption encryption(KeyFile root) {
        return super.encryption(root).hidingNames();
    }
}
