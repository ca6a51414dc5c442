package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.keystore.CorruptEntryException;
import dev.keystore.EntryKeyMissingException;
import dev.keystore.TamperedEntryException;
import dev.keystore.spi.Backend;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.Sealing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Random;
import java.util.function.BinaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/**
 * The contract of a backend with encryption on (R75). After each test, the files of the backend are searched for the
 * values that the test wrote, and for parts of names if these are hidden (R70): while it is open, and after it was
 * closed. A backend's author extends this class:
 *
 * <pre>{@code
 * class EncryptedFileBackendContractTest extends EncryptedContractTest {
 *
 *     @Override
 *     protected Backend openUnencrypted(Path folder) {
 *         return new FileBackend(folder);
 *     }
 *
 *     @Override
 *     protected Sealing encryption(Path folder) throws IOException {
 *         Path key = folder.resolve("root.key");
 *         return Encryption.with(Files.exists(key) ? KeyFile.at(key) : KeyFile.create(key));
 *     }
 * }
 * }</pre>
 *
 * <p>The files are those of {@link #files}. The tests are those of {@link BackendContractTest}, which run through
 * {@link EncryptedBackend}. Further ones change records past the encryption, which has to refuse them (R71, R72).
 */
public abstract class EncryptedContractTest extends BackendContractTest {

    private final PlaintextSearch search = new PlaintextSearch();

    /** Creates a test; called by JUnit. */
    protected EncryptedContractTest() {}

    /**
     * Opens the backend of a folder without encryption, as {@link BackendContractTest#open} says.
     *
     * @param folder an existing folder; deleted after the test
     * @return the opened backend
     * @throws Exception if it cannot be opened; the test fails
     */
    protected abstract Backend openUnencrypted(Path folder) throws Exception;

    /**
     * Returns how the values of a folder's backend are encrypted: each time with the same root key.
     *
     * @param folder the folder; the root key may be in it
     * @return the encryption
     * @throws Exception if the root key cannot be created or read; the test fails
     */
    protected abstract Sealing encryption(Path folder) throws Exception;

    @Override
    protected final Backend open(Path folder) throws Exception {
        return EncryptedBackend.of(openUnencrypted(folder), search.masked(encryption(folder)));
    }

    @AfterEach
    final void searchOpenFiles() throws IOException {
        assertNothingIn("while the backend is open");
    }

    @Override
    final void afterClosing() throws IOException {
        assertNothingIn("after the backend was closed");
    }

    private void assertNothingIn(String when) throws IOException {
        assertThat(search.in(files(folder)))
                .as("R70 files with plaintext, of how many values, %s", when)
                .isEmpty();
    }

    @Test
    @DisplayName("R71 a record in the place of another one is tampered with")
    final void load_swappedRecord_isTampered() throws Exception {
        assertThat(failureOf((first, second) -> second)).isInstanceOf(TamperedEntryException.class);
    }

    @Test
    @DisplayName("R71 a record with a flipped bit is damaged")
    final void load_flippedBit_isCorrupt() throws Exception {
        assertThat(failureOf((first, second) -> {
                    first[first.length / 2] ^= 1;
                    return first;
                }))
                .isInstanceOf(CorruptEntryException.class);
    }

    @Test
    @DisplayName("R71 a record of another store has a key that is missing")
    final void load_foreignRecord_lacksItsKey() throws Exception {
        byte[] foreign;
        try (Changed other = new Changed("foreign")) {
            foreign = other.stored("1");
        }
        assertThat(failureOf((first, second) -> foreign)).isInstanceOf(EntryKeyMissingException.class);
    }

    @Test
    @DisplayName("R72 a plaintext record in an encrypted store is tampered with")
    final void load_plaintext_isTampered() throws Exception {
        byte[] plaintext = new byte[64];
        plaintext[0] = 1; // the version of the envelope of a plain store
        assertThat(failureOf((first, second) -> plaintext)).isInstanceOf(TamperedEntryException.class);
    }

    /** Replaces the stored record of the first of two entries, and returns what reading that entry throws. */
    private @Nullable Throwable failureOf(BinaryOperator<byte[]> change) throws Exception {
        try (Changed store = new Changed("changed")) {
            store.records.save(
                    Contract.CONTEXT, Contract.TYPE, "1", change.apply(store.stored("1"), store.stored("2")));
            return catchThrowable(() -> store.encrypted.entries().load(Contract.CONTEXT, Contract.TYPE, "1"));
        }
    }

    /** A store of two entries, whose records can be changed past the encryption. */
    private final class Changed implements AutoCloseable {

        private final ContextAwareBackend records;
        private final BackendUnderTest encrypted;

        Changed(String name) throws Exception {
            Path other = Files.createDirectory(folder.resolve(name));
            Backend opened = openUnencrypted(other);
            records = new BackendUnderTest(opened).entries();
            encrypted = new BackendUnderTest(EncryptedBackend.of(opened, encryption(other)));
            encrypted.entries().save(Contract.CONTEXT, Contract.TYPE, "1", new byte[40]);
            encrypted.entries().save(Contract.CONTEXT, Contract.TYPE, "2", new byte[40]);
        }

        /** Returns a record as it is stored; if names are hidden, the test is skipped. */
        byte[] stored(String id) {
            Optional<byte[]> record = records.load(Contract.CONTEXT, Contract.TYPE, id);
            Assumptions.assumeTrue(record.isPresent(), "names are hidden");
            return record.orElseThrow();
        }

        @Override
        public void close() {
            encrypted.close();
        }
    }

    @Test
    @DisplayName("R70 the search of the files finds a value that is stored without encryption")
    final void search_plaintext_isFound() throws Exception {
        byte[] value = new byte[1_000];
        new Random().nextBytes(value);
        PlaintextSearch plain = new PlaintextSearch();
        plain.add(value);
        Path other = Files.createDirectory(folder.resolve("plain"));
        BackendUnderTest backend = new BackendUnderTest(openUnencrypted(other));
        try {
            backend.entries().save(Contract.CONTEXT, Contract.TYPE, "1", value);
            assertThat(plain.in(files(other))).as("while it is open").isNotEmpty();
        } finally {
            backend.close();
        }
        assertThat(plain.in(files(other))).as("after it was closed").isNotEmpty();
    }
}
