package org.example.keystore.files;

import dev.keystore.encryption.Encryption;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.testkit.EncryptedBackend;
import dev.keystore.testkit.PowerLossContractTest;
import java.nio.file.Path;
import java.util.Map;

/** Acknowledged records survive power loss with encryption on (R75). */
class EncryptedFileBackendPowerLossTest extends PowerLossContractTest {

    @Override
    protected Backend open(Path folder) {
        Backend backend =
                new FileBackendProvider().open(new BackendConfig("files:" + folder.resolve("store"), Map.of()));
        return EncryptedBackend.of(backend, Encryption.with(EncryptedBackend.testKey()));
    }

    @Override
    protected int statesOfSample() {
        return 8;
    }
}
