import dev.keystore.mapdb.MapdbBackendProvider;
import dev.keystore.spi.BackendProvider;

/** The MapDB backend of Keystore: one folder, pure Java. */
module dev.keystore.mapdb {
    requires dev.keystore.api;
    // MapDB needs these two, and can't say so: it is an automatic module.
    requires com.google.common;
    requires kotlin.stdlib;
    requires mapdb;
    requires static org.jspecify;

    provides BackendProvider with
            MapdbBackendProvider;
}
