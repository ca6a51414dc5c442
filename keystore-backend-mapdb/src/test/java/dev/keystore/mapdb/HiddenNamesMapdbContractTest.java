package dev.keystore.mapdb;

import dev.keystore.encryption.Encryption;
import java.io.IOException;
import java.nio.file.Path;

/** MapDB keeps the contract with encryption on and names hidden, and its files show nothing (R70, R75). */
final class HiddenNamesMapdbContractTest extends EncryptedMapdbContractTest {

    @Override
    protected Encryption encryption(Path folder) throws IOException {
        return super.encryption(folder).hidingNames();
    }
}
