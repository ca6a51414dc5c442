/**
 * Metrics of a database for Micrometer: {@link dev.keystore.micrometer.KeystoreMetrics} is a listener of the database
 * and a binder of meters. {@code docs/metrics.md} in the repository lists the meters, and has a dashboard and alerts.
 *
 * <p>Rule numbers, such as {@code R100}, refer to {@code docs/contract.md}.
 */
@NullMarked
package dev.keystore.micrometer;

import org.jspecify.annotations.NullMarked;
