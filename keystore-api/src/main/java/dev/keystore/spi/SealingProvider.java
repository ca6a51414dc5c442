package dev.keystore.spi;

import java.util.Map;
import java.util.Optional;

/**
 * Creates a {@link Sealing} from the properties of a database, for configurations without code. Providers are found
 * through {@link java.util.ServiceLoader}.
 *
 * <p>Properties name files, environment variables and key management services; they never hold a secret.
 */
public interface SealingProvider {

    /**
     * Returns the sealing that the properties describe.
     *
     * @param properties the properties of the database, by name
     * @return the sealing; empty if no property concerns encryption
     * @throws IllegalArgumentException if a property concerns encryption and is unknown or invalid; its value is not in
     *     the message
     */
    Optional<Sealing> sealing(Map<String, String> properties);
}
