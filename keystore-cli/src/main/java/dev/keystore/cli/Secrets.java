package dev.keystore.cli;

import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.EncryptionProperties;
import dev.keystore.encryption.KeyFile;
import dev.keystore.encryption.Passphrase;
import dev.keystore.encryption.PasswordSource;
import dev.keystore.spi.KeyProvider;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How a store is opened: where its root key is, and its properties.
 *
 * @param keyFile a key file
 * @param passphraseEnv the environment variable that holds a passphrase
 * @param passphrase where a passphrase is asked for
 * @param password where the password of a database is
 * @param properties the properties of the store
 */
record Secrets(
        @Nullable Path keyFile,
        @Nullable String passphraseEnv,
        @Nullable PasswordSource passphrase,
        @Nullable PasswordSource password,
        Map<String, String> properties) {

    /** The property that names a root key. */
    static final String KEY = "encryption.key";

    /** The property that names a root key that is being replaced. */
    static final String FORMER_KEY = "encryption.former-key";

    /** Returns where the root key is; null if no option says so. */
    @Nullable
    KeyProvider key() {
        if (keyFile != null) {
            return KeyFile.at(keyFile);
        }
        if (passphraseEnv != null) {
            return Passphrase.from(PasswordSource.environment(passphraseEnv));
        }
        return passphrase == null ? null : Passphrase.from(passphrase);
    }

    /** Returns whether a root key is configured, by an option or a property. */
    boolean hasKey() {
        return keyFile != null || passphraseEnv != null || passphrase != null || properties.containsKey(KEY);
    }

    /**
     * Returns a builder that knows the root key, and the other properties of encryption.
     *
     * @throws IllegalArgumentException if one of these is unknown or invalid
     */
    SignalKeyDatabase.Builder builder(String url) {
        SignalKeyDatabase.Builder builder = builderWithoutKey(url);
        KeyProvider key = key();
        if (key != null) {
            return builder.encryption(encryption(key));
        }
        properties.forEach((name, value) -> {
            if (isOfEncryption(name)) {
                builder.property(name, value);
            }
        });
        return builder;
    }

    /** Returns encryption under a root key, and otherwise as the properties say; throws as {@link #builder} does. */
    Encryption encryption(KeyProvider root) {
        return EncryptionProperties.with(root, properties);
    }

    /** Returns a builder that does not know the root key, and refuses an encrypted store. */
    SignalKeyDatabase.Builder builderWithoutKey(String url) {
        SignalKeyDatabase.Builder builder = SignalKeyDatabase.builder().url(url);
        properties.forEach((name, value) -> {
            if (!isOfEncryption(name)) {
                builder.property(name, value);
            }
        });
        return password == null ? builder : builder.property("password", String.valueOf(password.password()));
    }

    private static boolean isOfEncryption(String property) {
        return property.startsWith("encryption.");
    }

    /**
     * Returns where the password of a database is; null if no option says so.
     *
     * @param variable the environment variable that holds it, or null
     * @param asked whether it is asked for
     * @param of whose password it is, for example "the database"
     */
    static @Nullable PasswordSource password(@Nullable String variable, boolean asked, String of) {
        if (variable != null) {
            return () -> environment(variable).toCharArray();
        }
        return asked ? new TypedPassphrase(() -> Terminal.askPassword("Password of " + of + ": ")) : null;
    }

    private static String environment(String variable) {
        String password = System.getenv(variable);
        if (password == null) {
            throw new Refusal("Environment variable " + variable + " is not set; set it to the password");
        }
        return password;
    }

    /** Returns no value of a property. */
    @Override
    public String toString() {
        return "Secrets[properties=" + properties.keySet() + "]";
    }
}
