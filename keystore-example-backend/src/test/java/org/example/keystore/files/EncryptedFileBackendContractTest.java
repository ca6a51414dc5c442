package org.example.keystore.files;

import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.Sealing;
import dev.keystore.testkit.EncryptedContractTest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/** The backend keeps encrypted records as well as any others, and its files show nothing (R70, R75). */
class EncryptedFileBackendContractTest extends EncryptedContractTest {

    @Override
    protected Backend openUnencrypted(Path folder) {
        return new FileBackendProvider().open(new BackendConfig("files:" + folder.resolve("store"), Map.of()));
    }

    @Override
    protected Sealing encryption(Path folder) throws IOException {
        Path key = folder.resolve("root.key");
        return Encryption.with(Files.exists(key) ? KeyFile.at(key) : KeyFile.create(key));
    }
}
