/** Keystore beneath libsignal-client. */
module dev.keystore.libsignal {
    // libsignal needs it, and can't say so: it is an automatic module.
    requires kotlin.stdlib;
    requires static transitive org.jspecify;
    requires transitive dev.keystore.api;
    requires transitive org.signal.libsignal;

    exports dev.keystore.libsignal;
}
