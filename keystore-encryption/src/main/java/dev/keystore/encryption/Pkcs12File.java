package dev.keystore.encryption;

import dev.keystore.KeyUnavailableException;
import dev.keystore.spi.KeyProvider;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyStore;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Objects;

/**
 * A root key in a PKCS#12 file: a secret key of 256 bits, protected by the password of the file.
 *
 * <p>The JDK's {@code keytool} creates one: {@code keytool -genseckey -keyalg AES -keysize 256 -alias root -storetype
 * PKCS12 -keystore root.p12}. The permissions of the file are not checked: protect it, and its password.
 */
public final class Pkcs12File implements KeyProvider {

    private static final SecureRandom RANDOM = new SecureRandom();

    private final Path file;
    private final String alias;
    private final PasswordSource source;

    private Pkcs12File(Path file, String alias, PasswordSource source) {
        this.file = file;
        this.alias = alias;
        this.source = source;
    }

    /**
     * Returns a key in a file. The file is not accessed yet.
     *
     * @param file the file
     * @param alias the alias of the secret key in the file
     * @param source where the password of the file comes from; called when a store is opened
     * @return the provider
     */
    public static Pkcs12File at(Path file, String alias, PasswordSource source) {
        return new Pkcs12File(
                Objects.requireNonNull(file, "file"),
                Objects.requireNonNull(alias, "alias"),
                Objects.requireNonNull(source, "source"));
    }

    @Override
    public String name() {
        return "pkcs12";
    }

    @Override
    public byte[] wrap(byte[] key, byte[] associatedData) {
        try (RootKey root = read()) {
            return root.wrap(key, associatedData, RANDOM);
        }
    }

    @Override
    public byte[] unwrap(byte[] wrapped, byte[] associatedData) {
        try (RootKey root = read()) {
            return root.unwrap(wrapped, associatedData, "key \"" + alias + "\" of PKCS#12 file " + file);
        }
    }

    private RootKey read() {
        if (!Files.isRegularFile(file)) {
            throw new KeyUnavailableException("PKCS#12 file " + file + " does not exist; put it there", null);
        }
        char[] password = source.password();
        try {
            Key key = KeyStore.getInstance(file.toFile(), password).getKey(alias, password);
            byte[] encoded = key == null ? null : key.getEncoded();
            if (encoded == null || encoded.length != AesKey.BYTES) {
                throw new KeyUnavailableException(
                        "PKCS#12 file " + file + " has no secret key of 256 bits with the alias \"" + alias
                                + "\"; list the file with keytool",
                        null);
            }
            return new RootKey(encoded);
        } catch (GeneralSecurityException | IOException e) {
            throw new KeyUnavailableException(
                    "PKCS#12 file " + file + " could not be read: " + e + "; check the file and its password", e);
        } finally {
            Arrays.fill(password, '\0');
        }
    }

    /** Returns the path and the alias. */
    @Override
    public String toString() {
        return "Pkcs12File[" + file + ", " + alias + "]";
    }
}
