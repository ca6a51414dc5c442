package org.example.keystore.files;

import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.testkit.PowerLossContractTest;
import java.nio.file.Path;
import java.util.Map;

/** All that a backend author writes to know what power loss leaves. */
class FileBackendPowerLossTest extends PowerLossContractTest {

    @Override
    protected Backend open(Path folder) {
        return new FileBackendProvider().open(new BackendConfig("files:" + folder.resolve("store"), Map.of()));
    }
}
