package dev.keystore.testkit;

import dev.keystore.spi.Backend;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The contract of a backend, as tests. A backend's author extends this class:
 *
 * <pre>{@code
 * class FileBackendContractTest extends BackendContractTest {
 *
 *     @Override
 *     protected Backend open(Path folder) {
 *         return new FileBackend(folder);
 *     }
 * }
 * }</pre>
 *
 * <p>The tests cover every rule of the project's contract that a backend has to keep; the name of each test starts with
 * the number of its rule. Which tests run depends on the interfaces of {@link dev.keystore.spi} that the backend
 * implements. Tests of other interfaces are skipped, and the reason names the missing interface (R63). Everything that
 * an implemented interface promises is tested.
 *
 * <p>Each test starts with an empty backend in a new folder, and times out after 60 s. Where the backend has
 * {@link dev.keystore.spi.ContextOwnership}, batches are committed with the epoch of a takeover, otherwise with epoch
 * 0. Contexts and ids are well-formed Unicode and never blank, which the engine ensures; types have the form that
 * {@link dev.keystore.KeyType#of} requires.
 *
 * <p>Two promises are not tested here: that acknowledged commits survive the death of the process, each of them
 * complete, which {@link CrashContractTest} tests, and that listings need bounded memory.
 */
@Timeout(60)
public abstract class BackendContractTest {

    @TempDir
    Path folder = Path.of("");

    @SuppressWarnings("this-escape")
    private final BackendFixture fixture =
            new BackendFixture(() -> open(folder), this::isPersistent, () -> files(folder));

    /** Creates a test; called by JUnit. */
    protected BackendContractTest() {}

    /**
     * Opens the backend of a folder: an empty one if this test has not opened the folder before, otherwise with the
     * entries it had when it was closed.
     *
     * <p>A backend that does not keep its data in folders can use the folder's name as the name of, for example, a
     * schema or a table. If the backend of the same folder is still open, this method may throw any exception; but a
     * backend with {@link dev.keystore.spi.ContextOwnership}, which is for several processes, must open it.
     *
     * @param folder an existing folder; deleted after the test
     * @return the opened backend
     * @throws Exception if it cannot be opened; the test fails
     */
    protected abstract Backend open(Path folder) throws Exception;

    /**
     * Returns whether the backend keeps its entries when it is closed and reopened. If not, the tests of R61 are
     * skipped. The default is {@code true}.
     *
     * @return whether the backend is persistent
     */
    protected boolean isPersistent() {
        return true;
    }

    /**
     * Returns the files in which the backend keeps entries, its logs, journals and temporary files included. The
     * default is all files in the folder that {@link #open} gets, and below it. A backend with
     * {@link dev.keystore.spi.Compaction} that keeps its data elsewhere overrides this method.
     *
     * @param folder the folder
     * @return the files
     * @throws IOException if they cannot be listed; the test fails
     */
    protected List<Path> files(Path folder) throws IOException {
        return PlaintextSearch.filesBelow(folder);
    }

    @BeforeEach
    final void openBackend() throws Exception {
        fixture.open();
    }

    @AfterEach
    final void closeBackends() throws Exception {
        fixture.closeAll();
        afterClosing();
    }

    /** Called after each test, once its backends are closed and before its folder is deleted. */
    void afterClosing() throws Exception {}

    @Nested
    @DisplayName("Entries, saved one by one")
    class SavedEntries extends EntryContract {
        SavedEntries() {
            super(fixture, Way.BY_SAVE);
        }
    }

    @Nested
    @DisplayName("Entries, committed (AtomicCommit)")
    class CommittedEntries extends EntryContract {
        CommittedEntries() {
            super(fixture, Way.BY_COMMIT);
        }
    }

    @Nested
    @DisplayName("Ids, saved one by one")
    class SavedNames extends NameContract {
        SavedNames() {
            super(fixture, Way.BY_SAVE);
        }
    }

    @Nested
    @DisplayName("Ids, committed (AtomicCommit)")
    class CommittedNames extends NameContract {
        CommittedNames() {
            super(fixture, Way.BY_COMMIT);
        }
    }

    @Nested
    @DisplayName("Contexts, saved one by one (ContextAwareBackend)")
    class SavedContexts extends ContextContract {
        SavedContexts() {
            super(fixture, Way.BY_SAVE);
        }
    }

    @Nested
    @DisplayName("Contexts, committed (ContextAwareBackend, AtomicCommit)")
    class CommittedContexts extends ContextContract {
        CommittedContexts() {
            super(fixture, Way.BY_COMMIT);
        }
    }

    @Nested
    @DisplayName("Listings, saved one by one")
    class SavedListings extends ListingContract {
        SavedListings() {
            super(fixture, Way.BY_SAVE);
        }
    }

    @Nested
    @DisplayName("Listings, committed (AtomicCommit)")
    class CommittedListings extends ListingContract {
        CommittedListings() {
            super(fixture, Way.BY_COMMIT);
        }
    }

    @Nested
    @DisplayName("Concurrent loads and writes, saved one by one")
    class SavedConcurrently extends ConcurrencyContract {
        SavedConcurrently() {
            super(fixture, Way.BY_SAVE);
        }
    }

    @Nested
    @DisplayName("Concurrent loads and writes, committed (AtomicCommit)")
    class CommittedConcurrently extends ConcurrencyContract {
        CommittedConcurrently() {
            super(fixture, Way.BY_COMMIT);
        }
    }

    @Nested
    @DisplayName("Reopening, saved one by one (persistent)")
    class SavedAndReopened extends ReopenContract {
        SavedAndReopened() {
            super(fixture, Way.BY_SAVE);
        }
    }

    @Nested
    @DisplayName("Reopening, committed (persistent, AtomicCommit)")
    class CommittedAndReopened extends ReopenContract {
        CommittedAndReopened() {
            super(fixture, Way.BY_COMMIT);
        }
    }

    @Nested
    @DisplayName("Opening and closing")
    class Opening extends OpeningContract {
        Opening() {
            super(fixture);
        }
    }

    @Nested
    @DisplayName("Prefix scans (PrefixScan)")
    class PrefixScans extends PrefixScanContract {
        PrefixScans() {
            super(fixture);
        }
    }

    @Nested
    @DisplayName("Listings of contexts (ContextListing)")
    class ContextListings extends ContextListingContract {
        ContextListings() {
            super(fixture);
        }
    }

    @Nested
    @DisplayName("Positions of contexts (ContextPositions)")
    class Positions extends PositionContract {
        Positions() {
            super(fixture);
        }
    }

    @Nested
    @DisplayName("Snapshots of contexts (ContextSnapshots)")
    class Snapshots extends SnapshotContract {
        Snapshots() {
            super(fixture);
        }
    }

    @Nested
    @DisplayName("Times of fsyncs (FsyncTiming)")
    class FsyncTimes extends FsyncTimingContract {
        FsyncTimes() {
            super(fixture);
        }
    }

    @Nested
    @DisplayName("Compaction (Compaction)")
    class Compactions extends CompactionContract {
        Compactions() {
            super(fixture);
        }
    }

    @Nested
    @DisplayName("Bulk loads (BulkLoad)")
    class BulkLoads extends BulkLoadContract {
        BulkLoads() {
            super(fixture);
        }
    }

    @Nested
    @DisplayName("Batches (AtomicCommit)")
    class Batches extends BatchContract {
        Batches() {
            super(fixture);
        }
    }

    @Nested
    @DisplayName("Atomicity (AtomicCommit)")
    class Atomicity extends AtomicityContract {
        Atomicity() {
            super(fixture);
        }
    }

    @Nested
    @DisplayName("Groups of batches (GroupCommit)")
    class Groups extends GroupContract {
        Groups() {
            super(fixture);
        }
    }

    @Nested
    @DisplayName("Takeovers and fencing (ContextOwnership)")
    class Fencing extends FencingContract {
        Fencing() {
            super(fixture);
        }
    }

    @Nested
    @DisplayName("Exclusive takeovers (ContextOwnership)")
    class ExclusiveTakeovers extends ExclusiveTakeoverContract {
        ExclusiveTakeovers() {
            super(fixture);
        }
    }

    @Nested
    @DisplayName("Repeated commits (ContextOwnership)")
    class RepeatedCommits extends RepeatedCommitContract {
        RepeatedCommits() {
            super(fixture);
        }
    }
}
