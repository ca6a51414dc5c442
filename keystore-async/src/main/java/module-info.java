/** Reads and transactions that return futures. */
module dev.keystore.async {
    requires transitive dev.keystore.api;
    requires static com.google.errorprone.annotations;
    requires static transitive org.jspecify;

    exports dev.keystore.async;
}
