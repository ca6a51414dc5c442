package dev.keystore.spring.test;

import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.Backend;
import dev.keystore.spi.KeyStoreListener;
import dev.keystore.spring.KeystoreCustomizer;
import dev.keystore.testkit.MemoryBackend;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.context.annotation.Bean;

/** Opens a database in memory, for {@link KeystoreTest}. */
@AutoConfiguration
final class MemoryKeystoreAutoConfiguration {

    /** The database in memory; null unless this class has created both the database and its backend. */
    private volatile @Nullable SignalKeyDatabase inMemory;

    @Bean(destroyMethod = "close")
    @ConditionalOnMissingBean
    SignalKeyDatabase signalKeyDatabase(
            ObjectProvider<Backend> backend,
            ObjectProvider<KeyStoreListener> listeners,
            ObjectProvider<KeystoreCustomizer> customizers) {
        SignalKeyDatabase.Builder builder = SignalKeyDatabase.builder();
        listeners.orderedStream().forEach(builder::listener);
        customizers.orderedStream().forEach(customizer -> customizer.customize(builder));
        Backend ofBean = backend.getIfAvailable();
        // last, so that no customizer can set another one; it is refused if one sets a URL
        SignalKeyDatabase database =
                builder.backend(ofBean == null ? new MemoryBackend() : ofBean).open();
        if (ofBean == null) {
            inMemory = database;
        }
        return database;
    }

    @Nullable
    SignalKeyDatabase inMemory() {
        return inMemory;
    }
}
