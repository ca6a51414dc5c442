package dev.keystore.mapdb;

import dev.keystore.StoreOpenException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Refuses a folder of which some files come from elsewhere: from another device, or mounted one by one. Parts of such a
 * store are lost, for instance when a container is recreated, and its files can't be replaced by renaming others.
 */
final class Mounts {

    private static final Path MOUNTS = Path.of("/proc/self/mountinfo");
    /** Its files may have the device numbers of its layers, its folders have another. */
    private static final String OVERLAY = "overlay";

    private static final Pattern ESCAPED = Pattern.compile("\\\\([0-7]{3})");

    private Mounts() {}

    /**
     * Looks at the files of a folder, which is locked, and changes nothing.
     *
     * @param folder its real path
     * @throws StoreOpenException if one of them comes from elsewhere
     */
    static void requireWhole(Path folder) throws IOException {
        Set<String> mountPoints = mountPoints();
        boolean comparable = !Files.getFileStore(folder).type().startsWith(OVERLAY);
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                if (mountPoints.contains(file.toString())) {
                    throw refusal(folder, file, "is mounted separately");
                }
                if (comparable && Files.isRegularFile(file) && !onOneDevice(folder, file)) {
                    throw refusal(folder, file, "is on another device than its folder");
                }
            }
        }
    }

    /** Returns whether two files are on one device, as far as the system says. */
    static boolean onOneDevice(Path one, Path other) throws IOException {
        return Objects.equals(device(one), device(other));
    }

    private static StoreOpenException refusal(Path folder, Path file, String what) {
        return new StoreOpenException(
                folder + " can't be opened: its file " + file.getFileName() + " " + what
                        + ", and the files of a store belong together; mount the whole folder instead of single files",
                null);
    }

    private static @Nullable Object device(Path file) throws IOException {
        return file.getFileSystem().supportedFileAttributeViews().contains("unix")
                ? Files.getAttribute(file, "unix:dev")
                : null;
    }

    /** Returns the paths that something is mounted at; none where the system does not say. */
    private static Set<String> mountPoints() throws IOException {
        Set<String> points = new HashSet<>();
        if (Files.isReadable(MOUNTS)) {
            new String(Files.readAllBytes(MOUNTS), StandardCharsets.UTF_8)
                    .lines()
                    .map(line -> line.split(" ", 6))
                    .filter(fields -> fields.length > 4)
                    .forEach(fields -> points.add(unescaped(fields[4])));
        }
        return points;
    }

    private static String unescaped(String field) {
        return ESCAPED.matcher(field)
                .replaceAll(
                        found -> Matcher.quoteReplacement(String.valueOf((char) Integer.parseInt(found.group(1), 8))));
    }
}
