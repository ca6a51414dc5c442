/** Keystore beneath libsignal-client. */
module dev.keystore.libsignal {
    requires static transitive org.jspecify;
    requires transitive dev.keystore.api;
    requires transitive org.signal.libsignal;

    exports dev.keystore.libsignal;
}
