/** The API of Keystore: {@code dev.keystore} for its users, {@code dev.keystore.spi} for authors of backends. */
module dev.keystore.api {
    requires static transitive org.jspecify;

    exports dev.keystore;
    exports dev.keystore.spi;
}
