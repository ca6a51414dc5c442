package dev.keystore.mapdb;

import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import dev.keystore.spi.Backend;
import dev.keystore.testkit.EncryptedContractTest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** MapDB keeps the contract with encryption on, and its files show nothing (R70, R75). */
class EncryptedMapdbContractTest extends EncryptedContractTest {

    @Override
    protected Backend openUnencrypted(Path folder) {
        return Mapdb.open(folder.resolve("store"));
    }

    @Override
    protected Encryption encryption(Path folder) throws IOException {
        Path key = folder.resolve("root.key");
        return Encryption.with(Files.exists(key) ? KeyFile.at(key) : KeyFile.create(key));
    }
}
