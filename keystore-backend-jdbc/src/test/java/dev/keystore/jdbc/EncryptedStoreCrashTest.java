package dev.keystore.jdbc;

import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.encryption.KeyFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Acknowledged transactions survive a crash of the engine and SQLite with encryption on (R75). */
final class EncryptedStoreCrashTest extends StoreCrashTest {

    @Override
    SignalKeyDatabase.Builder database(Path folder) throws IOException {
        Path key = folder.resolve("root.key");
        if (Files.notExists(key)) {
            KeyFile.create(key);
        }
        return super.database(folder).property("encryption.key", "key-file:" + key);
    }

    @Override
    protected int killsOfSample() {
        return 2;
    }
}
