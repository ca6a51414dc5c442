package dev.keystore.spi.support;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Finds mount points. A container may mount a single file without the folder that it is in. */
public final class Mounts {

    /** The mount points of this process; see proc_pid_mountinfo(5). */
    private static final Path TABLE = Path.of("/proc/self/mountinfo");

    private static final int MOUNT_POINT = 4;
    private static final Pattern ESCAPED = Pattern.compile("\\\\([0-7]{3})");

    private Mounts() {}

    /**
     * Returns the mount points of this process, as absolute paths without symbolic links.
     *
     * @return the paths, from {@code /proc/self/mountinfo}; empty on systems other than Linux, which have no such file
     * @throws IOException if the list can't be read
     */
    public static Optional<Set<String>> points() throws IOException {
        return Files.isReadable(TABLE) ? Optional.of(points(TABLE)) : Optional.empty();
    }

    static Set<String> points(Path table) throws IOException {
        // An interrupt would close a channel.
        try (InputStream lines = new FileInputStream(table.toFile())) {
            return new String(lines.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .map(line -> line.split(" ", MOUNT_POINT + 2))
                    .filter(fields -> fields.length > MOUNT_POINT)
                    .map(fields -> unescaped(fields[MOUNT_POINT]))
                    .collect(Collectors.toUnmodifiableSet());
        }
    }

    private static String unescaped(String field) {
        return ESCAPED.matcher(field).replaceAll(Mounts::unescaped);
    }

    private static String unescaped(MatchResult octal) {
        String character = Character.toString(Integer.parseInt(octal.group(1), 8));
        return Matcher.quoteReplacement(character);
    }

    /**
     * Returns whether two files are on the same device.
     *
     * <p>In an overlay file system, a file may have the device number of its layer, which is not that of its folder
     * (kernel.org, overlayfs, "Inode properties").
     *
     * @param one an existing file
     * @param other an existing file
     * @return {@code true} also where the system has no device numbers
     * @throws IOException if a file's attributes can't be read
     */
    public static boolean areOnSameDevice(Path one, Path other) throws IOException {
        return Objects.equals(device(one), device(other));
    }

    private static @Nullable Object device(Path file) throws IOException {
        return file.getFileSystem().supportedFileAttributeViews().contains("unix")
                ? Files.getAttribute(file, "unix:dev")
                : null;
    }
}
