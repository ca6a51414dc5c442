/** Metrics of a database for Micrometer. */
module dev.keystore.micrometer {
    requires transitive dev.keystore.core;
    requires static transitive org.jspecify;
    requires transitive micrometer.core;
    requires org.slf4j;

    exports dev.keystore.micrometer;
}
