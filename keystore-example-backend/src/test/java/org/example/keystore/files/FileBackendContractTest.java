package org.example.keystore.files;

import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.testkit.BackendContractTest;
import java.nio.file.Path;
import java.util.Map;

/** Everything that a backend author writes to run the contract tests. */
class FileBackendContractTest extends BackendContractTest {

    @Override
    protected Backend open(Path folder) {
        return new FileBackendProvider().open(new BackendConfig("files:" + folder, Map.of()));
    }
}
