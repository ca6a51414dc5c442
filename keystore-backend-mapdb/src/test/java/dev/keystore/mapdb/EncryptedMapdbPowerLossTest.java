package dev.keystore.mapdb;

import dev.keystore.encryption.Encryption;
import dev.keystore.spi.Backend;
import dev.keystore.testkit.EncryptedBackend;
import dev.keystore.testkit.PowerLossContractTest;
import java.nio.file.Path;

/** Acknowledged records survive power loss on MapDB with encryption on (R75). */
final class EncryptedMapdbPowerLossTest extends PowerLossContractTest {

    @Override
    protected Backend open(Path folder) {
        Backend backend = Mapdb.open(folder.resolve("store"), Mapdb.FEW_BYTES);
        return EncryptedBackend.of(backend, Encryption.with(EncryptedBackend.testKey()));
    }

    /** Enough to begin new journals and to write checkpoints. */
    @Override
    protected int commits() {
        return 20;
    }

    /** Fewer than the default: encryption changes no file by itself. */
    @Override
    protected int storesOfSample() {
        return 1;
    }

    @Override
    protected int statesOfSample() {
        return 3;
    }
}
