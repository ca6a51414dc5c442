package dev.keystore.mapdb;

import dev.keystore.spi.Backend;
import dev.keystore.testkit.PowerLossContractTest;
import java.nio.file.Path;

final class MapdbPowerLossTest extends PowerLossContractTest {

    @Override
    protected Backend open(Path folder) {
        return Mapdb.open(folder.resolve("store"), Mapdb.FEW_BYTES);
    }

    /** Enough to begin new journals and to write checkpoints. */
    @Override
    protected int commits() {
        return 20;
    }

    /** Fewer than the default: each child writes several checkpoints, so a state takes longer than elsewhere. */
    @Override
    protected int statesOfSample() {
        return 8;
    }
}
