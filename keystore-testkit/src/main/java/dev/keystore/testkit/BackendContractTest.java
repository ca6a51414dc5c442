package dev.keystore.testkit;

import dev.keystore.spi.Backend;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The contract of a backend, as tests: extend it, and you know whether yours is right.
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
 * <p>It looks at which interfaces of {@link dev.keystore.spi} the backend implements, and tests what they promise:
 * every rule of the project's contract that is a backend's to keep, with its number in the name of the test. What the
 * backend does not claim shows as skipped tests, whose reason names the claim (R63); nothing that is claimed is
 * believed.
 *
 * <p>Each test gets an empty backend, opened in a folder of its own, and has 60 s. Batches are committed with the epoch
 * of a takeover where the backend has {@link dev.keystore.spi.ContextOwnership}, else with the epoch 0. Contexts and
 * ids are well-formed Unicode and never blank, which the engine sees to; types are of the form that
 * {@link dev.keystore.KeyType#of} asks for.
 *
 * <p>Not tested here, as a test within one process can't: that what was acknowledged survives the death of the process
 * and that a batch does so whole, which {@link CrashContractTest} tests, and that listings need bounded memory.
 */
@Timeout(60)
public abstract class BackendContractTest {

    @TempDir
    Path folder = Path.of("");

    private final List<BackendUnderTest> opened = new ArrayList<>();
    private @Nullable BackendUnderTest backend;

    /** Makes a test. JUnit does. */
    protected BackendContractTest() {}

    /**
     * Opens the backend of a folder: empty if the folder has not been given before in this test, else with what was
     * there when it was closed.
     *
     * <p>A backend that does not keep its data in folders takes the folder's name as that of a schema, a table or the
     * like. Called while the same folder's backend is open, it may refuse with any exception; one that has
     * {@link dev.keystore.spi.ContextOwnership} must not, as it is there for several processes.
     *
     * @param folder an existing folder; deleted after the test
     * @throws Exception if it can't be opened: the test fails
     */
    protected abstract Backend open(Path folder) throws Exception;

    /**
     * Tells whether what the backend holds is there when it is opened again; unless overridden, it is. If it is not,
     * the tests of R61 are skipped.
     */
    protected boolean isPersistent() {
        return true;
    }

    @BeforeEach
    final void openBackend() throws Exception {
        backend = openBeside();
    }

    @AfterEach
    final void closeBackends() {
        opened.forEach(BackendUnderTest::close);
    }

    final BackendUnderTest backend() {
        return Objects.requireNonNull(backend, "backend");
    }

    final BackendUnderTest openBeside() throws Exception {
        BackendUnderTest next = new BackendUnderTest(open(folder));
        opened.add(next);
        return next;
    }

    final void skipUnlessPersistent() {
        Assumptions.assumeTrue(isPersistent(), "the backend is not persistent");
    }

    final void reopen() throws Exception {
        skipUnlessPersistent();
        backend().close();
        backend = openBeside();
    }

    @Nested
    @DisplayName("Entries, saved one by one")
    class SavedEntries extends EntryContract {
        SavedEntries() {
            super(BackendContractTest.this, Way.BY_SAVE);
        }
    }

    @Nested
    @DisplayName("Entries, committed (AtomicCommit)")
    class CommittedEntries extends EntryContract {
        CommittedEntries() {
            super(BackendContractTest.this, Way.BY_COMMIT);
        }
    }

    @Nested
    @DisplayName("Ids, saved one by one")
    class SavedNames extends NameContract {
        SavedNames() {
            super(BackendContractTest.this, Way.BY_SAVE);
        }
    }

    @Nested
    @DisplayName("Ids, committed (AtomicCommit)")
    class CommittedNames extends NameContract {
        CommittedNames() {
            super(BackendContractTest.this, Way.BY_COMMIT);
        }
    }

    @Nested
    @DisplayName("Contexts, saved one by one (ContextAwareBackend)")
    class SavedContexts extends ContextContract {
        SavedContexts() {
            super(BackendContractTest.this, Way.BY_SAVE);
        }
    }

    @Nested
    @DisplayName("Contexts, committed (ContextAwareBackend, AtomicCommit)")
    class CommittedContexts extends ContextContract {
        CommittedContexts() {
            super(BackendContractTest.this, Way.BY_COMMIT);
        }
    }

    @Nested
    @DisplayName("Listings, saved one by one")
    class SavedListings extends ListingContract {
        SavedListings() {
            super(BackendContractTest.this, Way.BY_SAVE);
        }
    }

    @Nested
    @DisplayName("Listings, committed (AtomicCommit)")
    class CommittedListings extends ListingContract {
        CommittedListings() {
            super(BackendContractTest.this, Way.BY_COMMIT);
        }
    }

    @Nested
    @DisplayName("Loads and writes at the same time, saved one by one")
    class SavedConcurrently extends ConcurrencyContract {
        SavedConcurrently() {
            super(BackendContractTest.this, Way.BY_SAVE);
        }
    }

    @Nested
    @DisplayName("Loads and writes at the same time, committed (AtomicCommit)")
    class CommittedConcurrently extends ConcurrencyContract {
        CommittedConcurrently() {
            super(BackendContractTest.this, Way.BY_COMMIT);
        }
    }

    @Nested
    @DisplayName("Close and open, saved one by one (persistent)")
    class SavedAndReopened extends ReopenContract {
        SavedAndReopened() {
            super(BackendContractTest.this, Way.BY_SAVE);
        }
    }

    @Nested
    @DisplayName("Close and open, committed (persistent, AtomicCommit)")
    class CommittedAndReopened extends ReopenContract {
        CommittedAndReopened() {
            super(BackendContractTest.this, Way.BY_COMMIT);
        }
    }

    @Nested
    @DisplayName("Opening and closing")
    class Opening extends OpeningContract {
        Opening() {
            super(BackendContractTest.this);
        }
    }

    @Nested
    @DisplayName("Prefix scans (PrefixScan)")
    class PrefixScans extends PrefixScanContract {
        PrefixScans() {
            super(BackendContractTest.this);
        }
    }

    @Nested
    @DisplayName("Bulk loads (BulkLoad)")
    class BulkLoads extends BulkLoadContract {
        BulkLoads() {
            super(BackendContractTest.this);
        }
    }

    @Nested
    @DisplayName("Batches (AtomicCommit)")
    class Batches extends BatchContract {
        Batches() {
            super(BackendContractTest.this);
        }
    }

    @Nested
    @DisplayName("All or nothing (AtomicCommit)")
    class Atomicity extends AtomicityContract {
        Atomicity() {
            super(BackendContractTest.this);
        }
    }

    @Nested
    @DisplayName("Groups of batches (GroupCommit)")
    class Groups extends GroupContract {
        Groups() {
            super(BackendContractTest.this);
        }
    }

    @Nested
    @DisplayName("Owners of a context (ContextOwnership)")
    class Ownership extends OwnershipContract {
        Ownership() {
            super(BackendContractTest.this);
        }
    }
}
