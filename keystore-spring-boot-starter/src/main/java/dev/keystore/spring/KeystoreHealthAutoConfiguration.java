package dev.keystore.spring;

import dev.keystore.core.SignalKeyDatabase;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnSingleCandidate;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Condition;
import org.springframework.context.annotation.ConditionContext;
import org.springframework.context.annotation.Conditional;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.Environment;
import org.springframework.core.type.AnnotatedTypeMetadata;
import org.springframework.util.ClassUtils;

/**
 * Reports the health of the database as {@code keystore}, if the application has Boot's actuator, has no such indicator
 * itself, and {@code management.health.keystore.enabled} is not false. Otherwise nothing listens to the database.
 *
 * <p>Spring registers the nested classes only if the conditions of this one are met.
 */
@AutoConfiguration(after = KeystoreAutoConfiguration.class)
@EnableConfigurationProperties(KeystoreProperties.class) // the other one may be excluded
@ConditionalOnSingleCandidate(SignalKeyDatabase.class)
@ConditionalOnMissingBean(name = KeystoreHealthAutoConfiguration.BEAN)
@Conditional(KeystoreHealthAutoConfiguration.Enabled.class)
public final class KeystoreHealthAutoConfiguration {

    static final String BEAN = "keystoreHealthIndicator";

    private static final String BOOT_3 = "org.springframework.boot.actuate.health.HealthIndicator";
    private static final String BOOT_4 = "org.springframework.boot.health.contributor.HealthIndicator";

    /** Called by Spring. */
    public KeystoreHealthAutoConfiguration() {}

    /** The condition of Boot's own indicators, whose classes are in other packages in each generation. */
    static final class Enabled implements Condition {

        @Override
        public boolean matches(ConditionContext context, AnnotatedTypeMetadata metadata) {
            Environment environment = context.getEnvironment();
            boolean byDefault = environment.getProperty("management.health.defaults.enabled", Boolean.class, true);
            return environment.getProperty("management.health.keystore.enabled", Boolean.class, byDefault)
                    && (isPresent(BOOT_3, context) || isPresent(BOOT_4, context));
        }

        private static boolean isPresent(String type, ConditionContext context) {
            return ClassUtils.isPresent(type, context.getClassLoader());
        }
    }

    @Bean
    UnreadableEntries keystoreUnreadableEntries() {
        return new UnreadableEntries();
    }

    @Bean
    KeystoreHealth keystoreHealth(
            SignalKeyDatabase database, UnreadableEntries unreadable, KeystoreProperties properties) {
        return new KeystoreHealth(database, unreadable, properties.health(), System::nanoTime);
    }

    /** Where Boot 3 has the classes of health. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(name = BOOT_3)
    static class Boot3 {

        @Bean(BEAN)
        Boot3HealthIndicator indicator(KeystoreHealth health) {
            return new Boot3HealthIndicator(health);
        }
    }

    /** Where Boot 4 has the classes of health. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnClass(name = BOOT_4)
    static class Boot4 {

        @Bean(BEAN)
        Boot4HealthIndicator indicator(KeystoreHealth health) {
            return new Boot4HealthIndicator(health);
        }
    }
}
