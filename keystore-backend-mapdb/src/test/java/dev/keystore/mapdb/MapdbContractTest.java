package dev.keystore.mapdb;

import dev.keystore.spi.Backend;
import dev.keystore.testkit.BackendContractTest;
import java.nio.file.Path;

final class MapdbContractTest extends BackendContractTest {

    @Override
    protected Backend open(Path folder) {
        return Mapdb.open(folder);
    }
}
