/** Tests for authors of a backend: contract tests to extend, example backends, and a backend that injects faults. */
module dev.keystore.testkit {
    requires transitive dev.keystore.api;
    requires transitive org.assertj.core;
    requires transitive org.junit.jupiter.api;
    requires dev.keystore.spi.support;
    requires static com.google.errorprone.annotations;
    requires static org.jspecify;

    exports dev.keystore.testkit;

    opens dev.keystore.testkit to
            org.junit.platform.commons;
}
