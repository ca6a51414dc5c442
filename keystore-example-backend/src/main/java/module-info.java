import dev.keystore.spi.BackendProvider;
import org.example.keystore.files.FileBackendProvider;

/** A Keystore backend that stores one file per entry. */
module org.example.keystore.files {
    requires dev.keystore.api;
    requires dev.keystore.spi.support;

    provides BackendProvider with
            FileBackendProvider;
}
