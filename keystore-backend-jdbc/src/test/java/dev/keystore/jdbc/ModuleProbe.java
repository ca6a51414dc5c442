package dev.keystore.jdbc;

import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.BackendProvider;
import dev.keystore.spi.ContextAwareBackend;
import java.util.Map;
import java.util.ServiceLoader;

/** A program, patched into the backends' module, that finds the backends on the module path and opens that of a URL. */
final class ModuleProbe {

    private ModuleProbe() {}

    public static void main(String[] arguments) {
        ModuleProbe.class.getModule().addUses(BackendProvider.class);
        for (BackendProvider provider : ServiceLoader.load(BackendProvider.class)) {
            if (arguments[0].startsWith(provider.scheme() + ":")) {
                try (Backend backend = provider.open(new BackendConfig(arguments[0], Map.of()))) {
                    ContextAwareBackend entries = (ContextAwareBackend) backend;
                    entries.save("alice", "session", "bob", new byte[] {1});
                    System.out.println(backend.getClass().getModule() + " lists "
                            + entries.list("alice").toList());
                }
            }
        }
    }
}
