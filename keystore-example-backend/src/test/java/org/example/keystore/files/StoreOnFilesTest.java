package org.example.keystore.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.keystore.CommitFailedException;
import dev.keystore.CorruptEntryException;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Uses the backend through the engine, as an application would: only the URL names it. */
@Timeout(60)
class StoreOnFilesTest {

    @TempDir
    private Path folder;

    @Test
    @DisplayName("R62 a store is opened by its URL, and its commits are there when it is opened again")
    void transaction_reopened_isThere() {
        try (SignalKeyDatabase database = SignalKeyDatabase.open("files:" + folder)) {
            SignalKeyStore alice = database.forContext("alice");
            alice.put(KeyTypes.SESSION, "bob.1", new byte[] {1});
            alice.transaction("session:bob.1", tx -> {
                byte[] session = tx.find(KeyTypes.SESSION, "bob.1").orElseThrow();
                tx.put(KeyTypes.SESSION, "bob.1", new byte[] {(byte) (session[0] + 1)});
                tx.put(KeyTypes.SESSION, "../../carol:1 ", new byte[] {3});
                return null;
            });
        }
        try (SignalKeyDatabase database = SignalKeyDatabase.open("files:" + folder)) {
            SignalKeyStore alice = database.forContext("alice");
            assertThat(alice.find(KeyTypes.SESSION, "bob.1")).contains(new byte[] {2});
            assertThat(alice.find(KeyTypes.SESSION, "../../carol:1 ")).contains(new byte[] {3});
            assertThat(database.forContext("bob").find(KeyTypes.SESSION, "bob.1"))
                    .isEmpty();
            alice.clear();
            assertThat(alice.find(KeyTypes.SESSION, "bob.1")).isEmpty();
        }
    }

    @Test
    @DisplayName("R42 a commit whose second file can't be written leaves the first as it was")
    void commit_secondFileFails_restoresTheFirst() {
        Faults faults = new Faults();
        ContextAwareBackend backend = FaultyBackend.plain((ContextAwareBackend) Child.open(folder), faults);
        try (SignalKeyDatabase database =
                SignalKeyDatabase.builder().backend(backend).open()) {
            SignalKeyStore alice = database.forContext("alice");
            alice.put(KeyTypes.SESSION, "bob.1", new byte[] {1});
            faults.on(Operation.SAVE)
                    .of(KeyTypes.SESSION.name(), "bob.2")
                    .fail(Moment.AFTER, BackendException.Kind.OUTCOME_UNKNOWN);

            assertThatExceptionOfType(CommitFailedException.class)
                    .isThrownBy(() -> alice.transaction("session:bob", tx -> {
                        tx.put(KeyTypes.SESSION, "bob.1", new byte[] {2});
                        tx.put(KeyTypes.SESSION, "bob.2", new byte[] {2});
                        return null;
                    }));
        }
        try (SignalKeyDatabase database = SignalKeyDatabase.open("files:" + folder)) {
            SignalKeyStore alice = database.forContext("alice");
            assertThat(alice.find(KeyTypes.SESSION, "bob.1")).contains(new byte[] {1});
            assertThat(alice.find(KeyTypes.SESSION, "bob.2")).isEmpty();
        }
    }

    @Test
    @DisplayName("R43 a file with one changed byte is reported as damage, and every other entry stays readable")
    void find_changedByte_isCorrupt() throws Exception {
        try (SignalKeyDatabase database = SignalKeyDatabase.open("files:" + folder)) {
            SignalKeyStore alice = database.forContext("alice");
            alice.put(KeyTypes.SESSION, "bob.1", new byte[] {1});
            alice.put(KeyTypes.SESSION, "bob.2", new byte[] {2});
        }
        byte[] bytes = Files.readAllBytes(file("bob.1"));
        bytes[bytes.length - 1] ^= 1;
        Files.write(file("bob.1"), bytes);

        try (SignalKeyDatabase database = SignalKeyDatabase.open("files:" + folder)) {
            SignalKeyStore alice = database.forContext("alice");
            assertThatExceptionOfType(CorruptEntryException.class)
                    .isThrownBy(() -> alice.find(KeyTypes.SESSION, "bob.1"));
            assertThat(alice.find(KeyTypes.SESSION, "bob.2")).contains(new byte[] {2});
        }
    }

    private Path file(String id) {
        String type = KeyTypes.SESSION.name();
        return folder.resolve("entries")
                .resolve(EntryName.folderName("alice"))
                .resolve(new EntryName("alice", type, id).fileName());
    }
}
