package org.example.keystore.files;

import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.BackendProvider;
import java.nio.file.Path;

/**
 * Opens the file backend from {@code files:path/of/a/folder}. There are no properties.
 *
 * <p>A missing folder is created if its parent exists, and an empty folder becomes a store, unless the store must exist
 * (R58). On a file system with POSIX permissions, only their owner can access the files.
 */
public final class FileBackendProvider implements BackendProvider {

    private static final String SCHEME = "files";

    /** For {@link java.util.ServiceLoader}. */
    public FileBackendProvider() {}

    @Override
    public String name() {
        return "Files";
    }

    @Override
    public String scheme() {
        return SCHEME;
    }

    @Override
    public Backend open(BackendConfig config) {
        if (!config.properties().isEmpty()) {
            throw new IllegalArgumentException("properties must be empty, since this backend has none, but contain "
                    + config.properties().keySet());
        }
        String location = config.location(SCHEME);
        if (location.isBlank()) {
            throw new IllegalArgumentException("url names no folder; write " + SCHEME + ":path/of/a/folder");
        }
        return new FileBackend(StoreFolder.open(Path.of(location).toAbsolutePath(), config.mustExist()));
    }
}
