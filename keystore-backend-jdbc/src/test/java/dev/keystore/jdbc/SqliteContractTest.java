package dev.keystore.jdbc;

import dev.keystore.spi.Backend;
import dev.keystore.testkit.BackendContractTest;
import java.nio.file.Path;

final class SqliteContractTest extends BackendContractTest {

    @Override
    protected Backend open(Path folder) {
        return SqliteFixture.open(folder.resolve("keys.db"));
    }
}
