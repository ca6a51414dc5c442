package dev.keystore.cli;

import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreInspection;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that say how the store of a command is opened. */
final class StoreOptions extends OpeningOptions {

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

    @Option(names = "--password", description = "Ask for the password of the database.")
    private boolean password;

    @Option(
            names = "--property",
            paramLabel = "NAME=VALUE",
            description = "A property of the store. Can be repeated. Never a password.")
    private Map<String, String> properties = new LinkedHashMap<>();

    private boolean createsPassphrase;

    StoreOptions() {
        super("");
    }

    /** Says that the passphrase is a new one, so that it is asked for twice. */
    void createPassphrase() {
        createsPassphrase = true;
    }

    private char[] ask() {
        return createsPassphrase
                ? Terminal.askNewPassphrase("New passphrase: ")
                : Terminal.askPassphrase("Passphrase: ");
    }

    @Override
    Secrets given() {
        TypedPassphrase typed = passphrase ? new TypedPassphrase(this::ask) : null;
        return new Secrets(keyFile, passphraseEnv, typed, password(passwordEnv, password, "the database"), properties);
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
