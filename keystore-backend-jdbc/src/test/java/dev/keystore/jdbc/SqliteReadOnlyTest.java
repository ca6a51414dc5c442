package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.keystore.CommitFailedException;
import dev.keystore.EntryId;
import dev.keystore.KeyTypes;
import dev.keystore.LoadFailedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.SignalKeyStore;
import dev.keystore.StoreOpenException;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.testkit.FailureAssertions;
import dev.keystore.testkit.Tmpfs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SqliteReadOnlyTest {

    private static final byte[] VALUE = {1, 2, 3};

    @TempDir
    Path folder;

    @TempDir
    Path elsewhere;

    private Path path;
    private String url;

    @BeforeEach
    void path() {
        path = folder.resolve("keys.db");
        url = "jdbc:sqlite:" + path;
    }

    private void fill(Path store) {
        try (SignalKeyDatabase database = SignalKeyDatabase.open("jdbc:sqlite:" + store)) {
            SignalKeyStore alice = database.forContext("alice");
            for (int i = 0; i < 10; i++) {
                alice.put(KeyTypes.SESSION, "bob." + i, VALUE);
            }
        }
    }

    /** Asserts that entries can be read, absent ones are reported absent, and writes fail with a reason. */
    private static void assertOnlyReadable(SignalKeyDatabase database, String why) {
        SignalKeyStore alice = database.forExistingContext("alice");
        assertReadable(alice);
        assertThatExceptionOfType(CommitFailedException.class)
                .isThrownBy(() -> alice.put(KeyTypes.SESSION, "new", VALUE))
                .withMessageContaining(why);
        assertThat(alice.find(KeyTypes.SESSION, "new")).isEmpty();
    }

    private static void assertReadable(SignalKeyStore alice) {
        assertThat(alice.find(KeyTypes.SESSION, "bob.1")).hasValue(VALUE);
        assertThat(alice.find(KeyTypes.SESSION, "carol")).isEmpty();
        assertThat(alice.ids(KeyTypes.SESSION, "")).hasSize(10);
        assertThat(alice.verify()).isEmpty();
    }

    @Test
    @DisplayName("a closed store on a read-only mount is opened, reads work, and commits fail with the reason")
    void readOnlyMount() throws Exception {
        try (Tmpfs tmpfs = Tmpfs.mount(folder, "size=1m")) {
            fill(path);
            tmpfs.remount("ro");
            Map<String, String> before = SqliteFixture.contents(folder);
            try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                    .url(url)
                    .refuseOwned()
                    .mustExist()
                    .open()) {
                assertOnlyReadable(database, folder + " cannot be written");
            }
            assertThat(SqliteFixture.contents(folder)).isEqualTo(before);
        }
    }

    @Test
    @DisplayName("R11 a store on a read-only mount whose owner was killed is read with its log, and refused without the"
            + " log's index")
    void readOnlyMountWithLog() throws Exception {
        Path live = elsewhere.resolve("keys.db");
        try (Tmpfs tmpfs = Tmpfs.mount(folder, "size=1m")) {
            try (SignalKeyDatabase database = SignalKeyDatabase.open("jdbc:sqlite:" + live)) {
                SignalKeyStore alice = database.forContext("alice");
                for (int i = 0; i < 10; i++) {
                    alice.put(KeyTypes.SESSION, "bob." + i, VALUE);
                }
                for (String suffix : new String[] {"", "-wal", "-shm"}) {
                    Files.copy(elsewhere.resolve("keys.db" + suffix), folder.resolve("keys.db" + suffix));
                }
            }
            tmpfs.remount("ro");
            try (SignalKeyDatabase database = SignalKeyDatabase.open(url)) {
                assertOnlyReadable(database, folder + " cannot be written");
            }

            tmpfs.remount("rw");
            Files.delete(folder.resolve("keys.db-shm"));
            tmpfs.remount("ro");
            assertThatExceptionOfType(StoreOpenException.class)
                    .isThrownBy(() -> SignalKeyDatabase.open(url))
                    .withMessageContaining(folder + " cannot be written")
                    .withMessageContaining("keys.db-wal holds commits");
        }
    }

    @Test
    @DisplayName(
            "R3 R11 a store that is only readable is read with its log through a link in another folder, and refused"
                    + " without the log's index")
    void linkToReadOnlyMountWithLog() throws Exception {
        Path live = elsewhere.resolve("keys.db");
        Path link = Files.createSymbolicLink(elsewhere.resolve("link.db"), path);
        try (Tmpfs tmpfs = Tmpfs.mount(folder, "size=1m")) {
            fill(live);
            try (JdbcBackend backend = SqliteFixture.open(live)) {
                backend.save("alice", "session", "acked", VALUE);
                for (String suffix : new String[] {"", "-wal", "-shm"}) {
                    Files.copy(elsewhere.resolve("keys.db" + suffix), folder.resolve("keys.db" + suffix));
                }
            }
            tmpfs.remount("ro");
            try (JdbcBackend backend = SqliteFixture.open(link)) {
                assertThat(backend.load("alice", "session", "acked")).hasValue(VALUE);
            }

            tmpfs.remount("rw");
            Files.delete(folder.resolve("keys.db-shm"));
            tmpfs.remount("ro");
            assertThatExceptionOfType(StoreOpenException.class)
                    .isThrownBy(() -> SqliteFixture.open(link))
                    .withMessageContaining(folder + " cannot be written")
                    .withMessageContaining("keys.db-wal holds commits");
        }
    }

    @Test
    @DisplayName(
            "R3 a log that appears next to the target of a link ends the reads of a store that is read as immutable")
    void writtenMeanwhileBehindALink() throws Exception {
        Path link = Files.createSymbolicLink(elsewhere.resolve("link.db"), path);
        try (Tmpfs tmpfs = Tmpfs.mount(folder, "size=1m")) {
            fill(path);
            tmpfs.remount("ro");
            try (JdbcBackend reader = SqliteFixture.open(link)) {
                tmpfs.remount("rw");
                try (JdbcBackend writer = SqliteFixture.open(path)) {
                    writer.save("alice", "session", "new", VALUE);
                    FailureAssertions.assertPermanent(() -> reader.load("alice", "session", "new"))
                            .withMessageContaining("has written to the file");
                }
            }
        }
    }

    @Test
    @DisplayName("a store whose folder can be written is written through a link in a folder that can't be")
    void linkInReadOnlyFolder() throws Exception {
        Path store = elsewhere.resolve("keys.db");
        try (Tmpfs tmpfs = Tmpfs.mount(folder, "size=1m")) {
            Path link = Files.createSymbolicLink(path, store);
            tmpfs.remount("ro");
            for (int i = 0; i < 2; i++) {
                try (JdbcBackend backend = SqliteFixture.open(link)) {
                    backend.save("alice", "session", "bob." + i, VALUE);
                }
            }
        }
        try (JdbcBackend backend = SqliteFixture.open(store)) {
            assertThat(backend.list("alice")).hasSize(2);
        }
    }

    @Test
    @DisplayName(
            "R3 once another process writes to a store that is read as immutable, reads fail instead of being stale or"
                    + " torn")
    void writtenMeanwhile() throws Exception {
        try (Tmpfs tmpfs = Tmpfs.mount(folder, "size=1m")) {
            fill(path);
            tmpfs.remount("ro");
            try (SignalKeyDatabase reader = SignalKeyDatabase.open(url)) {
                SignalKeyStore alice = reader.forContext("alice");
                assertThat(alice.find(KeyTypes.SESSION, "bob.1")).hasValue(VALUE);
                tmpfs.remount("rw");
                try (SignalKeyDatabase writer = SignalKeyDatabase.open(url)) {
                    writer.forContext("alice").put(KeyTypes.SESSION, "new", VALUE);
                    assertThatExceptionOfType(LoadFailedException.class)
                            .isThrownBy(() -> alice.find(KeyTypes.SESSION, "new"))
                            .withMessageContaining("has written to the file");
                }
                assertThatExceptionOfType(LoadFailedException.class)
                        .isThrownBy(() -> alice.find(KeyTypes.SESSION, "new"))
                        .withMessageContaining("open it again");
            }
        }
    }

    @Test
    @DisplayName("a closed store on a full disk is opened, reads work, and commits fail with the reason")
    void fullDisk() throws Exception {
        try (Tmpfs tmpfs = Tmpfs.mount(folder, "size=1m")) {
            fill(path);
            fillUp();
            try (SignalKeyDatabase database = SignalKeyDatabase.open(url)) {
                assertOnlyReadable(database, "free some space");
            }
            tmpfs.remount("size=2m");
            try (SignalKeyDatabase database = SignalKeyDatabase.open(url)) {
                database.forContext("alice").put(KeyTypes.SESSION, "new", VALUE);
            }
        }
    }

    @Test
    @DisplayName(
            "R53 a context opened on a full disk is read, and written once there is space, unless another owner wrote"
                    + " first")
    void fullDiskAtContext() throws Exception {
        try (Tmpfs tmpfs = Tmpfs.mount(folder, "size=1m")) {
            fill(path);
            try (SignalKeyDatabase database = SignalKeyDatabase.open(url);
                    SignalKeyDatabase fenced = SignalKeyDatabase.open(url)) {
                fillUp();
                SignalKeyStore alice = database.forContext("alice");
                assertReadable(alice);
                SignalKeyStore late = fenced.forContext("alice");
                assertReadable(late);
                assertThatExceptionOfType(CommitFailedException.class)
                        .isThrownBy(() -> alice.put(KeyTypes.SESSION, "new", new byte[100_000]))
                        .withMessageContaining("free some space");

                tmpfs.remount("size=8m");
                alice.put(KeyTypes.SESSION, "new", VALUE);
                alice.put(KeyTypes.SESSION, "newer", VALUE);
                assertThat(alice.find(KeyTypes.SESSION, "new")).hasValue(VALUE);
                assertThatExceptionOfType(OwnershipLostException.class)
                        .isThrownBy(() -> late.put(KeyTypes.SESSION, "new", new byte[1]));
                fenced.takeOver("alice").put(KeyTypes.SESSION, "newest", VALUE);
                assertThatExceptionOfType(OwnershipLostException.class)
                        .isThrownBy(() -> alice.put(KeyTypes.SESSION, "new", new byte[1]));
            }
            try (JdbcBackend backend = SqliteFixture.open(path)) {
                assertThat(backend.list("alice").map(EntryId::id)).contains("new", "newer", "newest");
                assertThat(backend.load("alice", "session", "new").orElseThrow())
                        .hasSizeGreaterThan(VALUE.length);
            }
        }
    }

    private void fillUp() throws IOException {
        try {
            byte[] page = new byte[4096];
            while (true) {
                Files.write(folder.resolve("rest"), page, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
            }
        } catch (IOException e) {
            assertThat(e).hasMessageContaining("No space left");
        }
    }

    @Test
    @DisplayName("a file with a second name is refused with a remedy, and opened after the second name is deleted")
    void hardLink() throws Exception {
        fill(path);
        Path second = Files.createLink(folder.resolve("second.db"), path);
        for (Path name : new Path[] {path, second}) {
            assertThatExceptionOfType(StoreOpenException.class)
                    .isThrownBy(() -> SqliteFixture.open(name))
                    .withMessageContaining(name + ": could not open: it is one of 2 names (hard links)")
                    .withMessageContaining("delete all names except the one that is in use");
        }
        Files.delete(second);
        Files.createSymbolicLink(second, path);
        try (SignalKeyDatabase database = SignalKeyDatabase.open("jdbc:sqlite:" + second)) {
            assertReadable(database.forContext("alice"));
        }
    }
}
