package dev.keystore.cli;

import java.nio.file.Path;
import java.util.Properties;
import org.jspecify.annotations.Nullable;

/**
 * Where an account is imported from or exported to.
 *
 * @param text a path, or the URL of a database on a server
 * @param passwordEnv the environment variable that holds the password of such a database
 */
record ForeignSource(String text, @Nullable String passwordEnv) {

    private static final String SERVER = "jdbc:";

    ForeignSource {
        if (passwordEnv != null && !text.startsWith(SERVER)) {
            throw new Refusal("--source-password-env is only for a database on a server, whose URL begins with jdbc:");
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
        if (passwordEnv != null) {
            properties.setProperty("password", Secrets.password(passwordEnv));
        }
        return properties;
    }

    /** Returns it without what may be secret. */
    @Override
    public String toString() {
        return Urls.withoutSecrets(text);
    }
}
