package dev.keystore.spring;

import dev.keystore.core.SignalKeyDatabase;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnSingleCandidate;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Condition;
import org.springframework.context.annotation.ConditionContext;
import org.springframework.context.annotation.Conditional;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.Environment;
import org.springframework.core.type.AnnotatedTypeMetadata;

/**
 * Reports the health of the database as {@code keystore}, if the application has Boot's actuator and
 * {@code management.health.keystore.enabled} is not false.
 */
@AutoConfiguration(after = KeystoreAutoConfiguration.class)
public final class KeystoreHealthAutoConfiguration {

    private static final String BEAN = "keystoreHealthIndicator";

    /** Called by Spring. */
    public KeystoreHealthAutoConfiguration() {}

    /** The condition of Boot's own indicators, whose annotation is in another package in each generation. */
    static final class Enabled implements Condition {

        @Override
        public boolean matches(ConditionContext context, AnnotatedTypeMetadata metadata) {
            Environment environment = context.getEnvironment();
            boolean byDefault = environment.getProperty("management.health.defaults.enabled", Boolean.class, true);
            return environment.getProperty("management.health.keystore.enabled", Boolean.class, byDefault);
        }
    }

    /** What both generations need. Spring registers each nested class, so that it has conditions like theirs. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnSingleCandidate(SignalKeyDatabase.class)
    @Conditional(Enabled.class)
    static class Checks {

        @Bean
        UnreadableEntries keystoreUnreadableEntries() {
            return new UnreadableEntries();
        }

        @Bean
        KeystoreHealth keystoreHealth(
                SignalKeyDatabase database, UnreadableEntries unreadable, KeystoreProperties properties) {
            return new KeystoreHealth(database, unreadable, properties.health(), System::nanoTime);
        }
    }

    /** Where Boot 3 has the classes of health. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(name = "org.springframework.boot.actuate.health.HealthIndicator")
    @ConditionalOnSingleCandidate(SignalKeyDatabase.class)
    @ConditionalOnMissingBean(name = BEAN)
    @Conditional(Enabled.class)
    static class Boot3 {

        @Bean(BEAN)
        Boot3HealthIndicator indicator(KeystoreHealth health) {
            return new Boot3HealthIndicator(health);
        }
    }

    /** Where Boot 4 has the classes of health. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(name = "org.springframework.boot.health.contributor.HealthIndicator")
    @ConditionalOnSingleCandidate(SignalKeyDatabase.class)
    @ConditionalOnMissingBean(name = BEAN)
    @Conditional(Enabled.class)
    static class Boot4 {

        @Bean(BEAN)
        Boot4HealthIndicator indicator(KeystoreHealth health) {
            return new Boot4HealthIndicator(health);
        }
    }
}
