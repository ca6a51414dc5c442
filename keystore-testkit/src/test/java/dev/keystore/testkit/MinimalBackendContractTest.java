package dev.keystore.testkit;

import dev.keystore.spi.Backend;
import java.nio.file.Path;

/** The least that a backend can be passes; what it does not claim is skipped (R63). */
class MinimalBackendContractTest extends BackendContractTest {

    @Override
    protected Backend open(Path folder) {
        return new MinimalBackend();
    }

    @Override
    protected boolean isPersistent() {
        return false;
    }
}
