import dev.keystore.mapdb.MapdbBackendProvider;
import dev.keystore.spi.BackendProvider;

/** The MapDB backend of Keystore: one folder, and no native library that it could not do without. */
module dev.keystore.mapdb {
    // MapDB needs these three, and can't say so: it is an automatic module. With the last it gives mapped files back.
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
