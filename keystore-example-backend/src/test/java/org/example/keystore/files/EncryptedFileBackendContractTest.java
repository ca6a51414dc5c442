package org.example.keystore.files;

import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.testkit.BackendContractTest;
import dev.keystore.testkit.EncryptedBackend;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** The backend keeps encrypted records as well as any others (R75). */
class EncryptedFileBackendContractTest extends BackendContractTest {

    @Override
    protected Backend open(Path folder) throws IOException {
        Path key = folder.resolve("root.key");
        KeyFile root = Files.exists(key) ? KeyFile.at(key) : KeyFile.create(key);
        return EncryptedBackend.of(
                new FileBackendProvider().open(new BackendConfig("files:" + folder.resolve("store"), Map.of())),
                Encryption.with(root));
    }
}
