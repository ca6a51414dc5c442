package dev.keystore.mapdb;

import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;

/** MapDB keeps the contract with encryption on and names hidden (R75). */
final class HiddenNamesMapdbContractTest extends EncryptedMapdbContractTest {

    @Override
    Encryption encryption(KeyFile root) {
        return super.encryption(root).hidingNames();
    }
}
