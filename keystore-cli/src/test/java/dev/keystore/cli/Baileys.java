package dev.keystore.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** A folder that Baileys wrote: the test data of the library that imports it. */
final class Baileys {

    private static final Path DATA = Path.of("../keystore-interop/src/test/resources/baileys/7.0.0-rc14/bot-a");

    private Baileys() {}

    /** Copies the folder, so that a test can change it. */
    static Path copy(Path target) throws IOException {
        Files.createDirectory(target);
        for (Path file : files(DATA)) {
            Files.copy(file, target.resolve(file.getFileName()));
        }
        return target;
    }

    /** The files of a folder as JSON, which does not depend on order and spacing. */
    static Map<String, JsonNode> trees(Path folder) throws IOException {
        Map<String, JsonNode> trees = new TreeMap<>();
        for (Path file : files(folder)) {
            trees.put(file.getFileName().toString(), new ObjectMapper().readTree(file.toFile()));
        }
        return trees;
    }

    private static List<Path> files(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.toList();
        }
    }
}
