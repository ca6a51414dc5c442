/** What several backends need: durable files for the owner alone, locks with deadlines, and waiting. */
module dev.keystore.spi.support {
    requires dev.keystore.api;
    requires static transitive org.jspecify;

    exports dev.keystore.spi.support;
}
