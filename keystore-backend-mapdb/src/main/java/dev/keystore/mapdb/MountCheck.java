package dev.keystore.mapdb;

import dev.keystore.StoreOpenException;
import dev.keystore.spi.support.Mounts;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Refuses a folder some of whose files come from elsewhere: from another device, or mounted separately. Such files may
 * be lost when a container is recreated, for example, and can't be replaced by renaming other files.
 */
final class MountCheck {

    /** Its files may have the device numbers of its layers, while its folders have another one. */
    private static final String OVERLAY = "overlay";

    private MountCheck() {}

    /**
     * Checks the files of a folder, and changes nothing.
     *
     * @param folder its real path
     * @throws StoreOpenException if one of them comes from elsewhere
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
                folder + " can't be opened: its file " + file.getFileName() + " " + what
                        + ", and the files of a store belong together; mount the whole folder instead of single files",
                null);
    }
}
