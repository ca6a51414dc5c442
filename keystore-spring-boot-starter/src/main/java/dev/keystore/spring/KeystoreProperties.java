package dev.keystore.spring;

import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.util.unit.DataSize;

/**
 * The properties that begin with {@code keystore.}.
 *
 * @param url Store to open, for example jdbc:sqlite:keys.db. Needed unless there is a bean of the type Backend.
 * @param username User of the database server, for a backend that has one.
 * @param password Password of the database server. Refer to where it is kept, for example ${DB_PASSWORD}.
 * @param properties Further properties of the backend, by name.
 * @param maximumCacheSize Maximum size of the cache that all contexts share. 0 turns caching off.
 * @param lockTimeout Maximum time that a transaction waits for its locks.
 * @param loadTimeout Maximum time that a read waits for a load or a write of another thread.
 * @param commitTimeout Maximum time that a commit waits, and that closing waits for running commits.
 * @param commitAttempts Maximum number of attempts of a commit that fails transiently, including the first.
 * @param retryDelay Base delay before the first retry of a commit. It doubles with each further retry.
 * @param maximumGroupSize Maximum number of commits that are written in one group.
 * @param refuseOwned Whether to refuse a context whose owner is alive, rather than to take it over.
 * @param mustExist Whether to refuse a store that does not exist, rather than to create it.
 * @param slowTransactionThreshold Transactions that take longer than this are logged. Unset, none is.
 * @param encryption Encryption of the values.
 * @param freshness Comparison with a freshness anchor.
 * @param health What the health indicator checks.
 */
@ConfigurationProperties("keystore")
public record KeystoreProperties(
        @Nullable String url,
        @Nullable String username,
        @Nullable String password,
        @DefaultValue Map<String, String> properties,
        @DefaultValue("64MB") DataSize maximumCacheSize,
        @DefaultValue("30s") Duration lockTimeout,
        @DefaultValue("30s") Duration loadTimeout,
        @DefaultValue("30s") Duration commitTimeout,
        @DefaultValue("5") int commitAttempts,
        @DefaultValue("20ms") Duration retryDelay,
        @DefaultValue("1024") int maximumGroupSize,
        @DefaultValue("false") boolean refuseOwned,
        @DefaultValue("false") boolean mustExist,
        @Nullable Duration slowTransactionThreshold,
        @DefaultValue Encryption encryption,
        @DefaultValue Freshness freshness,
        @DefaultValue Health health) {

    /** Returns no value of a property that may hold a password. */
    @Override
    public String toString() {
        return "KeystoreProperties[properties=" + properties.keySet() + "]";
    }

    /**
     * The properties that begin with {@code keystore.encryption.}. They say where the root key is, and never hold a
     * secret.
     *
     * @param keyFile File that holds the root key. Only its owner may access it.
     * @param passphraseEnv Name of the environment variable that holds the passphrase of the root key.
     * @param passphraseFile File that holds the passphrase of the root key.
     * @param key Root key in another place, in the form pkcs12:path#alias or kms:URI.
     * @param keyPassword Where the password of a PKCS#12 file is, in the form env:NAME or file:path.
     * @param formerKey Root key that is being replaced, in a form such as key-file:path.
     * @param formerKeyPassword Where the password of its PKCS#12 file is, in the form env:NAME or file:path.
     * @param hideNames Whether a new store hides the names of contexts, types and ids from its backend.
     * @param padding Step to which the sizes of values are rounded up, in bytes. 0 leaves them as they are.
     * @param encryptExisting Whether to accept a store that holds values which are not encrypted yet.
     * @param decryptExisting Whether to accept a store whose decryption has begun.
     */
    public record Encryption(
            @Nullable String keyFile,
            @Nullable String passphraseEnv,
            @Nullable String passphraseFile,
            @Nullable String key,
            @Nullable String keyPassword,
            @Nullable String formerKey,
            @Nullable String formerKeyPassword,
            @DefaultValue("false") boolean hideNames,
            @DefaultValue("0") int padding,
            @DefaultValue("false") boolean encryptExisting,
            @DefaultValue("false") boolean decryptExisting) {

        /** Returns no value, since a secret may have been put there by mistake. */
        @Override
        public String toString() {
            return "Encryption[]";
        }
    }

    /**
     * The properties that begin with {@code keystore.freshness.}.
     *
     * @param anchor Freshness anchor: file:path, or the URL of another database.
     * @param anchorPassword Where the password of that database is, in the form env:NAME or file:path.
     * @param acceptLost Whether to accept contexts whose records in the anchor are lost.
     */
    public record Freshness(
            @Nullable String anchor,
            @Nullable String anchorPassword,
            @DefaultValue("false") boolean acceptLost) {

        /** Returns no value, since a URL may contain a password. */
        @Override
        public String toString() {
            return "Freshness[]";
        }
    }

    /**
     * The properties that begin with {@code keystore.health.}.
     *
     * @param minimumPreKeys Number of one-time pre-keys below which a context is reported. 0 turns the check off.
     * @param maximumContexts Number of open contexts up to which their pre-keys are counted.
     * @param expectTakeovers Whether other processes take contexts over on purpose, so that lost ones change no status.
     */
    public record Health(
            @DefaultValue("10") int minimumPreKeys,
            @DefaultValue("100") int maximumContexts,
            @DefaultValue("false") boolean expectTakeovers) {

        /**
         * Refuses negative numbers, also if there is no health indicator.
         *
         * @param minimumPreKeys see above
         * @param maximumContexts see above
         * @param expectTakeovers see above
         */
        public Health {
            requireNotNegative("minimum-pre-keys", minimumPreKeys);
            requireNotNegative("maximum-contexts", maximumContexts);
        }

        private static void requireNotNegative(String property, int value) {
            if (value < 0) {
                throw new InvalidConfigurationPropertyValueException(
                        "keystore.health." + property, value, "must be at least 0");
            }
        }
    }
}
