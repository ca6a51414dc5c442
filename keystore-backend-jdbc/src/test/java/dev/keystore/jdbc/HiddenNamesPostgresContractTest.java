package dev.keystore.jdbc;

import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import org.junit.jupiter.api.Tag;

/**
 * PostgreSQL keeps the contract with encryption on and names hidden, and no file of the server shows anything (R70,
 * R75).
 */
@Tag("long")
final class HiddenNamesPostgresContractTest extends EncryptedPostgresContractTest {

    @Override
    Encryption encryption(KeyFile root) {
        return super.encryption(root).hidingNames();
    }
}
