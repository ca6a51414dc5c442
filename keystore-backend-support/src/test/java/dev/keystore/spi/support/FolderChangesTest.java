package dev.keystore.spi.support;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.keystore.spi.support.FolderChanges.State;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FolderChangesTest {

    @TempDir
    Path parent;

    @Nested
    class Changes {

        private Path folder;
        private Path file;
        private FolderChanges changes;
        private State before;

        @BeforeEach
        void create() throws Exception {
            folder = Files.createDirectory(parent.resolve("store"));
            file = Files.writeString(folder.resolve("keys.db"), "a");
            changes = new FolderChanges(folder);
            before = settled();
            assumeTrue(before != null, "a file system without multigrain times");
        }

        /** Returns the state when the last change is no longer recent. */
        private @Nullable State settled() throws InterruptedException {
            Thread.sleep(250);
            return changes.state();
        }

        private void assertChanged() throws InterruptedException {
            assertThat(isUnchanged(changes.state())).isFalse();
            assertThat(isUnchanged(settled())).isFalse();
        }

        /** Compares the attributes, however much time has passed. */
        private boolean isUnchanged(@Nullable State state) {
            return state != null
                    && new State(state.attributes(), 0).isUnchangedSince(new State(before.attributes(), 0));
        }

        @Test
        void state_ofAFolder_identifiesIt() throws Exception {
            Object key = Files.readAttributes(folder, BasicFileAttributes.class).fileKey();
            assertThat(before.attributes()).containsEntry("fileKey", key);
        }

        @Test
        void state_rightAfterAChange_isUnknown() {
            assertThat(IntStream.range(0, 10))
                    .as("one is read within 200 ms of the change, even on a busy machine")
                    .anyMatch(n -> {
                        createFile(folder.resolve("other-" + n));
                        return changes.state() == null;
                    });
        }

        private static void createFile(Path file) {
            try {
                Files.createFile(file);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Test
        void writes_changeNothing() throws Exception {
            Files.writeString(file, "bc");
            Files.writeString(parent.resolve("other"), "");
            assertThat(isUnchanged(changes.state())).isTrue();
        }

        @Test
        void fileRemoved_changes() throws Exception {
            Files.delete(file);
            assertChanged();
        }

        @Test
        void fileReplaced_changes() throws Exception {
            Files.move(Files.writeString(parent.resolve("other"), "a"), file, StandardCopyOption.REPLACE_EXISTING);
            assertChanged();
        }

        @Test
        void fileReplacedAndTimeOfTheFolderRestored_changes() throws Exception {
            FileTime time = Files.getLastModifiedTime(folder);
            Files.move(Files.writeString(parent.resolve("other"), "a"), file, StandardCopyOption.REPLACE_EXISTING);
            Files.setLastModifiedTime(folder, time);
            assertChanged();
        }

        @Test
        void folderMoved_changes() throws Exception {
            Files.move(folder, parent.resolve("moved"));
            assertChanged();
            Files.createDirectory(folder);
            assertChanged();
        }
    }

    @Test
    void state_missingFolder_isUnknown() throws IOException {
        Path folder = Files.createDirectory(parent.resolve("store"));
        Files.delete(folder);
        assertThat(new FolderChanges(folder).state()).isNull();
    }

    @ParameterizedTest
    @CsvSource({"btrfs, true", "ext4, true", "tmpfs, true", "xfs, true", "ext3, false", "nfs4, false", "overlay, false"
    })
    void isMultigrain(String type, boolean multigrain) {
        assertThat(FolderChanges.isMultigrain(type)).isEqualTo(multigrain);
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void state_fileSystemOfAnotherType_isUnknown() {
        assertThat(new FolderChanges(Path.of("/proc")).state()).isNull();
    }

    @Test
    void isUnchangedSince_otherFolder_isFalse() {
        State earlier = new State(Map.of("fileKey", 1, "ctime", FileTime.fromMillis(1)), 5);
        State other = new State(Map.of("fileKey", 2, "ctime", FileTime.fromMillis(1)), 6);
        assertThat(other.isUnchangedSince(earlier)).isFalse();
    }

    @Test
    void isUnchangedSince_none_isFalse() {
        assertThat(new State(Map.of(), 0).isUnchangedSince(null)).isFalse();
    }

    @Test
    void isUnchangedSince_aSecondOrMore_isFalse() {
        State earlier = new State(Map.of("ctime", FileTime.fromMillis(1)), 5);
        assertThat(new State(Map.of("ctime", FileTime.fromMillis(1)), 1_000_000_004).isUnchangedSince(earlier))
                .isTrue();
        assertThat(new State(Map.of("ctime", FileTime.fromMillis(1)), 1_000_000_005).isUnchangedSince(earlier))
                .isFalse();
        assertThat(new State(Map.of("ctime", FileTime.fromMillis(2)), 6).isUnchangedSince(earlier))
                .isFalse();
    }

    @ParameterizedTest(name = "a change at {0} ns, at {1} ms: {2}")
    @CsvSource({
        "5_000_000_001, 5_200, false",
        "5_000_000_001, 5_201, true",
        "5_000_000_000, 5_201, false",
        "5_000_000_000, 9_000_000, false",
        "5_000_000_001, 4_000, false",
    })
    void isSettled(String changedNanos, String nowMillis, boolean settled) {
        FileTime changed = FileTime.from(Long.parseLong(changedNanos.replace("_", "")), TimeUnit.NANOSECONDS);
        assertThat(FolderChanges.isSettled(changed, Long.parseLong(nowMillis.replace("_", ""))))
                .isEqualTo(settled);
    }
}
