package dev.keystore.mapdb;

import dev.keystore.encryption.Encryption;
import dev.keystore.spi.Backend;
import dev.keystore.spi.KeyProvider;
import dev.keystore.testkit.EncryptedBackend;
import dev.keystore.testkit.PowerLossContractTest;
import java.nio.file.Path;

/** Acknowledged records survive power loss on MapDB with encryption on (R75). */
final class EncryptedMapdbPowerLossTest extends PowerLossContractTest {

    @Override
    protected Backend open(Path folder) {
        Backend backend = Mapdb.open(folder.resolve("store"), Mapdb.FEW_BYTES);
        return EncryptedBackend.of(backend, Encryption.with(new FixedKey()));
    }

    /** Enough to begin new journals and to write checkpoints. */
    @Override
    protected int commits() {
        return 20;
    }

    @Override
    protected int statesOfSample() {
        return 6;
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
