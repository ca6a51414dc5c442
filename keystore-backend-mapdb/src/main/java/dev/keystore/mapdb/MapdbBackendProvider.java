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
 * Opens the MapDB backend from {@code mapdb:path/of/the/folder}. Found by its scheme; nobody needs to name it.
 *
 * <p>What follows the scheme is the path of a folder that is the store's alone. One that does not exist, or is empty,
 * becomes a new store, readable by its owner alone, unless the store must exist (R58). One process at a time has it open,
 * once (R53).
 *
 * <p>A commit is one record in a journal and one fsync; then MapDB's file has it, whose pages are written whenever the
 * system likes. Closed journals are merged into a new checkpoint, in the background and while commits go on, when they
 * have {@code checkpointBytes} bytes, or half the bytes of the last checkpoint if that is more. So a store needs on disk
 * the bytes of its entries twice, with these journals, and twice more while a checkpoint is made; an empty one 10 MB.
 *
 * <p>After a clean close, opening reads MapDB's file once to compare its checksum. After a crash, and where the checksum is
 * wrong, that file is made again from checkpoint and journals, about 7 µs for each entry. A record that a crash cut short
 * at the end of the last journal was never acknowledged, and is left out. Any other damage of a journal or the checkpoint
 * that recovery needs is refused, with the file, the place and what would be lost; nothing is changed then. What can't be
 * told from a crash is the loss of the last records, or the last journal, of a store that was not closed.
 *
 * <p>A commit that finds the disk full waits up to 8 s for a checkpoint, which frees the journals, and is tried once more;
 * then it is refused, as a permanent failure. Once there is room, commits go on. A store on a full disk can be opened and
 * read.
 *
 * <p>Each group of commits is acknowledged only if its journal's path still leads to the open file. If the folder was moved,
 * replaced or deleted, commits fail, and nothing of them is written, until it is back. A folder of which a file is on
 * another device, or mounted separately, is refused.
 *
 * <p>MapDB computes hashes with lz4-java, which brings native code and unpacks it into {@code java.io.tmpdir}. Where that
 * can't be loaded it goes on in Java; nothing here depends on it.
 *
 * <p>Properties:
 *
 * <ul>
 *   <li>{@code checkpointBytes}: at least 65536; 67108864 (64 MiB) unless given.
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
            return MapdbBackend.open(folder, checkpointBytes);
        } catch (IOException | BackendException e) {
            String advice = e instanceof DamagedFileException ? "" : "; if the disk is full, free some space";
            KeyStoreException failure = OpenFailure.of(path, path + " can't be opened: " + e.getMessage() + advice, e);
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
                    "properties may hold " + CHECKPOINT_BYTES + ", and nothing else; was also given " + unknown);
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
