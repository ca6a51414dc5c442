/** What users of Keystore call, and what backend authors implement. */
module dev.keystore.api {
    requires static transitive org.jspecify;

    exports dev.keystore;
    exports dev.keystore.spi;
}
