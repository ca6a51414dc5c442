package dev.keystore.spring.test;

import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.Backend;
import dev.keystore.spi.KeyStoreListener;
import dev.keystore.spring.KeystoreCustomizer;
import dev.keystore.testkit.MemoryBackend;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.context.annotation.Bean;

/** Opens a database in memory, for {@link KeystoreTest}. */
@AutoConfiguration
final class MemoryKeystoreAutoConfiguration {

    @Bean(destroyMethod = "close")
    @ConditionalOnMissingBean
    SignalKeyDatabase signalKeyDatabase(
            ObjectProvider<Backend> backend,
            ObjectProvider<KeyStoreListener> listeners,
            ObjectProvider<KeystoreCustomizer> customizers) {
        SignalKeyDatabase.Builder builder =
                SignalKeyDatabase.builder().backend(backend.getIfAvailable(MemoryBackend::new));
        listeners.orderedStream().forEach(builder::listener);
        customizers.orderedStream().forEach(customizer -> customizer.customize(builder));
        return builder.open();
    }
}
