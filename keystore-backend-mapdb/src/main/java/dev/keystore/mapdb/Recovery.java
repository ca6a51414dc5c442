package dev.keystore.mapdb;

import dev.keystore.spi.support.OwnerOnly;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Finds out what a store holds when it is opened.
 *
 * <p>After a clean close, the working file is used as it is, once its checksum has been compared. Otherwise, and if the
 * file is damaged, it is made again from the checkpoint and the journals, in their order and with bounded memory. Nothing
 * that could be needed is changed or removed before that has succeeded.
 *
 * <p>What then counts as committed is durable before anybody reads it or commits after it (R11): after a clean close all
 * of it is, otherwise {@link History#makeDurable} sees to it. A process that dies in between leaves what was there, or the
 * same in a durable file.
 *
 * @param last the number of the last record
 */
record Recovery(WorkingMap map, long last) {

    /**
     * Opens what a folder holds.
     *
     * @throws DamagedFileException if going on would lose something that was acknowledged; nothing was changed
     */
    static Recovery open(MapdbFolder folder) throws IOException {
        Optional<ClosedMark> mark = closedMark(folder);
        long last = mark.isPresent() ? mark.get().last() : History.of(folder).last();
        WorkingMap map = mark.isPresent() && mark.get().fits(folder) ? reuse(folder, mark.get()) : null;
        if (map == null) {
            map = rebuildDurably(folder, last);
        }
        deleteOthers(folder, map.path());
        return new Recovery(map, last);
    }

    private static WorkingMap rebuildDurably(MapdbFolder folder, long last) throws IOException {
        WorkingMap map = rebuildWithRoom(folder, last);
        try {
            deleteOthers(folder, map.path());
            History.of(folder).makeDurable(folder, last);
            ClosedMark.delete(folder);
            return map;
        } catch (IOException | RuntimeException | Error e) {
            map.discard();
            throw e;
        }
    }

    /** Rebuilds, and if there is no room for that, once more without the old working files, which nobody needs. */
    private static WorkingMap rebuildWithRoom(MapdbFolder folder, long last) throws IOException {
        try {
            return rebuild(folder, last);
        } catch (DamagedFileException e) {
            throw e;
        } catch (IOException e) {
            deleteOthers(folder, null);
            return rebuild(folder, last);
        }
    }

    private static Optional<ClosedMark> closedMark(MapdbFolder folder) throws IOException {
        Optional<ClosedMark> mark = ClosedMark.read(folder);
        return mark.isPresent() && mark.get().isNewest(folder) ? mark : Optional.empty();
    }

    /**
     * Opens the working file that a clean close left. The mark goes, durably, before anything can be changed.
     *
     * @return {@code null} if MapDB can't open it
     */
    private static @Nullable WorkingMap reuse(MapdbFolder folder, ClosedMark mark) throws IOException {
        ClosedMark.delete(folder);
        try {
            return WorkingMap.open(folder.file(mark.working()));
        } catch (IOException e) {
            return null;
        }
    }

    /**
     * Makes a working file from the checkpoint and the journals, which nobody changes or removes meanwhile.
     *
     * @param last the number of the last record
     */
    static WorkingMap rebuild(MapdbFolder folder, long last) throws IOException {
        folder.requireInPlace();
        Map.Entry<Long, Path> newest = folder.numbered(MapdbFolder.WORKING).lastEntry();
        try (MergedEntries entries = History.of(folder).merged(folder, last)) {
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
        folder.numbered(MapdbFolder.WORKING).values().stream()
                .filter(file -> !file.equals(working))
                .forEach(MapdbFolder::deleteIfPossible);
    }
}
