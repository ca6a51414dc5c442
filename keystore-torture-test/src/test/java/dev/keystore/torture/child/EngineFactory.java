package dev.keystore.torture.child;

import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.Backend;
import dev.keystore.torture.OpenedStore;
import java.time.Duration;

/** Opens stores of the engine that it was loaded with. */
public final class EngineOpener implements OpenedStore.Opener {

    @Override
    public OpenedStore open(String url) {
        return opened(SignalKeyDatabase.builder().url(url));
    }

    @Override
    public OpenedStore open(Backend backend) {
        return opened(SignalKeyDatabase.builder().backend(backend));
    }

    private static OpenedStore opened(SignalKeyDatabase.Builder builder) {
        Duration timeout = Duration.ofSeconds(10);
        SignalKeyDatabase database = builder.commitTimeout(timeout)
                .lockTimeout(timeout)
                .loadTimeout(timeout)
                .retry(5, Duration.ofMillis(1))
                .open();
        return new OpenedStore() {
            @Override
            public SignalKeyStore context(String name) {
                return database.forContext(name);
            }

            @Override
            public void close() {
                database.close();
            }
        };
    }
}
