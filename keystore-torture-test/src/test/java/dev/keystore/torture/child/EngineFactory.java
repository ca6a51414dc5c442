package dev.keystore.torture.child;

import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.Backend;
import dev.keystore.spi.Sealing;
import dev.keystore.torture.InstrumentedDatabase;
import java.time.Duration;

/** Opens databases with the engine that was loaded together with this class. */
public final class EngineFactory implements InstrumentedDatabase.Factory {

    @Override
    public InstrumentedDatabase open(String url) {
        return opened(SignalKeyDatabase.builder().url(url));
    }

    @Override
    public InstrumentedDatabase open(Backend backend) {
        return opened(SignalKeyDatabase.builder().backend(backend));
    }

    @Override
    public InstrumentedDatabase open(Backend backend, Sealing encryption) {
        return opened(SignalKeyDatabase.builder().backend(backend).encryption(encryption));
    }

    private static InstrumentedDatabase opened(SignalKeyDatabase.Builder builder) {
        Duration timeout = Duration.ofSeconds(10);
        SignalKeyDatabase database = builder.commitTimeout(timeout)
                .lockTimeout(timeout)
                .loadTimeout(timeout)
                .retry(5, Duration.ofMillis(1))
                .open();
        return new InstrumentedDatabase() {
            @Override
            public SignalKeyStore context(String name) {
                return database.forContext(name);
            }

            @Override
            public SignalKeyStore takeOver(String name) {
                return database.takeOver(name);
            }

            @Override
            public void close() {
                database.close();
            }
        };
    }
}
