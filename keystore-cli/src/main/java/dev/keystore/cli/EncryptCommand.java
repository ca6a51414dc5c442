package dev.keystore.cli;

import dev.keystore.KeyUnavailableException;
import dev.keystore.core.EncryptionProgress;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreEncryption;
import dev.keystore.core.StoreInspection;
import java.util.function.Consumer;
import picocli.CommandLine.Command;

/** Encrypts a store that is not encrypted. */
@Command(
        name = "encrypt",
        description = {
            "Encrypts the values of a store that is not encrypted, then rewrites its files.",
            "Also reverses a decryption that has not ended. An interrupted job continues when it is run again.",
            "Needs the root key: --key-file or --passphrase-env."
        })
final class EncryptCommand extends EncryptionCommand {

    @Override
    String progressLabel() {
        return "Encrypting";
    }

    /** A plain store is refused with a key, and one whose encryption has begun without it. */
    @Override
    StoreInspection inspectFirst() {
        try {
            return inspectUnchanged();
        } catch (KeyUnavailableException e) {
            return super.inspectFirst();
        }
    }

    @Override
    StoreInspection inspectUnchanged() {
        return store().secrets().builderWithoutKey(url()).openToInspect();
    }

    @Override
    SignalKeyDatabase.Builder builder() {
        store().createPassphrase();
        return store().existing(url()).encryptExisting().decryptExisting();
    }

    @Override
    EncryptionProgress job(StoreEncryption encryption, Consumer<EncryptionProgress> listener) {
        return encryption.encrypt(listener);
    }
}
