package dev.keystore.mapdb;

import dev.keystore.spi.Backend;
import dev.keystore.testkit.PowerLossContractTest;
import java.nio.file.Path;

final class MapdbPowerLossTest extends PowerLossContractTest {

    /** Few commits, so that journals are rotated and checkpoints made all the time. */
    private static final long CHECKPOINT_BYTES = 1 << 15;

    @Override
    protected Backend open(Path folder) {
        return Mapdb.open(folder.resolve("store"), CHECKPOINT_BYTES);
    }
}
