package dev.keystore.outsider;

import dev.keystore.spi.Backend;
import dev.keystore.testkit.BackendContractTest;
import dev.keystore.testkit.MemoryBackend;
import java.nio.file.Path;

/** A backend that claims everything passes, in a package other than the testkit's, as an author's would be. */
class MemoryBackendContractTest extends BackendContractTest {

    private final MemoryBackend contents = new MemoryBackend();

    @Override
    protected Backend open(Path folder) {
        return contents.reopen();
    }
}
