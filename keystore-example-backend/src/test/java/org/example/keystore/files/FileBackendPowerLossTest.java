package org.example.keystore.files;

import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.testkit.PowerLossContractTest;
import java.nio.file.Path;
import java.util.Map;

/** Everything that a backend author writes to run the power-loss tests. */
class FileBackendPowerLossTest extends PowerLossContractTest {

    @Override
    protected Backend open(Path folder) {
        return new FileBackendProvider().open(new BackendConfig("files:" + folder.resolve("store"), Map.of()));
    }
}
