package dev.keystore.bench;

import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.micrometer.KeystoreMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;

/**
 * The metrics of a measured store. Only this class names a listener: peers that name one could not be loaded with an
 * earlier build that has none.
 */
public final class Metrics {

    private Metrics() {}

    /** Adds a listener with all meters in a registry of Prometheus, with the default settings. */
    public static SignalKeyDatabase.Builder addTo(SignalKeyDatabase.Builder builder) {
        KeystoreMetrics metrics = new KeystoreMetrics();
        metrics.bindTo(new PrometheusMeterRegistry(PrometheusConfig.DEFAULT));
        return builder.listener(metrics);
    }
}
