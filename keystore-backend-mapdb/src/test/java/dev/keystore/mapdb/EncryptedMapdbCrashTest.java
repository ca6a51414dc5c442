package dev.keystore.mapdb;

import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import dev.keystore.spi.Backend;
import dev.keystore.testkit.CrashContractTest;
import dev.keystore.testkit.EncryptedBackend;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Acknowledged records survive a crash of MapDB with encryption on (R75). */
class EncryptedMapdbCrashTest extends CrashContractTest {

    @Override
    protected Backend open(Path folder) throws IOException {
        Path key = folder.resolve("root.key");
        KeyFile root = Files.exists(key) ? KeyFile.at(key) : KeyFile.create(key);
        return EncryptedBackend.of(Mapdb.open(folder.resolve("store"), 1 << 16), encryption(root));
    }

    /** Returns how the store is encrypted. */
    Encryption encryption(KeyFile root) {
        return Encryption.with(root);
    }

    @Override
    protected List<String> systemCalls() {
        return List.of("write,pwrite64", "fsync,fdatasync,msync", "rename");
    }

    @Override
    protected int killsOfSample() {
        return 2;
    }
}
