import dev.keystore.mapdb.MapdbBackendProvider;
import dev.keystore.spi.BackendProvider;

/** The MapDB backend of Keystore: a store in one folder, without a required native library. */
module dev.keystore.mapdb {
    // MapDB needs these three, and can't declare them, as an automatic module. The last one unmaps its files.
    requires com.google.common;
    requires kotlin.stdlib;
    requires jdk.unsupported;
    requires dev.keystore.api;
    requires dev.keystore.spi.support;
    requires mapdb;
    requires static org.jspecify;

    provides BackendProvider with
            MapdbBackendProvider;
}
