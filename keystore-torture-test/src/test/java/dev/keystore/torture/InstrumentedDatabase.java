package dev.keystore.torture;

import dev.keystore.SignalKeyStore;
import dev.keystore.spi.Backend;
import dev.keystore.spi.Sealing;

/** A database of the instrumented engine, for tests, which see other copies of the engine's classes. */
public interface InstrumentedDatabase extends AutoCloseable {

    SignalKeyStore context(String name);

    SignalKeyStore takeOver(String name);

    @Override
    void close();

    /** Opens databases; the implementation is loaded together with the engine. */
    interface Factory {

        InstrumentedDatabase open(String url);

        InstrumentedDatabase open(Backend backend);

        InstrumentedDatabase open(Backend backend, Sealing encryption);
    }
}
