/** The engine of Keystore: cache, locks, transactions and the commit pipeline, on top of any backend. */
module dev.keystore.core {
    requires transitive dev.keystore.api;
    requires com.google.common;
    requires dev.keystore.spi.support;
    requires static transitive org.jspecify;
    requires jdk.jfr;
    requires org.slf4j;

    exports dev.keystore.core;

    uses dev.keystore.spi.BackendProvider;
    uses dev.keystore.spi.RestoreRules;
    uses dev.keystore.spi.SealingProvider;
}
