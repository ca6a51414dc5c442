package dev.keystore.spring;

import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.BackendProvider;
import dev.keystore.testkit.MemoryBackend;
import java.util.concurrent.atomic.AtomicReference;

/** Opens an empty store in memory for any URL of its scheme, and records what it was asked for. */
public final class RecordingProvider implements BackendProvider {

    private static final AtomicReference<BackendConfig> LAST = new AtomicReference<>();

    /** Called by {@link java.util.ServiceLoader}. */
    public RecordingProvider() {}

    static BackendConfig lastConfig() {
        return LAST.get();
    }

    @Override
    public String name() {
        return "Recording";
    }

    @Override
    public String scheme() {
        return "recording";
    }

    @Override
    public Backend open(BackendConfig config) {
        LAST.set(config);
        return new MemoryBackend();
    }
}
