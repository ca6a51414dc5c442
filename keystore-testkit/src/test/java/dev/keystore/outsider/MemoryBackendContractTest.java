package dev.keystore.outsider;

import dev.keystore.spi.Backend;
import dev.keystore.testkit.BackendContractTest;
import dev.keystore.testkit.MemoryBackend;
import java.nio.file.Path;

/** A backend with all capabilities passes, from a package outside the testkit, like the tests of a backend's author. */
class MemoryBackendContractTest extends BackendContractTest {

    private final MemoryBackend contents = new MemoryBackend();

    @Override
    protected Backend open(Path folder) {
        return contents.reopen();
    }
}
