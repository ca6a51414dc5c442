/** What backends and the engine need: durable files that only their owner can access, locks with deadlines, waits. */
module dev.keystore.spi.support {
    requires dev.keystore.api;
    requires static transitive org.jspecify;

    exports dev.keystore.spi.support;
}
