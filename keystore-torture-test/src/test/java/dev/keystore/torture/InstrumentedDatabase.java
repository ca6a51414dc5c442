package dev.keystore.torture;

import dev.keystore.SignalKeyStore;
import dev.keystore.spi.Backend;

/** A store of the instrumented engine, as the classes of the tests see it. */
public interface OpenedStore extends AutoCloseable {

    SignalKeyStore context(String name);

    @Override
    void close();

    /** Opens stores; its implementation is loaded together with the engine. */
    interface Opener {

        OpenedStore open(String url);

        OpenedStore open(Backend backend);
    }
}
