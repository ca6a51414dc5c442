/** What several backends need: durable files that only their owner can access, locks with deadlines, and waits. */
module dev.keystore.spi.support {
    requires dev.keystore.api;
    requires static transitive org.jspecify;

    exports dev.keystore.spi.support;
}
