package dev.keystore.mapdb;

import dev.keystore.StoreOpenException;
import dev.keystore.UnsupportedFormatException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The file that marks a folder as a store: it names the format and its version, and is written before all others except
 * the lock.
 */
final class MapdbFormat {

    static final String FILE = "format";
    static final int VERSION = 1;
    static final String TEXT = "keystore-mapdb " + VERSION + "\n";

    private static final Pattern FORMAT = Pattern.compile("keystore-mapdb (\\d{1,9})\n");
    private static final Set<String> BEFORE_FORMAT = Set.of("lock", FILE + ".new");
    private static final int LONGEST_TEXT = 64;
    private static final int FILES_NAMED = 10;

    private MapdbFormat() {}

    /**
     * Examines a path, and changes nothing.
     *
     * @return whether a store is there; if not, nothing is there, or a folder that can become one
     * @throws UnsupportedFormatException if something is there that this version can't use
     */
    static boolean examine(Path path) {
        try {
            if (Files.exists(path.resolve(FILE))) {
                verify(path, text(path.resolve(FILE)));
                return true;
            }
            if (Files.isDirectory(path)) {
                requireEmpty(path);
            }
            return false;
        } catch (IOException e) {
            throw new StoreOpenException(path + ": could not open: " + Remedy.explain(e), e);
        }
    }

    private static void verify(Path path, String text) {
        Matcher format = FORMAT.matcher(text);
        if (!format.matches()) {
            throw new UnsupportedFormatException(
                    path + ": could not open: it is not a key store on MapDB: its file \"" + FILE + "\" holds \""
                            + text.strip().replaceAll("[^\\x20-\\x7E]", "?") + "\"; name another folder");
        }
        if (Integer.parseInt(format.group(1)) != VERSION) {
            throw new UnsupportedFormatException(
                    path + ": could not open: it is a key store of format " + format.group(1)
                            + ", and this version of Keystore supports formats up to " + VERSION
                            + "; use a newer version of Keystore");
        }
    }

    private static void requireEmpty(Path path) throws IOException {
        List<String> names;
        try (Stream<Path> files = Files.list(path)) {
            names = files.map(file -> file.getFileName().toString())
                    .filter(name -> !BEFORE_FORMAT.contains(name))
                    .sorted()
                    .toList();
        }
        if (!names.isEmpty()) {
            throw new UnsupportedFormatException(path
                    + ": could not open: it is not a key store on MapDB: there is no file \"" + FILE
                    + "\" in it, but " + String.join(", ", names.subList(0, Math.min(FILES_NAMED, names.size())))
                    + (names.size() > FILES_NAMED ? " and " + (names.size() - FILES_NAMED) + " more" : "")
                    + "; name an empty folder, or one that does not exist");
        }
    }

    private static String text(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return new String(in.readNBytes(LONGEST_TEXT), StandardCharsets.ISO_8859_1);
        }
    }
}
