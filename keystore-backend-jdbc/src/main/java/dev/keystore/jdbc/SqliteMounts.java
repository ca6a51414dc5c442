package dev.keystore.jdbc;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Finds out whether a file is a mount point: a file that a container mounts without its folder. */
final class SqliteMounts {

    /** The mount points of this process; see proc_pid_mountinfo(5). */
    private static final Path TABLE = Path.of("/proc/self/mountinfo");

    private static final int MOUNT_POINT = 4;
    private static final Pattern ESCAPED = Pattern.compile("\\\\([0-7]{3})");

    private SqliteMounts() {}

    /**
     * Returns whether an existing file is a mount point.
     *
     * <p>Linux lists the mount points. Elsewhere, a file is one if it is on another device than its folder. On Linux the
     * devices are not compared: a file in an overlay may show the device of a layer (kernel.org, overlayfs, "Inode
     * properties").
     *
     * @throws IOException if the file or the list can't be read
     */
    static boolean isMountPoint(Path file) throws IOException {
        Path real = file.toRealPath();
        return Files.isReadable(TABLE) ? isListed(real, TABLE) : isOnAnotherDevice(real);
    }

    /** Returns whether a table in the format of Linux lists a path, which has no symbolic links. */
    static boolean isListed(Path real, Path table) throws IOException {
        String name = real.toString();
        // Not a channel: an interrupt would close it.
        try (InputStream lines = new FileInputStream(table.toFile())) {
            return new String(lines.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .map(line -> line.split(" ", MOUNT_POINT + 2))
                    .anyMatch(fields -> fields.length > MOUNT_POINT
                            && unescaped(fields[MOUNT_POINT]).equals(name));
        }
    }

    private static String unescaped(String field) {
        return ESCAPED.matcher(field).replaceAll(SqliteMounts::unescaped);
    }

    private static String unescaped(MatchResult octal) {
        String character = Character.toString(Integer.parseInt(octal.group(1), 8));
        return Matcher.quoteReplacement(character);
    }

    /** Returns whether a path, which has no symbolic links, is on another device than its folder. */
    static boolean isOnAnotherDevice(Path real) throws IOException {
        Path folder = real.getParent();
        return folder != null
                && real.getFileSystem().supportedFileAttributeViews().contains("unix")
                && !Files.getAttribute(real, "unix:dev").equals(Files.getAttribute(folder, "unix:dev"));
    }
}
