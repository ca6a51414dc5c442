package org.example.keystore.files;

import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.testkit.BackendContractTest;
import java.nio.file.Path;
import java.util.Map;

/** All that a backend author writes to know that the backend is right. */
class FileBackendContractTest extends BackendContractTest {

    @Override
    protected Backend open(Path folder) {
        return new FileBackendProvider().open(new BackendConfig("files:" + folder, Map.of()));
    }
}
