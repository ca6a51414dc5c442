package dev.keystore.jdbc;

import dev.keystore.spi.Backend;
import dev.keystore.testkit.PowerLossContractTest;
import java.nio.file.Path;

final class SqlitePowerLossTest extends PowerLossContractTest {

    @Override
    protected Backend open(Path folder) {
        return SqliteFixture.open(folder.resolve("keys.db"));
    }
}
