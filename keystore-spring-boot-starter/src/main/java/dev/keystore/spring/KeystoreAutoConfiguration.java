package dev.keystore.spring;

import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.Backend;
import dev.keystore.spi.FreshnessAnchor;
import dev.keystore.spi.KeyProvider;
import dev.keystore.spi.KeyStoreListener;
import dev.keystore.spi.Sealing;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;

/**
 * Opens the database, unless the application has a bean of the type {@link SignalKeyDatabase}.
 *
 * <p>These beans of the application take precedence over properties: {@link Backend} over the URL, {@link Sealing} and
 * {@link KeyProvider} over the root key, {@link FreshnessAnchor} over the anchor. All beans of the types
 * {@link KeyStoreListener} and {@link KeystoreCustomizer} are used.
 *
 * <p>The database is closed after the beans that were created with it. Closing waits for running commits, for at most
 * {@code keystore.commit-timeout} (R28).
 */
@AutoConfiguration
@EnableConfigurationProperties(KeystoreProperties.class)
public final class KeystoreAutoConfiguration {

    /** Called by Spring. */
    public KeystoreAutoConfiguration() {}

    @Bean(destroyMethod = "close")
    @ConditionalOnMissingBean
    SignalKeyDatabase signalKeyDatabase(
            KeystoreProperties properties,
            ObjectProvider<Backend> backend,
            ObjectProvider<Sealing> sealing,
            ObjectProvider<KeyProvider> rootKey,
            ObjectProvider<FreshnessAnchor> anchor,
            ObjectProvider<KeyStoreListener> listeners,
            ObjectProvider<KeystoreCustomizer> customizers) {
        DatabaseOpener opener = new DatabaseOpener(properties);
        opener.store(backend.getIfAvailable());
        opener.encryption(sealing.getIfAvailable(), rootKey.getIfAvailable());
        opener.freshnessAnchor(anchor.getIfAvailable());
        listeners.orderedStream().forEach(opener.builder()::listener);
        customizers.orderedStream().forEach(customizer -> customizer.customize(opener.builder()));
        return opener.open();
    }
}
