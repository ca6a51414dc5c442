package dev.keystore.spring;

import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.micrometer.KeystoreMetrics;
import io.micrometer.core.instrument.MeterRegistry;
import org.springframework.beans.factory.ListableBeanFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.context.annotation.Bean;

/**
 * Measures the database if {@code keystore-micrometer} is on the class path and there is a registry of meters (R100).
 * Boot binds the meters to all registries.
 */
@AutoConfiguration(
        before = KeystoreAutoConfiguration.class,
        afterName = {
            "org.springframework.boot.actuate.autoconfigure.metrics.CompositeMeterRegistryAutoConfiguration",
            "org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration"
        })
@ConditionalOnClass({KeystoreMetrics.class, MeterRegistry.class})
@ConditionalOnBean(MeterRegistry.class)
public final class KeystoreMetricsAutoConfiguration {

    /** Called by Spring. */
    public KeystoreMetricsAutoConfiguration() {}

    @Bean
    @ConditionalOnMissingBean
    KeystoreMetrics keystoreMetrics() {
        return new KeystoreMetrics();
    }

    /** The gauges show the cache of the database, unless there are several: then the application chooses. */
    @Bean
    static BeanPostProcessor keystoreMetricsWatch(ObjectProvider<KeystoreMetrics> metrics, ListableBeanFactory beans) {
        return new BeanPostProcessor() {
            @Override
            public Object postProcessAfterInitialization(Object bean, String name) {
                if (bean instanceof SignalKeyDatabase database
                        && beans.getBeanNamesForType(SignalKeyDatabase.class, true, false).length == 1) {
                    metrics.ifUnique(each -> each.watch(database));
                }
                return bean;
            }
        };
    }
}
