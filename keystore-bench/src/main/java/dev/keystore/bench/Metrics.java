package dev.keystore.bench;

import dev.keystore.micrometer.KeystoreMetrics;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;

/** The metrics of a measured store. */
public final class Metrics {

    private Metrics() {}

    /** Returns a listener with all meters in a registry of Prometheus, with the default settings. */
    public static KeystoreMetrics create() {
        KeystoreMetrics metrics = new KeystoreMetrics();
        metrics.bindTo(new PrometheusMeterRegistry(PrometheusConfig.DEFAULT));
        return metrics;
    }
}
