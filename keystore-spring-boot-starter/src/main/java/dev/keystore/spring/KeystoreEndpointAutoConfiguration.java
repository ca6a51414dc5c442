package dev.keystore.spring;

import dev.keystore.core.SignalKeyDatabase;
import java.time.InstantSource;
import org.springframework.boot.actuate.autoconfigure.endpoint.condition.ConditionalOnAvailableEndpoint;
import org.springframework.boot.actuate.endpoint.annotation.Endpoint;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnSingleCandidate;
import org.springframework.context.annotation.Bean;

/** Adds the endpoint {@code keystore} if the application has Boot's actuator and exposes it. */
@AutoConfiguration(after = KeystoreAutoConfiguration.class)
@ConditionalOnClass({Endpoint.class, ConditionalOnAvailableEndpoint.class})
@ConditionalOnSingleCandidate(SignalKeyDatabase.class)
public final class KeystoreEndpointAutoConfiguration {

    /** Called by Spring. */
    public KeystoreEndpointAutoConfiguration() {}

    @Bean
    @ConditionalOnAvailableEndpoint
    KeystoreEndpoint keystoreEndpoint(SignalKeyDatabase database) {
        return new KeystoreEndpoint(database, InstantSource.system());
    }
}
