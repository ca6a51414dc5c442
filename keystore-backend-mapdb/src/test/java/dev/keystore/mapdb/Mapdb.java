package dev.keystore.mapdb;

import dev.keystore.spi.BackendConfig;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** What the tests of MapDB have in common. */
final class Mapdb {

    private Mapdb() {}

    /** Opens the store at a path as a user does: by URL. */
    static MapdbBackend open(Path path) {
        return (MapdbBackend) new MapdbBackendProvider().open(new BackendConfig("mapdb:" + path, Map.of()));
    }

    /** Opens a store that makes a checkpoint whenever its journals have some bytes. */
    static MapdbBackend open(Path path, long checkpointBytes) {
        return (MapdbBackend) new MapdbBackendProvider()
                .open(new BackendConfig("mapdb:" + path, Map.of("checkpointBytes", String.valueOf(checkpointBytes))));
    }

    /** Returns the names and bytes of what is in a folder, but for the lock. */
    static Map<String, String> contents(Path folder) throws Exception {
        Map<String, String> contents = new TreeMap<>();
        try (Stream<Path> files = Files.walk(folder)) {
            for (Path file : files.filter(file -> !file.endsWith("lock")).toList()) {
                contents.put(
                        folder.relativize(file).toString(),
                        Files.isDirectory(file) ? "folder" : HexFormat.of().formatHex(Files.readAllBytes(file)));
            }
        }
        return contents;
    }
}
