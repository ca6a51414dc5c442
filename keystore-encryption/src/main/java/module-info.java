/** Encryption at rest for Keystore: sealed records, key hierarchy, and providers of root keys. */
module dev.keystore.encryption {
    requires dev.keystore.api;
    requires dev.keystore.spi.support;
    requires static com.google.crypto.tink;
    requires static com.google.errorprone.annotations;
    requires static org.bouncycastle.provider;
    requires static transitive org.jspecify;

    exports dev.keystore.encryption;

    provides dev.keystore.spi.SealingProvider with
            dev.keystore.encryption.EncryptionProperties;
}
