package dev.keystore.mapdb;

import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import org.junit.jupiter.api.Tag;

/** Acknowledged records survive a crash of MapDB with encryption on and names hidden (R75). */
@Tag("long")
final class HiddenNamesMapdbCrashTest extends EncryptedMapdbCrashTest {

    @Override
    Encryption encryption(KeyFile root) {
        return super.encryption(root).hidingNames();
    }
}
