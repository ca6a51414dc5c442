package dev.keystore.spring;

import org.springframework.boot.health.contributor.AbstractHealthIndicator;
import org.springframework.boot.health.contributor.Health;

/** The indicator of Boot 4. */
final class Boot4HealthIndicator extends AbstractHealthIndicator {

    private final KeystoreHealth health;

    Boot4HealthIndicator(KeystoreHealth health) {
        super("The health check of the key store failed");
        this.health = health;
    }

    @Override
    protected void doHealthCheck(Health.Builder builder) {
        KeystoreHealth.Checked checked = health.check();
        builder.status(checked.status()).withDetails(checked.details());
    }
}
