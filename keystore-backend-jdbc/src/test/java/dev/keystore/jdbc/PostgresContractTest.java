package dev.keystore.jdbc;

import dev.keystore.spi.Backend;
import dev.keystore.testkit.BackendContractTest;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

final class PostgresContractTest extends BackendContractTest {

    private final Map<Path, String> schemas = new HashMap<>();

    @Override
    protected Backend open(Path folder) {
        return PostgresFixture.open(
                PostgresFixture.url(schemas.computeIfAbsent(folder, unused -> PostgresFixture.newSchema())));
    }
}
