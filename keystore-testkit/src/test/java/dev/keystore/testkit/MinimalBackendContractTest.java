package dev.keystore.testkit;

import dev.keystore.spi.Backend;
import java.nio.file.Path;

/** The smallest possible backend passes; the tests of other capabilities are skipped (R63). */
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
