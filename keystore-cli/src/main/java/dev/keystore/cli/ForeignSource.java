package dev.keystore.cli;

import dev.keystore.encryption.PasswordSource;
import java.nio.file.Path;
import java.util.Properties;
import org.jspecify.annotations.Nullable;

/**
 * Where an account is imported from or exported to.
 *
 * @param text a path, or the URL of a database on a server
 * @param password where the password of such a database is; null if no option says so
 */
record ForeignSource(String text, @Nullable PasswordSource password) {

    private static final String SERVER = "jdbc:";

    ForeignSource {
        if (password != null && !text.startsWith(SERVER)) {
            throw new Refusal("--source-password-env is only for a database on a server, whose URL begins with jdbc:;"
                    + " so is --source-password");
        }
    }

    /** Returns whether it is the URL of a database. */
    boolean isDatabase() {
        return text.startsWith(SERVER);
    }

    /**
     * Returns the path.
     *
     * @throws Refusal if it is the URL of a database
     */
    Path path() {
        if (isDatabase()) {
            throw new Refusal(this + " is the URL of a database; this needs a file or folder");
        }
        return Path.of(text);
    }

    /** Returns the properties of the database's driver. */
    Properties properties() {
        Properties properties = new Properties();
        if (password != null) {
            properties.setProperty("password", String.valueOf(password.password()));
        }
        return properties;
    }

    /** Returns it without what may be secret. */
    @Override
    public String toString() {
        return Urls.withoutSecrets(text);
    }
}
