package dev.keystore.cli;

import dev.keystore.KeyStoreException;
import dev.keystore.KeyUnavailableException;
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

    @Option(
            names = "--target-property",
            paramLabel = "NAME=VALUE",
            description = "A property of the target. Can be repeated. Never a password.")
    private Map<String, String> properties = new LinkedHashMap<>();

    /** Whether it is encrypted already, so that its passphrase is not a new one. */
    private boolean isEncrypted;

    TargetOptions() {
        super("target-");
    }

    @Override
    Secrets given() {
        TypedPassphrase typed = passphrase ? new TypedPassphrase(this::ask) : null;
        return new Secrets(
                keyFile, passphraseEnv, typed, password(passwordEnv, password, "the target's database"), properties);
    }

    private char[] ask() {
        return isEncrypted
                ? Terminal.askPassphrase("Passphrase of the target: ")
                : Terminal.askNewPassphrase("New passphrase of the target: ");
    }

    /** Finds out whether the passphrase of the target is a new one, which is asked for twice. */
    void lookAt(String url) {
        if (passphrase) {
            try {
                secrets().builderWithoutKey(url).openToInspect().close();
            } catch (KeyUnavailableException e) {
                isEncrypted = true;
            } catch (KeyStoreException e) {
                isEncrypted = false; // it does not exist; or it cannot be opened, which the command reports
            }
        }
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
