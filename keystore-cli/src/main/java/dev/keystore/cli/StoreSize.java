package dev.keystore.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.Stream;

/** The size of the files of a store, where its URL names them. */
final class StoreSize {

    private static final String SQLITE = "jdbc:sqlite:";
    private static final String MAPDB = "mapdb:";

    private StoreSize() {}

    /** Returns the size, in bytes; empty if the store is not in files, but in a server. */
    static OptionalLong bytes(String url) throws IOException {
        if (url.startsWith(SQLITE)) {
            String file = url.substring(SQLITE.length());
            return OptionalLong.of(size(List.of(Path.of(file), Path.of(file + "-wal"))));
        }
        if (url.startsWith(MAPDB)) {
            try (Stream<Path> files = Files.list(Path.of(url.substring(MAPDB.length())))) {
                return OptionalLong.of(size(files.toList()));
            }
        }
        return OptionalLong.empty();
    }

    private static long size(List<Path> files) throws IOException {
        long size = 0;
        for (Path file : files) {
            size += Files.isRegularFile(file) ? Files.size(file) : 0;
        }
        return size;
    }
}
