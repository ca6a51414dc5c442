package dev.keystore.cli;

import dev.keystore.core.StoreInspection;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that say how the store that a command writes to is opened, if it reads another one. */
final class TargetOptions extends OpeningOptions {

    @Option(names = "--target-key-file", paramLabel = "FILE", description = "The root key of the target.")
    private @Nullable Path keyFile;

    @Option(
            names = "--target-passphrase-env",
            paramLabel = "NAME",
            description = "The environment variable that holds the passphrase of the target.")
    private @Nullable String passphraseEnv;

    @Option(names = "--target-passphrase", description = "Ask for the passphrase of the target.")
    private boolean passphrase;

    @Option(
            names = "--target-password-env",
            paramLabel = "NAME",
            description = "The environment variable that holds the password of the target's database.")
    private @Nullable String passwordEnv;

    @Option(names = "--target-password", description = "Ask for the password of the target's database.")
    private boolean password;

    @Option(names = "--target-property", paramLabel = "NAME=VALUE", description = "A property of the target. Never a password.")
    private Map<String, String> properties = new LinkedHashMap<>();

    TargetOptions() {
        super("target-");
    }

    @Override
    Secrets given() {
        TypedPassphrase typed =
                passphrase ? new TypedPassphrase(() -> Terminal.askNewPassphrase("Passphrase of the target: ")) : null;
        return new Secrets(
                keyFile, passphraseEnv, typed, password(passwordEnv, password, "the target's database"), properties);
    }

    /**
     * Refuses to continue an encrypted store in a plain one.
     *
     * @throws Refusal if the source is encrypted, and no root key of the target is named
     */
    void requireEncryptedLike(StoreInspection source) {
        if (source.encryption().isPresent() && !secrets().hasKey()) {
            throw new Refusal("The source is encrypted, and the target would not be: name its root key with"
                    + " --target-key-file, --target-passphrase-env or --target-passphrase. Nothing was changed");
        }
    }
}
