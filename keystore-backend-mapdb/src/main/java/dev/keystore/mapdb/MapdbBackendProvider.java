package dev.keystore.mapdb;

import dev.keystore.KeyStoreException;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.BackendProvider;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Set;
import java.util.TreeSet;

/**
 * Opens the MapDB backend from {@code mapdb:path/of/the/folder}. The engine finds this class by the scheme;
 * applications do not use it directly.
 *
 * <p>The path names a folder that holds nothing except the store. A missing or empty folder becomes a new store, unless
 * the store must exist (R58). Only their owner can read its files. A store can be open only once, in one process (R53),
 * unless it is opened for reading only; see below.
 *
 * <p>A group of commits is one record in a journal and one fsync. It is then applied to MapDB's file, whose pages the
 * operating system writes later. Once the closed journals have {@code checkpointBytes} bytes, or half the bytes of the
 * last checkpoint if that is more, they are merged into a new checkpoint in the background, while commits continue. So
 * a store needs disk space for two copies of its entries and for these journals, and for two more copies while a
 * checkpoint is written; an empty store needs 10 MB.
 *
 * <p>After a clean close, opening reads MapDB's file once to verify its checksum. After a crash, or if the checksum is
 * wrong, that file is rebuilt from the checkpoint and the journals, in about 7 µs per entry. A record that a crash cut
 * short at the end of the last journal was never acknowledged, and is left out. If recovery finds any other damage in a
 * journal or in the checkpoint, the store is not opened; the message names the file, the place and what would be lost,
 * and nothing is changed. If a store was not closed, the loss of its last records or of its last journal can't be
 * distinguished from a crash.
 *
 * <p>A commit that finds the disk full waits for up to 8 s for a checkpoint, which frees the journals, and is retried.
 * If there is still no space, it is refused with a permanent failure. Once there is space, commits succeed again. A
 * store on a full disk can be opened and read.
 *
 * <p>A store whose folder can't be written, for example on a read-only mount, is opened for reading only: commits are
 * refused with a permanent failure. All its entries are then held in memory, and no file is written. While it is open,
 * no process can open it for writing.
 *
 * <p>Compacting the store takes about 4 s for 300 MiB of values, and needs free space for two more copies of its
 * entries. Reads continue meanwhile, and commits wait if more than a few megabytes are committed.
 *
 * <p>A group of commits is acknowledged only if the path of its journal still leads to the open file. If the folder was
 * moved, replaced or deleted, commits fail and write nothing until it is back. A folder with a file that is on another
 * device, or mounted separately, is refused.
 *
 * <p>MapDB computes hashes with lz4-java, which unpacks native code into {@code java.io.tmpdir}. If that can't be
 * loaded, lz4-java falls back to Java code; nothing here depends on it.
 *
 * <p>Properties:
 *
 * <ul>
 *   <li>{@code checkpointBytes}: at least 65536; 67108864 (64 MiB) by default.
 * </ul>
 */
public final class MapdbBackendProvider implements BackendProvider {

    private static final String SCHEME = "mapdb";
    private static final String CHECKPOINT_BYTES = "checkpointBytes";
    private static final long LEAST_CHECKPOINT_BYTES = 1 << 16;
    private static final String DEFAULT_CHECKPOINT_BYTES = String.valueOf(64 << 20);

    /** For {@link java.util.ServiceLoader}. */
    public MapdbBackendProvider() {}

    @Override
    public String name() {
        return "MapDB";
    }

    @Override
    public String scheme() {
        return SCHEME;
    }

    @Override
    public Backend open(BackendConfig config) {
        Path path = path(Objects.requireNonNull(config, "config"));
        long checkpointBytes = checkpointBytes(config);
        MapdbFolder folder = MapdbFolder.examine(path, config.mustExist());
        try {
            folder.open();
            String obstacle = folder.obstacle();
            return obstacle == null
                    ? MapdbBackend.open(folder, checkpointBytes)
                    : ReadOnlyBackend.open(folder, obstacle);
        } catch (IOException | BackendException e) {
            KeyStoreException failure = OpenFailure.of(path, e);
            folder.undo(failure);
            throw failure;
        } catch (RuntimeException | Error e) {
            folder.undo(e);
            throw e;
        }
    }

    private static Path path(BackendConfig config) {
        String location = config.location(SCHEME);
        if (location.isBlank()) {
            throw new IllegalArgumentException("url names no folder; write " + SCHEME + ":path/of/the/folder");
        }
        return Path.of(location).toAbsolutePath();
    }

    private static long checkpointBytes(BackendConfig config) {
        Set<String> unknown = new TreeSet<>(config.properties().keySet());
        unknown.remove(CHECKPOINT_BYTES);
        if (!unknown.isEmpty()) {
            throw new IllegalArgumentException(
                    "properties may contain only " + CHECKPOINT_BYTES + ", but also contain " + unknown);
        }
        String text = config.properties().getOrDefault(CHECKPOINT_BYTES, DEFAULT_CHECKPOINT_BYTES);
        try {
            long bytes = Long.parseLong(text);
            if (bytes >= LEAST_CHECKPOINT_BYTES) {
                return bytes;
            }
        } catch (NumberFormatException e) {
            // Refused below, as a number that is too small.
        }
        throw new IllegalArgumentException(
                "property " + CHECKPOINT_BYTES + " must be a number of bytes, at least " + LEAST_CHECKPOINT_BYTES);
    }
}
