package org.example.keystore.files;

import dev.keystore.spi.Backend;
import dev.keystore.testkit.PowerLossContractTest;
import java.nio.file.Path;

/** What a power loss leaves of the files. */
class FileBackendPowerLossTest extends PowerLossContractTest {

    @Override
    protected Backend open(Path folder) {
        return Child.open(folder.resolve("store"));
    }
}
