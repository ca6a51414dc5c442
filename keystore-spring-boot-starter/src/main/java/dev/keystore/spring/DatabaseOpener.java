package dev.keystore.spring;

import dev.keystore.core.KeyStoreOptions;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.SlowTransactionLog;
import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.EncryptionProperties;
import dev.keystore.spi.Backend;
import dev.keystore.spi.FreshnessAnchor;
import dev.keystore.spi.KeyProvider;
import dev.keystore.spi.Sealing;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.boot.context.properties.source.MutuallyExclusiveConfigurationPropertiesException;

/** Applies the properties of an application to a builder. What is wrong with them names the property. */
final class DatabaseOpener {

    private static final String ROOT_KEYS = "Set one of keystore.encryption.key-file, passphrase-env, passphrase-file"
            + " and key, or define a bean of the type dev.keystore.spi.KeyProvider.";

    /** The property of the starter for each one of the builder that is not the backend's. */
    private static final Map<String, String> TWINS = Map.of(
            "encryption.key", "keystore.encryption.key",
            "encryption.key.password", "keystore.encryption.key-password",
            "encryption.former-key", "keystore.encryption.former-key",
            "encryption.former-key.password", "keystore.encryption.former-key-password",
            "encryption.names", "keystore.encryption.hide-names",
            "encryption.padding", "keystore.encryption.padding",
            "freshness.anchor", "keystore.freshness.anchor",
            "freshness.anchor.password", "keystore.freshness.anchor-password",
            "freshness.anchorLost", "keystore.freshness.accept-lost");

    private final KeystoreProperties properties;
    private final SignalKeyDatabase.Builder builder;

    DatabaseOpener(KeystoreProperties properties) {
        this.properties = properties;
        properties.properties().keySet().forEach(DatabaseOpener::requireOfBackend);
        this.builder = SignalKeyDatabase.builder().options(options());
        if (properties.refuseOwned()) {
            builder.refuseOwned();
        }
        if (properties.slowTransactionThreshold() != null) {
            builder.listener(valid(
                    "slow-transaction-threshold", properties.slowTransactionThreshold(), SlowTransactionLog::over));
        }
    }

    /** Refuses what is not a property of the backend: if that is a bean, its properties have no effect. */
    private static void requireOfBackend(String name) {
        if (name.startsWith("encryption.") || name.startsWith("freshness.")) {
            String all = "keystore." + name.substring(0, name.indexOf('.') + 1);
            String twin = TWINS.get(name);
            throw new InvalidPropertyException(
                    "keystore.properties." + name + " is set, but is not a property of the backend",
                    twin == null ? "Use the properties that begin with " + all : "Set " + twin + " instead.",
                    null);
        }
    }

    private KeyStoreOptions options() {
        KeyStoreOptions.Builder options = KeyStoreOptions.builder();
        valid("maximum-cache-size", properties.maximumCacheSize(), size -> options.maximumCacheBytes(size.toBytes()));
        valid("lock-timeout", properties.lockTimeout(), options::lockTimeout);
        valid("load-timeout", properties.loadTimeout(), options::loadTimeout);
        valid("commit-timeout", properties.commitTimeout(), options::commitTimeout);
        valid("commit-attempts", properties.commitAttempts(), options::commitAttempts);
        valid("retry-delay", properties.retryDelay(), options::retryDelay);
        valid("maximum-group-size", properties.maximumGroupSize(), options::maximumGroupSize);
        return options.build();
    }

    /** Sets the backend: a bean, or else the one that the URL names. */
    void store(@Nullable Backend backend) {
        if (backend == null) {
            url();
            return;
        }
        if (properties.mustExist()) {
            throw new InvalidPropertyException(
                    "keystore.must-exist is set, but there is a bean of the type dev.keystore.spi.Backend, which is"
                            + " already open",
                    "Unset keystore.must-exist, and check that the store exists where the bean is created.",
                    null);
        }
        builder.backend(backend);
    }

    private void url() {
        String url = properties.url();
        if (url == null || url.isBlank()) {
            throw new InvalidPropertyException(
                    "keystore.url is not set",
                    "Set it to the store, for example to jdbc:sqlite:keys.db, or define a bean of the type"
                            + " dev.keystore.spi.Backend.",
                    null);
        }
        builder.url(url);
        properties.properties().forEach(builder::property);
        if (properties.username() != null) {
            builder.property("user", properties.username());
        }
        if (properties.password() != null) {
            builder.property("password", properties.password());
        }
        if (properties.mustExist()) {
            builder.mustExist();
        }
    }

    /** Sets the encryption: a bean, or else one with a root key that is a bean, or else the one of the properties. */
    void encryption(@Nullable Sealing sealing, @Nullable KeyProvider root) {
        KeystoreProperties.Encryption encryption = properties.encryption();
        Sealing chosen = sealing;
        if (chosen == null) {
            chosen = root == null ? ofProperties(encryption) : ofRoot(encryption, root);
        }
        if (chosen == null) {
            requireNoEncryption(encryption);
            return;
        }
        builder.encryption(chosen);
        if (encryption.encryptExisting()) {
            builder.encryptExisting();
        }
        if (encryption.decryptExisting()) {
            builder.decryptExisting();
        }
    }

    private static Sealing ofRoot(KeystoreProperties.Encryption properties, KeyProvider root) {
        requireNoFormerKey("former-key", properties.formerKey());
        requireNoFormerKey("former-key-password", properties.formerKeyPassword());
        Encryption plain = Encryption.with(root);
        Encryption encryption = properties.hideNames() ? plain.hidingNames() : plain;
        return properties.padding() == 0
                ? encryption
                : valid("encryption.padding", properties.padding(), encryption::padding);
    }

    private static void requireNoFormerKey(String property, @Nullable String value) {
        if (value != null && !value.isBlank()) {
            throw new InvalidPropertyException(
                    "keystore.encryption." + property + " is set, but the root key is a bean of the type"
                            + " dev.keystore.spi.KeyProvider",
                    "Define a bean of the type dev.keystore.spi.Sealing instead, with both keys:"
                            + " Encryption.with(key).replacing(former).",
                    null);
        }
    }

    private static @Nullable Sealing ofProperties(KeystoreProperties.Encryption properties) {
        String key = key(properties);
        if (key == null) {
            return null;
        }
        Map<String, String> set = new HashMap<>();
        put(set, "encryption.key", key);
        put(set, "encryption.key.password", properties.keyPassword());
        put(set, "encryption.former-key", properties.formerKey());
        put(set, "encryption.former-key.password", properties.formerKeyPassword());
        put(set, "encryption.names", properties.hideNames() ? "hidden" : "");
        put(set, "encryption.padding", properties.padding() == 0 ? "" : String.valueOf(properties.padding()));
        return hidden(
                "keystore.encryption is invalid",
                "Correct the properties that begin with keystore.encryption.",
                () -> new EncryptionProperties().sealing(set).orElseThrow());
    }

    private static void put(Map<String, String> set, String name, @Nullable String value) {
        if (value != null && !value.isBlank()) {
            set.put(name, value);
        }
    }

    /** Returns the root key in the form of the property {@code encryption.key}; null if none is set. */
    private static @Nullable String key(KeystoreProperties.Encryption properties) {
        MutuallyExclusiveConfigurationPropertiesException.throwIfMultipleNonNullValuesIn(entries -> {
            entries.put("keystore.encryption.key-file", properties.keyFile());
            entries.put("keystore.encryption.passphrase-env", properties.passphraseEnv());
            entries.put("keystore.encryption.passphrase-file", properties.passphraseFile());
            entries.put("keystore.encryption.key", properties.key());
        });
        if (properties.keyFile() != null) {
            return "key-file:" + notBlank("key-file", properties.keyFile());
        }
        if (properties.passphraseEnv() != null) {
            return "passphrase-env:" + notBlank("passphrase-env", properties.passphraseEnv());
        }
        if (properties.passphraseFile() != null) {
            return "passphrase-file:" + notBlank("passphrase-file", properties.passphraseFile());
        }
        return properties.key() == null ? null : notBlank("key", properties.key());
    }

    /** A blank value, of a variable that is not set perhaps, must not turn encryption off. */
    private static String notBlank(String property, String value) {
        if (value.isBlank()) {
            throw new InvalidPropertyException(
                    "keystore.encryption." + property + " is blank", "Set it, or remove it.", null);
        }
        return value;
    }

    private static void requireNoEncryption(KeystoreProperties.Encryption properties) {
        requireUnset("hide-names", properties.hideNames());
        requireUnset("padding", properties.padding() != 0);
        requireUnset("key-password", properties.keyPassword() != null);
        requireUnset("former-key", properties.formerKey() != null);
        requireUnset("former-key-password", properties.formerKeyPassword() != null);
        requireUnset("encrypt-existing", properties.encryptExisting());
        requireUnset("decrypt-existing", properties.decryptExisting());
    }

    private static void requireUnset(String property, boolean set) {
        if (set) {
            throw new InvalidPropertyException(
                    "keystore.encryption." + property + " is set, but no root key", ROOT_KEYS, null);
        }
    }

    /** Sets the freshness anchor: a bean, or else the one of the properties. */
    void freshnessAnchor(@Nullable FreshnessAnchor anchor) {
        KeystoreProperties.Freshness freshness = properties.freshness();
        if (anchor != null) {
            builder.freshnessAnchor(anchor);
        } else if (freshness.anchor() != null) {
            builder.property("freshness.anchor", freshness.anchor());
            if (freshness.anchorPassword() != null) {
                builder.property("freshness.anchor.password", freshness.anchorPassword());
            }
        } else {
            requireNoAnchor("anchor-password", freshness.anchorPassword() != null);
            requireNoAnchor("accept-lost", freshness.acceptLost());
        }
        if (freshness.acceptLost()) {
            builder.property("freshness.anchorLost", "accept");
        }
    }

    private static void requireNoAnchor(String property, boolean set) {
        if (set) {
            throw new InvalidPropertyException(
                    "keystore.freshness." + property + " is set, but no anchor",
                    "Set keystore.freshness.anchor, or define a bean of the type dev.keystore.spi.FreshnessAnchor.",
                    null);
        }
    }

    SignalKeyDatabase.Builder builder() {
        return builder;
    }

    SignalKeyDatabase open() {
        return hidden(
                "The store cannot be opened with these properties",
                "Correct keystore.url, keystore.properties, or keystore.freshness.anchor and anchor-password.",
                builder::open);
    }

    private static <T, R> R valid(String property, T value, Function<T, R> setter) {
        try {
            return setter.apply(value);
        } catch (IllegalArgumentException e) {
            throw new InvalidConfigurationPropertyValueException("keystore." + property, value, e.getMessage());
        }
    }

    /** For values that must not be shown. */
    private static <R> R hidden(String problem, String action, Supplier<R> work) {
        try {
            return work.get();
        } catch (IllegalArgumentException e) {
            throw new InvalidPropertyException(problem + ": " + e.getMessage(), action, e);
        }
    }
}
