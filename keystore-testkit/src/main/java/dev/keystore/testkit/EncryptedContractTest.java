package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.spi.Backend;
import dev.keystore.spi.Sealing;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
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
 * {@link EncryptedBackend}.
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
