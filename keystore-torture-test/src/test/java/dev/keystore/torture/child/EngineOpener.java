package dev.keystore.torture.child;

import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyStores;
import dev.keystore.spi.Backend;
import dev.keystore.torture.OpenedStore;
import java.time.Duration;

/** Opens stores of the engine that it was loaded with. */
public final class EngineOpener implements OpenedStore.Opener {

    @Override
    public OpenedStore open(String url) {
        return opened(SignalKeyStores.builder().url(url));
    }

    @Override
    public OpenedStore open(Backend backend) {
        return opened(SignalKeyStores.builder().backend(backend));
    }

    private static OpenedStore opened(SignalKeyStores.Builder builder) {
        Duration timeout = Duration.ofSeconds(10);
        SignalKeyStores stores = builder.commitTimeout(timeout)
                .lockTimeout(timeout)
                .loadTimeout(timeout)
                .retry(5, Duration.ofMillis(1))
                .open();
        return new OpenedStore() {
            @Override
            public SignalKeyStore context(String name) {
                return stores.forContext(name);
            }

            @Override
            public void close() {
                stores.close();
            }
        };
    }
}
