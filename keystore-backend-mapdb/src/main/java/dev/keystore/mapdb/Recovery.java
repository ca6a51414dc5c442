package dev.keystore.mapdb;

import dev.keystore.spi.support.OwnerOnly;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The contents of a store, recovered when it is opened.
 *
 * <p>After a clean close, the working file is used as it is, once its checksum is verified. Otherwise, or if the file
 * is damaged, it is rebuilt from the checkpoint and the journals, in order and in bounded memory. No file that could
 * still be needed is changed or removed before that has succeeded.
 *
 * <p>Everything that counts as committed is made durable before the store can be read or written (R11). After a clean
 * close it is already durable; otherwise {@link StoreFiles#makeDurable} makes it so. A process that dies meanwhile
 * leaves the previous files, or the same contents in a durable file.
 *
 * @param last the number of the last record
 */
record Recovery(WorkingMap map, long last) {

    /**
     * Opens the store of a folder.
     *
     * @throws DamagedFileException if acknowledged changes would be lost; the checkpoint and journals are unchanged
     */
    static Recovery open(MapdbFolder folder) throws IOException {
        Optional<CleanShutdownMarker> marker = CleanShutdownMarker.readNewest(folder);
        long last =
                marker.isPresent() ? marker.get().last() : StoreFiles.of(folder).last();
        WorkingMap map = marker.isPresent() && marker.get().fits(folder) ? reuse(folder, marker.get()) : null;
        if (map == null) {
            map = rebuildDurably(folder, last);
        }
        deleteOthers(folder, map.path());
        return new Recovery(map, last);
    }

    private static WorkingMap rebuildDurably(MapdbFolder folder, long last) throws IOException {
        WorkingMap map = rebuildOrFreeSpace(folder, last);
        try {
            deleteOthers(folder, map.path());
            StoreFiles.of(folder).makeDurable(folder, last);
            CleanShutdownMarker.delete(folder);
            return map;
        } catch (IOException | RuntimeException | Error e) {
            map.discard();
            throw e;
        }
    }

    /**
     * Rebuilds the working file. If that fails, for example on a full disk, deletes the old working files, which are
     * not needed, and tries once more.
     */
    private static WorkingMap rebuildOrFreeSpace(MapdbFolder folder, long last) throws IOException {
        try {
            return rebuild(folder, last);
        } catch (DamagedFileException e) {
            throw e;
        } catch (IOException e) {
            deleteOthers(folder, null);
            return rebuild(folder, last);
        }
    }

    /**
     * Opens the working file that a clean close left. First removes the marker, durably, so that it is gone before
     * anything changes.
     *
     * @return {@code null} if MapDB can't open it
     */
    private static @Nullable WorkingMap reuse(MapdbFolder folder, CleanShutdownMarker marker) throws IOException {
        CleanShutdownMarker.delete(folder);
        try {
            return WorkingMap.open(folder.file(marker.working()));
        } catch (IOException e) {
            return null;
        }
    }

    /**
     * Builds a new working file from the checkpoint and the journals, which must not change meanwhile.
     *
     * @param last the number of the last record
     */
    static WorkingMap rebuild(MapdbFolder folder, long last) throws IOException {
        folder.requireInPlace();
        Map.Entry<Long, Path> newest = folder.numbered(MapdbFolder.WORKING).lastEntry();
        try (MergedEntries entries = StoreFiles.of(folder).merged(folder, last)) {
            long number = newest == null ? 1 : newest.getKey() + 1;
            Path file = OwnerOnly.createFile(folder.numbered(MapdbFolder.WORKING, number));
            try {
                return WorkingMap.create(file, entries);
            } catch (IOException | RuntimeException | Error e) {
                MapdbFolder.deleteIfPossible(file);
                throw e;
            }
        }
    }

    private static void deleteOthers(MapdbFolder folder, @Nullable Path working) throws IOException {
        folder.deleteUnfinished();
        for (Path file : folder.numbered(MapdbFolder.WORKING).values()) {
            if (!file.equals(working)) {
                MapdbFolder.deleteIfPossible(file);
            }
        }
    }
}
