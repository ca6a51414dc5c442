package dev.keystore.mapdb;

import dev.keystore.StoreOpenException;
import dev.keystore.spi.support.Mounts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Refuses a folder with files that are on another device, or mounted separately. Such a file may be lost, for example
 * when a container is recreated, and can't be replaced by renaming another one.
 */
final class MountCheck {

    /** On this file system, files may have the device number of their layer, which is not that of their folder. */
    private static final String OVERLAY = "overlay";

    private MountCheck() {}

    /**
     * Checks the files of a folder, and changes nothing.
     *
     * @param folder its real path
     * @throws StoreOpenException if one of them is on another device, or mounted separately
     */
    static void requireWhole(Path folder) throws IOException {
        Set<String> mountPoints = Mounts.points().orElse(Set.of());
        boolean isComparable = !Files.getFileStore(folder).type().startsWith(OVERLAY);
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : (Iterable<Path>) files::iterator) {
                if (mountPoints.contains(file.toString())) {
                    throw refusal(folder, file, "is mounted separately");
                }
                if (isComparable && Files.isRegularFile(file) && !Mounts.areOnSameDevice(folder, file)) {
                    throw refusal(folder, file, "is on another device than its folder");
                }
            }
        }
    }

    private static StoreOpenException refusal(Path folder, Path file, String what) {
        return new StoreOpenException(
                folder + ": could not open: its file " + file.getFileName() + " " + what
                        + ", and the files of a store belong together; mount the whole folder instead of single files",
                null);
    }
}
