package dev.keystore.cli;

import dev.keystore.core.EncryptionProgress;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreEncryption;
import java.util.function.Consumer;
import picocli.CommandLine.Command;

/** Decrypts a store. */
@Command(
        name = "decrypt",
        description = {
            "Decrypts all values, then deletes the keys of the store.",
            "An interrupted job continues when it is run again. Needs the root key: --key-file or --passphrase-env."
        })
final class DecryptCommand extends EncryptionCommand {

    @Override
    String progressLabel() {
        return "Decrypting";
    }

    @Override
    SignalKeyDatabase.Builder builder() {
        return store().existing(url()).decryptExisting();
    }

    @Override
    EncryptionProgress job(StoreEncryption encryption, Consumer<EncryptionProgress> listener) {
        return encryption.decrypt(listener);
    }
}
