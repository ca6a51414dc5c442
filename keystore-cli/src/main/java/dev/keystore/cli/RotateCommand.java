package dev.keystore.cli;

import dev.keystore.core.EncryptionProgress;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreEncryption;
import dev.keystore.core.StoreInspection;
import dev.keystore.encryption.KeyFile;
import dev.keystore.encryption.Passphrase;
import dev.keystore.encryption.PasswordSource;
import dev.keystore.spi.KeyProvider;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** Replaces the keys of a store, and its root key if a new one is given. */
@Command(
        name = "rotate",
        description = {
            "Replaces the keys of the store and of all contexts, encrypts each value again, then rewrites the files.",
            "With a new root key, that one is used from now on; without, the root key stays.",
            "An interrupted job continues when it is run again with the same options."
        })
final class RotateCommand extends EncryptionCommand {

    @Option(names = "--new-key-file", paramLabel = "FILE", description = "The new root key.")
    private @Nullable Path newKeyFile;

    @Option(
            names = "--new-passphrase-env",
            paramLabel = "NAME",
            description = "The environment variable that holds the new passphrase.")
    private @Nullable String newPassphraseEnv;

    @Override
    String progressLabel() {
        return "Rotating";
    }

    /** Opens it with both keys, since a former run may have replaced the root key. */
    @Override
    StoreInspection inspectFirst() {
        return withKeys(store().secrets().builder(url())).openToInspect();
    }

    @Override
    SignalKeyDatabase.Builder builder() {
        return withKeys(store().existing(url()));
    }

    @Override
    boolean replacesRootKey() {
        return newKey() != null || hasFormerKeyProperty();
    }

    private boolean hasFormerKeyProperty() {
        return store().secrets().properties().containsKey(Secrets.FORMER_KEY);
    }

    private SignalKeyDatabase.Builder withKeys(SignalKeyDatabase.Builder builder) {
        KeyProvider next = newKey();
        KeyProvider former = store().secrets().key();
        if (next == null) {
            return builder;
        }
        if (former == null || hasFormerKeyProperty()) {
            throw output().wrongUsage("With a new root key, give the present one by an option, not by a property");
        }
        return builder.encryption(store().secrets().encryption(next).replacing(former));
    }

    private @Nullable KeyProvider newKey() {
        if (newKeyFile != null && newPassphraseEnv != null) {
            throw output().wrongUsage("Only one of --new-key-file and --new-passphrase-env can be given");
        }
        if (newKeyFile != null) {
            return KeyFile.at(newKeyFile);
        }
        return newPassphraseEnv == null ? null : Passphrase.from(PasswordSource.environment(newPassphraseEnv));
    }

    @Override
    EncryptionProgress job(StoreEncryption encryption, Consumer<EncryptionProgress> listener) {
        return encryption.rotate(listener);
    }
}
