package dev.keystore.testkit;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The folders whose changes are recorded, and the resolution of the paths in system calls to places in them. */
final class RecordedFolders {

    /** A place that a path leads to; without a name if it is a recorded folder itself. */
    record Location(RecordedFolder folder, Optional<DiskName> name) {

        Optional<Integer> node() {
            return name.isEmpty() ? Optional.of(SimulatedDisk.ROOT) : folder.node(name.get());
        }
    }

    private final Path base;
    private final Map<String, RecordedFolder> folders;

    /**
     * Creates the set of recorded folders.
     *
     * @param base the parent of the recorded folders, as a real path
     * @param folders the recorded folders by name
     */
    RecordedFolders(Path base, Map<String, RecordedFolder> folders) {
        this.base = base;
        this.folders = folders;
    }

    @Nullable
    RecordedFolder get(String name) {
        return folders.get(name);
    }

    /** Resolves a path; empty if it is relative or leads to another folder. */
    Optional<Location> locate(String quoted) {
        Path path = path(quoted);
        if (!path.startsWith(base) || path.equals(base)) {
            return Optional.empty();
        }
        List<String> parts = parts(base.relativize(path));
        RecordedFolder folder = folders.get(parts.get(0));
        if (folder == null) {
            return Optional.empty();
        }
        if (parts.size() == 1) {
            return Optional.of(new Location(folder, Optional.empty()));
        }
        return folder.name(SimulatedDisk.ROOT, parts.subList(1, parts.size()))
                .map(name -> new Location(folder, Optional.of(name)));
    }

    /** Resolves a path that is absolute, or relative to a node of a folder. */
    Optional<Location> locate(RecordedFolder folder, int node, String quoted) {
        Path path = path(quoted);
        return path.isAbsolute() ? locate(quoted) : Optional.of(new Location(folder, folder.name(node, parts(path))));
    }

    private static Path path(String quoted) {
        return Path.of(new String(TraceLine.bytes(quoted), StandardCharsets.UTF_8))
                .normalize();
    }

    private static List<String> parts(Path path) {
        List<String> parts = new ArrayList<>();
        path.forEach(part -> parts.add(part.toString()));
        return parts;
    }
}
