package dev.keystore.jdbc;

import dev.keystore.encryption.Encryption;
import dev.keystore.spi.Backend;
import dev.keystore.testkit.EncryptedBackend;
import dev.keystore.testkit.PowerLossContractTest;
import java.nio.file.Path;

/** Acknowledged records survive power loss on SQLite with encryption on (R75). */
final class EncryptedSqlitePowerLossTest extends PowerLossContractTest {

    @Override
    protected Backend open(Path folder) {
        return EncryptedBackend.of(
                SqliteFixture.open(folder.resolve("keys.db")), Encryption.with(EncryptedBackend.testKey()));
    }

    /** Fewer than the default: encryption changes no file by itself. */
    @Override
    protected int storesOfSample() {
        return 1;
    }

    @Override
    protected int statesOfSample() {
        return 8;
    }
}
