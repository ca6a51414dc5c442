package org.example.keystore.files;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.keystore.EntryId;
import dev.keystore.StoreOpenException;
import dev.keystore.spi.ContextAwareBackend;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class CrashTest {

    private static final int KILLS = 10;

    @TempDir
    private Path folder;

    @Test
    @DisplayName("R11 acknowledged entries survive kill -9, and no temporary file is left")
    void kill_whileSaving_keepsWhatWasAcknowledged() throws Exception {
        for (int i = 0; i < KILLS; i++) {
            int acknowledged;
            try (Child child = Child.start(folder)) {
                int first = Integer.parseInt(child.nextLine());
                acknowledged = child.kill(first);
            }
            try (ContextAwareBackend backend = (ContextAwareBackend) Child.open(folder)) {
                byte[] value = backend.load("alice", "session", "bob").orElseThrow();
                int number = ByteBuffer.wrap(value).getInt();
                assertThat(number).isBetween(acknowledged, acknowledged + 1);
                assertThat(value).isEqualTo(Child.value(number));
                assertThat(folder.resolve("temporary")).isEmptyDirectory();
            }
        }
    }

    @Test
    @DisplayName("a temporary file that a crash left is removed at opening, and is not an entry")
    void open_withLeftovers_removesThem() throws Exception {
        try (ContextAwareBackend backend = (ContextAwareBackend) Child.open(folder)) {
            backend.save("alice", "session", "bob", new byte[] {1});
        }
        byte[] header = new EntryName("alice", "session", "bob").header();
        Files.write(folder.resolve("temporary").resolve("1"), header);
        Files.write(folder.resolve("temporary").resolve("7"), new byte[] {0});

        try (ContextAwareBackend backend = (ContextAwareBackend) Child.open(folder);
                Stream<EntryId> listed = backend.list("alice")) {
            assertThat(folder.resolve("temporary")).isEmptyDirectory();
            assertThat(listed).containsExactly(new EntryId("session", "bob"));
            assertThat(backend.load("alice", "session", "bob")).contains(new byte[] {1});
        }
    }

    @Test
    @DisplayName("a folder whose creation a crash cut short becomes a store")
    void open_halfMade_makesTheRest() throws Exception {
        Files.writeString(folder.resolve("lock"), "");
        Files.writeString(folder.resolve("format.new"), "keystore-ex");

        try (ContextAwareBackend backend = (ContextAwareBackend) Child.open(folder)) {
            backend.save("alice", "session", "bob", new byte[] {1});
            assertThat(folder.resolve("format.new")).doesNotExist();
        }
    }

    @Test
    @DisplayName("R53 a second process is refused, even after a second opener in the first process was refused")
    void open_whileAnotherProcessHasIt_isRefused() throws Exception {
        try (ContextAwareBackend backend = (ContextAwareBackend) Child.open(folder)) {
            assertThatExceptionOfType(StoreOpenException.class)
                    .isThrownBy(() -> Child.open(folder.resolve(".")))
                    .withMessageContaining("already open in this process");
            try (Child child = Child.start(folder)) {
                assertThat(child.nextLine())
                        .contains("is open in another process, by process "
                                + ProcessHandle.current().pid());
            }
            backend.save("alice", "session", "bob", new byte[] {1});
        }
        try (Child child = Child.start(folder)) {
            assertThat(child.nextLine()).isEqualTo("1");
            assertThatExceptionOfType(StoreOpenException.class)
                    .isThrownBy(() -> Child.open(folder))
                    .withMessageContaining("open in another process");
        }
    }
}
