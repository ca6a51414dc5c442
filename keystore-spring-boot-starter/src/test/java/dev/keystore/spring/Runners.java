package dev.keystore.spring;

import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

/** Starts the auto-configuration without an application around it. */
final class Runners {

    private Runners() {}

    static ApplicationContextRunner keystore(String... properties) {
        return new ApplicationContextRunner()
                .withConfiguration(AutoConfigurations.of(
                        KeystoreMetricsAutoConfiguration.class,
                        KeystoreAutoConfiguration.class,
                        KeystoreHealthAutoConfiguration.class,
                        KeystoreEndpointAutoConfiguration.class))
                .withPropertyValues(properties);
    }
}
