package dev.keystore.mapdb;

import dev.keystore.spi.Backend;
import dev.keystore.testkit.CrashContractTest;
import java.nio.file.Path;
import java.util.List;

final class MapdbCrashTest extends CrashContractTest {

    /** The size of about ten commits, so that many checkpoints are written, and some of them cut short. */
    private static final long CHECKPOINT_BYTES = 1 << 16;

    @Override
    protected Backend open(Path folder) {
        return Mapdb.open(folder.resolve("store"), CHECKPOINT_BYTES);
    }

    /** The calls that write, force, name and delete the journal, the checkpoint and the working file. */
    @Override
    protected List<String> systemCalls() {
        return List.of("write,pwrite64", "fsync,fdatasync,msync", "rename", "unlink,unlinkat", "ftruncate");
    }

    @Override
    protected int killsOfWhole() {
        return 100;
    }
}
