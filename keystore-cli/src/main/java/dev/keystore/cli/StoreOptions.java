package dev.keystore.cli;

import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreInspection;
import dev.keystore.encryption.PasswordSource;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Spec.Target;

/** The options that say how the store of a command is opened. */
final class StoreOptions {

    @Option(names = "--key-file", paramLabel = "FILE", description = "The root key of an encrypted store.")
    private @Nullable Path keyFile;

    @Option(
            names = "--passphrase-env",
            paramLabel = "NAME",
            description = "The environment variable that holds the passphrase of an encrypted store.")
    private @Nullable String passphraseEnv;

    @Option(names = "--passphrase", description = "Ask for the passphrase of an encrypted store.")
    private boolean passphrase;

    @Option(
            names = "--password-env",
            paramLabel = "NAME",
            description = "The environment variable that holds the password of the database.")
    private @Nullable String passwordEnv;

    @Option(
            names = "--property",
            paramLabel = "NAME=VALUE",
            description = "A property of the store. Can be repeated. Never a password.")
    private Map<String, String> properties = new LinkedHashMap<>();

    @Spec(Target.MIXEE)
    private @Nullable CommandSpec spec;

    private @Nullable Secrets secrets;
    private boolean createsPassphrase;

    /** Says that the passphrase is a new one, so that it is asked for twice. */
    void createPassphrase() {
        createsPassphrase = true;
    }

    private char[] ask() {
        return createsPassphrase
                ? Terminal.askNewPassphrase("New passphrase: ")
                : Terminal.askPassphrase("Passphrase: ");
    }

    Secrets secrets() {
        Secrets known = secrets;
        if (known == null) {
            known = checked(
                    spec,
                    "",
                    new Secrets(
                            keyFile,
                            passphraseEnv,
                            passphrase ? new TypedPassphrase(this::ask) : null,
                            passwordEnv,
                            properties));
            secrets = known;
        }
        return known;
    }

    /** Checks what the parser can't. */
    static Secrets checked(@Nullable CommandSpec spec, String prefix, Secrets secrets) {
        int keys = keys(secrets.keyFile(), secrets.passphraseEnv(), secrets.passphrase());
        if (spec != null && keys > 1) {
            throw new ParameterException(
                    spec.commandLine(),
                    "Only one of --" + prefix + "key-file, --" + prefix + "passphrase-env and --" + prefix
                            + "passphrase can be given");
        }
        if (spec != null && secrets.properties().keySet().stream().anyMatch(StoreOptions::isPassword)) {
            throw new ParameterException(
                    spec.commandLine(),
                    "A password is not accepted as an argument, which other users of this machine can see: use --"
                            + prefix + "password-env");
        }
        return secrets;
    }

    /** Those of encryption name where a password is. */
    private static boolean isPassword(String property) {
        return property.toLowerCase(Locale.ROOT).contains("password") && !property.startsWith("encryption.");
    }

    private static int keys(@Nullable Path file, @Nullable String variable, @Nullable PasswordSource question) {
        return (file == null ? 0 : 1) + (variable == null ? 0 : 1) + (question == null ? 0 : 1);
    }

    /** Opens a store to look at it. */
    StoreInspection inspect(String url) {
        return secrets().builder(url).openToInspect();
    }

    /** Returns a builder for a store that must exist. */
    SignalKeyDatabase.Builder existing(String url) {
        return secrets().builder(url).mustExist();
    }
}
