package dev.keystore.jdbc;

import dev.keystore.encryption.Encryption;
import dev.keystore.spi.Backend;
import dev.keystore.spi.KeyProvider;
import dev.keystore.testkit.EncryptedBackend;
import dev.keystore.testkit.PowerLossContractTest;
import java.nio.file.Path;

/** Acknowledged records survive power loss on SQLite with encryption on (R75). */
final class EncryptedSqlitePowerLossTest extends PowerLossContractTest {

    @Override
    protected Backend open(Path folder) {
        return EncryptedBackend.of(SqliteFixture.open(folder.resolve("keys.db")), Encryption.with(new FixedKey()));
    }

    @Override
    protected int statesOfSample() {
        return 8;
    }

    /** A root key outside of the folder, so that power loss does not concern it; it hides nothing. */
    private static final class FixedKey implements KeyProvider {

        @Override
        public String name() {
            return "fixed";
        }

        @Override
        public byte[] wrap(byte[] key, byte[] associatedData) {
            return key.clone();
        }

        @Override
        public byte[] unwrap(byte[] wrapped, byte[] associatedData) {
            return wrapped.clone();
        }
    }
}
