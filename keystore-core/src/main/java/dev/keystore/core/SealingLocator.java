package dev.keystore.core;

import dev.keystore.StoreOpenException;
import dev.keystore.spi.Sealing;
import dev.keystore.spi.SealingProvider;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import org.jspecify.annotations.Nullable;

/** Finds the registered provider of the encryption that the properties of a database describe. */
final class SealingLocator {

    private static final String PREFIX = "encryption.";

    private SealingLocator() {}

    /** Returns the properties that are the backend's. */
    static Map<String, String> withoutEncryption(Map<String, String> properties) {
        Map<String, String> rest = new HashMap<>(properties);
        rest.keySet().removeIf(name -> name.startsWith(PREFIX));
        return rest;
    }

    /**
     * Returns the encryption that properties describe, or null if none concerns encryption.
     *
     * @throws StoreOpenException if one does, and not exactly one provider is registered
     * @throws IllegalArgumentException if a property is unknown or invalid
     */
    static @Nullable Sealing find(Map<String, String> properties) {
        return properties.keySet().stream().noneMatch(name -> name.startsWith(PREFIX))
                ? null
                : find(properties, registered());
    }

    private static List<SealingProvider> registered() {
        try {
            return ServiceLoader.load(SealingProvider.class).stream()
                    .map(ServiceLoader.Provider::get)
                    .toList();
        } catch (ServiceConfigurationError e) {
            throw new StoreOpenException("The registered encryption could not be loaded: " + e.getMessage(), e);
        }
    }

    static Sealing find(Map<String, String> properties, List<SealingProvider> providers) {
        List<Sealing> found = providers.stream()
                .flatMap(provider -> provider.sealing(properties).stream())
                .toList();
        if (found.size() != 1) {
            throw new StoreOpenException(
                    "Properties of encryption are set, but " + (found.isEmpty() ? "no encryption is" : "several are")
                            + " registered for them; found: "
                            + providers.stream()
                                    .map(provider -> provider.getClass().getName())
                                    .toList()
                            + ". Have the artifact dev.keystore:keystore-encryption on the class path, or pass one"
                            + " Sealing to the builder",
                    null);
        }
        return found.get(0);
    }
}
