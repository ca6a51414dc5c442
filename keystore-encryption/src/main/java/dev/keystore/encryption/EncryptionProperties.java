package dev.keystore.encryption;

import dev.keystore.spi.KeyProvider;
import dev.keystore.spi.Sealing;
import dev.keystore.spi.SealingProvider;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Encryption set by properties of a database, for configurations without code. The properties name where a secret is,
 * never the secret itself.
 *
 * <table>
 * <caption>Properties</caption>
 * <tr><th>property</th><th>value</th></tr>
 * <tr><td>{@code encryption.key}</td><td>the root key, in one of these forms:<br>
 *     {@code key-file:}path<br>
 *     {@code passphrase-env:}name of an environment variable<br>
 *     {@code passphrase-file:}path<br>
 *     {@code pkcs12:}path{@code #}alias<br>
 *     {@code kms:}URI of a key, as for {@link TinkKms#key(String)}</td></tr>
 * <tr><td>{@code encryption.key.password}</td><td>for {@code pkcs12:}, where the password is: {@code env:}name or
 *     {@code file:}path</td></tr>
 * <tr><td>{@code encryption.former-key}, {@code encryption.former-key.password}</td><td>the root key that is being
 *     replaced, likewise; see {@link Encryption#replacing}</td></tr>
 * <tr><td>{@code encryption.names}</td><td>{@code hidden}, for {@link Encryption#hidingNames}; or {@code plain}, as if
 *     it were not set</td></tr>
 * <tr><td>{@code encryption.padding}</td><td>the step of {@link Encryption#padding}, in bytes</td></tr>
 * </table>
 */
public final class EncryptionProperties implements SealingProvider {

    private static final String PREFIX = "encryption.";
    private static final String KEY = "encryption.key";
    private static final String FORMER_KEY = "encryption.former-key";
    private static final String NAMES = "encryption.names";
    private static final String PADDING = "encryption.padding";
    private static final String PASSWORD = ".password";

    /** Creates the provider. Called by {@link java.util.ServiceLoader}. */
    public EncryptionProperties() {}

    @Override
    public Optional<Sealing> sealing(Map<String, String> properties) {
        Map<String, String> left = ofEncryption(properties);
        return left.isEmpty() ? Optional.empty() : Optional.of(encryption(key(KEY, left), left));
    }

    /**
     * Returns encryption under a root key that no property names, and otherwise as the properties say: for programs
     * that take the root key from elsewhere, such as an option of a command.
     *
     * @param root gives access to the root key
     * @param properties the properties of a database; those that do not concern encryption are ignored
     * @return the encryption
     * @throws IllegalArgumentException if a property of encryption is unknown or invalid, or names a root key as well
     */
    public static Encryption with(KeyProvider root, Map<String, String> properties) {
        Objects.requireNonNull(root, "root");
        Map<String, String> left = ofEncryption(properties);
        if (left.containsKey(KEY)) {
            throw new IllegalArgumentException(
                    "Property " + KEY + " names a root key, but another one is given; leave one of them out");
        }
        return encryption(root, left);
    }

    private static Map<String, String> ofEncryption(Map<String, String> properties) {
        Map<String, String> found = new HashMap<>(properties);
        found.keySet().removeIf(name -> !name.startsWith(PREFIX));
        return found;
    }

    private static Encryption encryption(@Nullable KeyProvider root, Map<String, String> left) {
        KeyProvider former = key(FORMER_KEY, left);
        String padding = left.remove(PADDING);
        boolean hidesNames = hidesNames(left.remove(NAMES));
        if (!left.isEmpty()) {
            throw new IllegalArgumentException("Unknown or superfluous properties " + left.keySet()
                    + "; the properties of encryption are " + KEY + ", " + KEY + PASSWORD + ", " + FORMER_KEY + ", "
                    + FORMER_KEY + PASSWORD + ", " + NAMES + " and " + PADDING);
        }
        if (root == null) {
            throw new IllegalArgumentException("Property " + KEY + " is missing; set it to where the root key is");
        }
        Encryption encryption = Encryption.with(root);
        if (former != null) {
            encryption = encryption.replacing(former);
        }
        if (hidesNames) {
            encryption = encryption.hidingNames();
        }
        return padding == null ? encryption : encryption.padding(step(padding));
    }

    private static boolean hidesNames(@Nullable String names) {
        if (names == null || names.equals("plain")) {
            return false;
        }
        if (!names.equals("hidden")) {
            throw new IllegalArgumentException("Property " + NAMES + " must be hidden or plain");
        }
        return true;
    }

    private static int step(String padding) {
        try {
            return Integer.parseInt(padding);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("Property " + PADDING + " must be a number of bytes", e);
        }
    }

    /** Returns the key that a property describes, and removes what was used; null if the property is not set. */
    private static @Nullable KeyProvider key(String property, Map<String, String> left) {
        String value = left.remove(property);
        if (value == null) {
            return null;
        }
        String rest = value.substring(value.indexOf(':') + 1);
        String form = value.substring(0, value.length() - rest.length());
        if (rest.isEmpty()) {
            throw invalidKey(property);
        }
        return switch (form) {
            case "key-file:" -> KeyFile.at(path(property, rest));
            case "passphrase-env:" -> Passphrase.from(PasswordSource.environment(rest));
            case "passphrase-file:" -> Passphrase.from(PasswordSource.file(path(property, rest)));
            case "pkcs12:" -> pkcs12(property, rest, left.remove(property + PASSWORD));
            case "kms:" -> TinkKms.key(rest);
            default -> throw invalidKey(property);
        };
    }

    private static KeyProvider pkcs12(String property, String rest, @Nullable String password) {
        int separator = rest.lastIndexOf('#');
        if (separator < 1 || separator == rest.length() - 1) {
            throw invalidKey(property);
        }
        Path file = path(property, rest.substring(0, separator));
        String alias = rest.substring(separator + 1);
        String name = property + PASSWORD;
        if (password != null && password.startsWith("env:")) {
            return Pkcs12File.at(file, alias, PasswordSource.environment(password.substring("env:".length())));
        }
        if (password != null && password.startsWith("file:")) {
            return Pkcs12File.at(file, alias, PasswordSource.file(path(name, password.substring("file:".length()))));
        }
        throw new IllegalArgumentException("Property " + name
                + " must be env: and the name of an environment variable, or file: and a path; never the password");
    }

    /** The value stays out of messages, since it may be a secret that was put there by mistake. */
    private static IllegalArgumentException invalidKey(String property) {
        return new IllegalArgumentException("Property " + property
                + " must be key-file:path, passphrase-env:name, passphrase-file:path, pkcs12:path#alias or kms:URI");
    }

    private static Path path(String property, String path) {
        try {
            return Path.of(path);
        } catch (InvalidPathException e) {
            throw new IllegalArgumentException("Property " + property + " does not contain a valid path");
        }
    }
}
