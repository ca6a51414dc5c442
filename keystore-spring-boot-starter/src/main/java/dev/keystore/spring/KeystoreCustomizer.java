package dev.keystore.spring;

import dev.keystore.core.SignalKeyDatabase;

/**
 * Configures the database beyond its properties. All beans of this type are called, in their order, after the
 * properties were applied and before the database is opened.
 *
 * <pre>{@code
 * @Bean
 * KeystoreCustomizer reportLostContexts(Alarm alarm) {
 *     return builder -> builder.onOwnershipLost(context -> alarm.raise());
 * }
 * }</pre>
 */
@FunctionalInterface
public interface KeystoreCustomizer {

    /**
     * Changes the builder.
     *
     * @param builder the builder, to which the properties were applied; it must not be opened
     */
    void customize(SignalKeyDatabase.Builder builder);
}
