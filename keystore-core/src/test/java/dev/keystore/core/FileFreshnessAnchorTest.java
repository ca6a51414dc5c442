package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.spi.BackendException;
import dev.keystore.spi.FreshnessAnchor.Replacement;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.FutureTask;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class FileFreshnessAnchorTest {

    @TempDir
    private Path folder;

    private FileFreshnessAnchor anchor() {
        return FileFreshnessAnchor.at(folder.resolve("anchor"));
    }

    private static Replacement put(String key, String expected, String next) {
        return new Replacement(key, expected == null ? null : bytes(expected), bytes(next));
    }

    private static String text(Map<String, byte[]> records, String key) {
        return new String(records.get(key), StandardCharsets.UTF_8);
    }

    @Test
    @DisplayName("R82 a record is replaced only if it is the expected one, also by another object on the same file")
    void replace_expected_isCompared() {
        FileFreshnessAnchor first = anchor();
        FileFreshnessAnchor second = anchor();
        assertThat(first.load(List.of("a"))).isEmpty();
        assertThat(first.replace(List.of(put("a", null, "1"), put("b", null, "1"))))
                .isEmpty();
        assertThat(second.replace(List.of(put("a", null, "2"), put("b", "1", "2"))))
                .containsExactly("a");

        Map<String, byte[]> found = first.load(List.of("a", "b", "c"));
        assertThat(found).containsOnlyKeys("a", "b");
        assertThat(text(found, "a")).isEqualTo("1");
        assertThat(text(found, "b")).isEqualTo("2");
    }

    @Test
    @DisplayName("R82 only the owner can access the files, and no temporary file is left")
    void replace_files_areOwnersOnly() throws IOException {
        anchor().replace(List.of(put("a", null, "1")));
        anchor().replace(List.of(put("a", "1", "2")));

        try (Stream<Path> files = Files.list(folder)) {
            assertThat(files)
                    .extracting(file -> file.getFileName().toString())
                    .containsExactlyInAnyOrder("anchor", "anchor.lock");
        }
        for (String file : List.of("anchor", "anchor.lock")) {
            assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve(file))))
                    .isEqualTo("rw-------");
        }
    }

    @Test
    @DisplayName("R82 a folder that does not exist is an error, and is not created")
    void folder_missing_isRefused() {
        FileFreshnessAnchor unmounted = FileFreshnessAnchor.at(folder.resolve("volume/anchor"));

        assertThatThrownBy(() -> unmounted.load(List.of()))
                .isInstanceOf(BackendException.class)
                .hasMessageContaining("volume/anchor")
                .hasMessageContaining("mount");
        assertThatThrownBy(() -> unmounted.replace(List.of(put("a", null, "1"))))
                .isInstanceOf(BackendException.class);
        assertThat(folder.resolve("volume")).doesNotExist();
    }

    @Test
    @DisplayName("R82 a symbolic link is followed: the anchor stays on the volume that it leads to")
    void at_symbolicLink_isFollowed() throws IOException {
        Path volume = Files.createDirectory(folder.resolve("volume"));
        Path file = volume.resolve("anchor");
        Path link = Files.createSymbolicLink(folder.resolve("link"), file);
        Path ofFolder = Files.createSymbolicLink(folder.resolve("folder"), volume);

        for (int i = 0; i < 2; i++) {
            FileFreshnessAnchor.at(link).replace(List.of(put("a", i == 0 ? null : "1", i == 0 ? "1" : "2")));
        }

        assertThat(link).isSymbolicLink();
        assertThat(file).isRegularFile();
        FileFreshnessAnchor other = FileFreshnessAnchor.at(ofFolder.resolve("anchor"));
        assertThat(text(other.load(List.of("a")), "a")).isEqualTo("2");
        assertThat(other.replace(List.of(put("a", "2", "3")))).isEmpty();
        assertThat(text(FileFreshnessAnchor.at(file).load(List.of("a")), "a")).isEqualTo("3");
    }

    @Test
    @DisplayName("R82 a symbolic link to a volume that is not mounted, or to itself, is no new anchor")
    void at_symbolicLinkToNothing_isRefused() throws IOException {
        Path unmounted = Files.createSymbolicLink(folder.resolve("link"), folder.resolve("volume/anchor"));
        Path loop = Files.createSymbolicLink(folder.resolve("loop"), folder.resolve("loop"));
        for (Path link : List.of(unmounted, loop)) {
            FileFreshnessAnchor anchor = FileFreshnessAnchor.at(link);
            assertThatThrownBy(() -> anchor.load(List.of())).isInstanceOf(BackendException.class);
            assertThatThrownBy(() -> anchor.replace(List.of(put("a", null, "1"))))
                    .isInstanceOf(BackendException.class);
            assertThat(link).isSymbolicLink();
        }
    }

    @Test
    @DisplayName("R82 a damaged file, each byte of it, and a file of another kind are errors")
    void file_damaged_isRefused() throws IOException {
        anchor().replace(List.of(put("a", null, "1"), put("b", null, "2")));
        Path file = folder.resolve("anchor");
        byte[] intact = Files.readAllBytes(file);
        for (int at = 0; at < intact.length; at++) {
            byte[] damaged = intact.clone();
            damaged[at] ^= 1;
            Files.write(file, damaged);
            assertThatThrownBy(() -> anchor().load(List.of("a"))).isInstanceOf(BackendException.class);
        }
        for (int length = 0; length < intact.length; length++) {
            Files.write(file, Arrays.copyOf(intact, length));
            assertThatThrownBy(() -> anchor().load(List.of("a"))).isInstanceOf(BackendException.class);
        }
        Files.write(file, intact);
        assertThat(anchor().load(List.of("a"))).hasSize(1);
    }

    @Test
    @DisplayName("R82 a write that fails changes nothing, and the next one succeeds")
    void replace_fails_changesNothing() throws IOException {
        anchor().replace(List.of(put("a", null, "1")));
        Path obstacle = Files.createDirectories(folder.resolve("anchor.new/full"));
        assertThatThrownBy(() -> anchor().replace(List.of(put("a", "1", "2"))))
                .isInstanceOf(BackendException.class)
                .hasMessageContaining("could not write");
        assertThat(text(anchor().load(List.of("a")), "a")).isEqualTo("1");
        Files.delete(obstacle);
        Files.delete(obstacle.getParent());

        assertThat(anchor().replace(List.of(put("a", "1", "2")))).isEmpty();
        assertThat(text(anchor().load(List.of("a")), "a")).isEqualTo("2");
    }

    @Test
    @DisplayName("R82 writers on several threads lose no update")
    void replace_concurrently_losesNothing() throws InterruptedException {
        List<Thread> threads = IntStream.range(0, 4)
                .mapToObj(i -> new Thread(() -> {
                    FileFreshnessAnchor own = anchor();
                    for (int n = 0; n < 10; n++) {
                        byte[] now = own.load(List.of("counter")).get("counter");
                        byte next = (byte) (now == null ? 1 : now[0] + 1);
                        Replacement raise = new Replacement("counter", now, new byte[] {next});
                        n -= own.replace(List.of(raise)).isEmpty() ? 0 : 1;
                    }
                }))
                .toList();
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        assertThat(anchor().load(List.of("counter")).get("counter")).containsExactly(40);
    }

    @Test
    @DisplayName("R82 R27 a write waits while another class loader of the process writes, and then succeeds")
    void replace_lockedInProcess_waits() throws Exception {
        FutureTask<Set<String>> write = new FutureTask<>(() -> anchor().replace(List.of(put("a", null, "1"))));
        Thread writer = new Thread(write);
        try (FileChannel other = openLockFile();
                FileLock held = other.lock()) {
            writer.start();
            while (writer.getState() != Thread.State.TIMED_WAITING && !write.isDone()) {
                Thread.onSpinWait();
            }
            assertThat(write.isDone()).isFalse();
            assertThat(held.isValid()).isTrue();
        }

        assertThat(write.get()).isEmpty();
        assertThat(text(anchor().load(List.of("a")), "a")).isEqualTo("1");
    }

    @Test
    @DisplayName("R82 R27 a write fails if another class loader of the process writes for longer than the timeout")
    void replace_lockedInProcess_failsAtDeadline() throws IOException {
        FileFreshnessAnchor anchor = new FileFreshnessAnchor(folder.resolve("anchor"), Duration.ofMillis(20));
        try (FileChannel other = openLockFile();
                FileLock held = other.lock()) {
            assertThatThrownBy(() -> anchor.replace(List.of(put("a", null, "1"))))
                    .isInstanceOf(BackendException.class)
                    .hasMessageContainingAll(folder.resolve("anchor").toString(), "could not write", "20 ms");
            assertThat(held.isValid()).isTrue();
        }

        assertThat(anchor.replace(List.of(put("a", null, "1")))).isEmpty();
    }

    /** Opens a lock file as another class loader's anchor does, which does not share the locks within the process. */
    private FileChannel openLockFile() throws IOException {
        return FileChannel.open(folder.resolve("anchor.lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    }

    @Test
    @DisplayName("R82 the properties name a file or another database, and unknown ones are refused")
    void properties_areParsed() {
        assertThat(AnchorLocator.find(Map.of("a", "b"))).isNull();
        assertThat(AnchorLocator.find(Map.of("freshness.anchor", "file:" + folder.resolve("anchor"))))
                .isInstanceOf(FileFreshnessAnchor.class);
        assertThatThrownBy(() -> AnchorLocator.find(Map.of("freshness.other", "x")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("freshness.other");
        assertThatThrownBy(() -> AnchorLocator.find(
                        Map.of("freshness.anchor", "jdbc:x:", "freshness.anchor.password", "pw-in-property")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("freshness.anchor.password", "env:", "file:")
                .hasMessageNotContaining("pw-in-property");
        assertThatThrownBy(() -> AnchorLocator.find(
                        Map.of("freshness.anchor", "file:anchor", "freshness.anchor.password", "env:PATH")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("anchor in a database");
        assertThatThrownBy(() -> AnchorLocator.acceptsLost(Map.of("freshness.anchorLost", "yes")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("accept");
        assertThat(AnchorLocator.withoutAnchor(Map.of("freshness.anchor", "x", "a", "b")))
                .containsExactly(Map.entry("a", "b"));
    }
}
