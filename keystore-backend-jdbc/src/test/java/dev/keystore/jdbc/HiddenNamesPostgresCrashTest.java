package dev.keystore.jdbc;

import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import org.junit.jupiter.api.Tag;

/** Acknowledged records survive a kill of PostgreSQL's client with encryption on and names hidden (R75). */
@Tag("long")
final class HiddenNamesPostgresCrashTest extends EncryptedPostgresCrashTest {

    @Override
    Encryption encryption(KeyFile root) {
        return super.encryption(root).hidingNames();
    }
}
