package dev.keystore.encryption;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.keystore.KeyUnavailableException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;

/** Where a passphrase or a password comes from. It is fetched for each use and overwritten afterwards. */
@FunctionalInterface
public interface PasswordSource {

    /**
     * Returns the password.
     *
     * @return a new array, which the caller overwrites
     * @throws KeyUnavailableException if there is none; the message says where it was looked for
     */
    char[] password();

    /**
     * Returns the password in an environment variable. The environment keeps it as long as the process runs.
     *
     * @param variable the name of the variable
     * @return the source
     */
    static PasswordSource environment(String variable) {
        Objects.requireNonNull(variable, "variable");
        return () -> {
            String value = System.getenv(variable);
            if (value == null || value.isEmpty()) {
                throw new KeyUnavailableException(
                        "Environment variable " + variable + " is not set; set it to the password", null);
            }
            return value.toCharArray();
        };
    }

    /**
     * Returns the password in a file: its content in UTF-8, without a line end at the end. The permissions of the file
     * are not checked, since platforms that run containers often make secrets readable for others: protect it.
     *
     * @param file the file, of at most 4,096 bytes
     * @return the source
     */
    static PasswordSource file(Path file) {
        Objects.requireNonNull(file, "file");
        return () -> {
            try {
                return Secrets.apply(SecretFiles.read(file, 4_096), bytes -> decode(file, bytes));
            } catch (IOException e) {
                throw new KeyUnavailableException(
                        "Password file " + file + " could not be read: " + e + "; check its path and permissions", e);
            }
        };
    }

    private static char[] decode(Path file, byte[] bytes) {
        int end = bytes.length;
        while (end > 0 && (bytes[end - 1] == '\n' || bytes[end - 1] == '\r')) {
            end--;
        }
        if (end == 0) {
            throw new KeyUnavailableException("Password file " + file + " is empty; write the password into it", null);
        }
        CharBuffer chars;
        try {
            chars = UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes, 0, end));
        } catch (CharacterCodingException e) {
            throw new KeyUnavailableException("Password file " + file + " is not in UTF-8; encode it again", null);
        }
        char[] password = new char[chars.remaining()];
        chars.get(password);
        Arrays.fill(chars.array(), '\0');
        return password;
    }
}
