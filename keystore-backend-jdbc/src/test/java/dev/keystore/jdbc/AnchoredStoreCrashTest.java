package dev.keystore.jdbc;

import dev.keystore.core.FileFreshnessAnchor;
import dev.keystore.core.SignalKeyDatabase;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** A crash at any point never makes a good store older than its freshness anchor (R82). */
class AnchoredStoreCrashTest extends StoreCrashTest {

    @Override
    SignalKeyDatabase.Builder database(Path folder) throws IOException {
        return super.database(folder).freshnessAnchor(FileFreshnessAnchor.at(folder.resolve("anchor")));
    }

    /** The anchor is forced and renamed. */
    @Override
    protected List<String> systemCalls() {
        return List.of("pwrite64", "fdatasync,fsync", "rename,renameat,renameat2");
    }

    @Override
    protected int killsOfSample() {
        return 3;
    }

    /** 200 in both tests together. */
    @Override
    protected int killsOfWhole() {
        return 100;
    }
}
