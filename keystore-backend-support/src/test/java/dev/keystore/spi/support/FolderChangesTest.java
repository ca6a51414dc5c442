package dev.keystore.spi.support;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class FolderChangesTest {

    @TempDir
    Path parent;

    private Path folder;
    private Path file;
    private FolderChanges changes;

    @BeforeEach
    void create() throws IOException {
        assumeTrue(parent.getFileSystem().supportedFileAttributeViews().contains("unix"), "no attributes of that view");
        folder = Files.createDirectory(parent.resolve("store"));
        file = Files.writeString(folder.resolve("keys.db"), "a");
        changes = new FolderChanges(folder);
        recordInPlace();
    }

    /** Repeats it until the last change is so old that it is recorded. */
    private void recordInPlace() {
        while (!areInPlace()) {
            changes.recordInPlace(changes.state(), file);
        }
    }

    private boolean areInPlace() {
        return changes.areInPlace(changes.state());
    }

    @Test
    void areInPlace_afterWrites_isTrue() throws Exception {
        Files.writeString(file, "bc");
        Files.writeString(parent.resolve("other"), "");
        assertThat(areInPlace()).isTrue();
    }

    @Test
    void areInPlace_nothingRecorded_isFalse() {
        changes = new FolderChanges(folder);
        assertThat(areInPlace()).isFalse();
        assertThat(changes.areInPlace(null)).isFalse();
    }

    @Test
    void areInPlace_fileRemoved_isFalse() throws Exception {
        Files.delete(file);
        assertThat(areInPlace()).isFalse();
    }

    @Test
    void areInPlace_fileReplaced_isFalse() throws Exception {
        Path other = Files.writeString(parent.resolve("other"), "a");
        Files.move(other, file, StandardCopyOption.REPLACE_EXISTING);
        assertThat(areInPlace()).isFalse();
    }

    @Test
    void areInPlace_fileReplacedAndTimeOfTheFolderRestored_isFalse() throws Exception {
        FileTime time = Files.getLastModifiedTime(folder);
        Files.move(Files.writeString(parent.resolve("other"), "a"), file, StandardCopyOption.REPLACE_EXISTING);
        Files.setLastModifiedTime(folder, time);
        assertThat(areInPlace()).isFalse();
    }

    @Test
    void areInPlace_folderMoved_isFalse() throws Exception {
        Files.move(folder, parent.resolve("moved"));
        assertThat(changes.state()).isNull();
        assertThat(areInPlace()).isFalse();
        Files.createDirectory(folder);
        assertThat(areInPlace()).isFalse();
    }

    @Test
    void recordInPlace_lastChangeIsRecent_hasNoEffect() throws Exception {
        for (int n = 0; n < 100; n++) {
            Files.delete(file);
            Files.writeString(file, "a");
            long changed = Files.getLastModifiedTime(folder).toMillis();
            changes.recordInPlace(changes.state(), file);
            boolean recorded = areInPlace();
            if (System.currentTimeMillis() - changed <= 10) {
                assertThat(recorded).isFalse();
            }
        }
    }

    @Test
    void recordInPlace_timesInWholeSeconds_takesLonger() {
        Object whole = state(FileTime.fromMillis(System.currentTimeMillis() / 1_000 * 1_000 - 1_000));
        changes.recordInPlace(whole, file);
        assertThat(changes.areInPlace(whole)).isFalse();
        Object old = state(FileTime.fromMillis(System.currentTimeMillis() / 1_000 * 1_000 - 4_000));
        changes.recordInPlace(old, file);
        assertThat(changes.areInPlace(old)).isTrue();
    }

    @Test
    void recordInPlace_timeInTheFuture_hasNoEffect() {
        Object state = state(FileTime.fromMillis(System.currentTimeMillis() + 60_000));
        changes.recordInPlace(state, file);
        assertThat(changes.areInPlace(state)).isFalse();
    }

    private static Object state(FileTime changed) {
        return Map.of("fileKey", "a folder", "ctime", changed);
    }

    @Test
    void recordInPlace_symbolicLink_hasNoEffect() throws Exception {
        Path target = parent.resolve("target");
        Files.move(file, target);
        Files.createSymbolicLink(file, target);
        assertThat(Files.exists(file, LinkOption.NOFOLLOW_LINKS)).isTrue();
        Object state = state(FileTime.fromMillis(1));
        changes.recordInPlace(state, file);
        assertThat(changes.areInPlace(state)).isFalse();
    }
}
