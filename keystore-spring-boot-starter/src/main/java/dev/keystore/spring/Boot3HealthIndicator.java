package dev.keystore.spring;

import org.springframework.boot.actuate.health.AbstractHealthIndicator;
import org.springframework.boot.actuate.health.Health;

/** The indicator of Boot 3. */
final class Boot3HealthIndicator extends AbstractHealthIndicator {

    private final KeystoreHealth health;

    Boot3HealthIndicator(KeystoreHealth health) {
        super("The health check of the key store failed");
        this.health = health;
    }

    @Override
    protected void doHealthCheck(Health.Builder builder) {
        KeystoreHealth.Checked checked = health.check();
        builder.status(checked.status()).withDetails(checked.details());
    }
}
