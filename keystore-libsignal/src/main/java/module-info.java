/** Keystore as the storage of libsignal-client. */
module dev.keystore.libsignal {
    // Needed by libsignal, which is an automatic module and can't declare it.
    requires kotlin.stdlib;
    requires static transitive org.jspecify;
    requires transitive dev.keystore.api;
    requires transitive org.signal.libsignal;

    exports dev.keystore.libsignal;

    provides dev.keystore.spi.RestoreRules with
            dev.keystore.libsignal.AccountRestoreRules;
}
