/** What backend authors test with: the contract tests that they extend, example backends, and one that injects faults. */
module dev.keystore.testkit {
    requires transitive dev.keystore.api;
    requires transitive org.junit.jupiter.api;
    requires org.assertj.core;
    requires static org.jspecify;

    exports dev.keystore.testkit;

    opens dev.keystore.testkit to
            org.junit.platform.commons;
}
