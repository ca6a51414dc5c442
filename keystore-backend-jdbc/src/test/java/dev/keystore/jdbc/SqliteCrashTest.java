package dev.keystore.jdbc;

import dev.keystore.spi.Backend;
import dev.keystore.testkit.CrashContractTest;
import java.nio.file.Path;
import java.util.List;

final class SqliteCrashTest extends CrashContractTest {

    @Override
    protected Backend open(Path folder) {
        return SqliteFixture.open(folder.resolve("keys.db"));
    }

    /** The system calls with which SQLite writes its log, its file and the index of the log. */
    @Override
    protected List<String> systemCalls() {
        return List.of("pwrite64", "fdatasync,fsync", "ftruncate", "unlink,unlinkat");
    }
}
