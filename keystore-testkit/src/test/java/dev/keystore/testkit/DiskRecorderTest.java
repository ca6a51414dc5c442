package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(120)
class DiskRecorderTest {

    @TempDir
    private Path folder;

    @Test
    @DisplayName("replaying the recorded changes of a process reproduces its folder byte for byte")
    void read_replayed_isTheFolder() throws Exception {
        Optional<String> obstacle = DiskRecorder.obstacle(folder);
        Assumptions.assumeTrue(obstacle.isEmpty(), obstacle::toString);
        Path base = folder.toRealPath();
        Path store = Files.createDirectory(base.resolve("store"));
        RecordedFolder recorded = new RecordedFolder(new SimulatedDisk());

        run(base, store);
        DiskRecorder.read(base.resolve("trace"), base, Map.of("store", recorded));

        SimulatedDisk disk = SimulatedDisk.after(recorded.changes());
        assertThat(disk.cached().differenceTo(store)).isEmpty();
        assertThat(disk.cached().nodes().keySet())
                .containsExactly("appended", "folder", "folder/moved", "mapped", "positions", "second name");
        Path copy = Files.createDirectory(base.resolve("copy"));
        disk.cached().writeTo(copy);
        assertThat(disk.cached().differenceTo(copy)).isEmpty();
        Files.write(copy.resolve("positions"), new byte[] {1}, StandardOpenOption.WRITE);
        assertThat(disk.cached().differenceTo(copy)).contains("positions differs from the record at byte 0");
    }

    private static void run(Path base, Path store) throws Exception {
        Process process = new ProcessBuilder(DiskRecorder.traced(
                        base.resolve("trace"),
                        Optional.empty(),
                        List.of(
                                ChildCommand.java(),
                                "-cp",
                                ChildCommand.classPath(),
                                DiskRecorderTest.class.getName(),
                                store.toString())))
                .inheritIO()
                .start();
        assertThat(process.waitFor()).isZero();
    }

    /** Changes files with every recorded system call. */
    public static void main(String[] arguments) throws IOException {
        Path store = Path.of(arguments[0]);
        byte[] bytes = new byte[20_000];
        new Random(1).nextBytes(bytes);
        try (FileChannel channel = create(store.resolve("positions"))) {
            channel.write(ByteBuffer.wrap("\\\"\0001\n\t7".getBytes(StandardCharsets.ISO_8859_1)));
            channel.write(new ByteBuffer[] {ByteBuffer.wrap(bytes), ByteBuffer.wrap(new byte[5000])});
            channel.write(ByteBuffer.wrap(bytes), 40_001);
            channel.position(5).read(ByteBuffer.allocate(3));
            channel.write(ByteBuffer.wrap(new byte[] {7}));
            channel.truncate(50_000);
            channel.force(true);
            channel.write(ByteBuffer.wrap(bytes), 60_000);
        }
        Files.write(store.resolve("appended"), bytes);
        Files.write(store.resolve("appended"), bytes, StandardOpenOption.APPEND);
        Files.createDirectory(store.resolve("folder"));
        Files.write(store.resolve("new"), bytes);
        Files.move(store.resolve("new"), store.resolve("folder").resolve("moved"), StandardCopyOption.ATOMIC_MOVE);
        Files.createLink(store.resolve("second name"), store.resolve("appended"));
        Files.write(store.resolve("second name"), new byte[] {1, 2}, StandardOpenOption.WRITE);
        Files.write(store.resolve("deleted"), bytes);
        Files.delete(store.resolve("deleted"));
        Files.createDirectory(store.resolve("removed"));
        Files.delete(store.resolve("removed"));
        try (FileChannel channel = create(store.resolve("mapped"))) {
            channel.map(FileChannel.MapMode.READ_WRITE, 0, 8192).put(100, (byte) 1);
        }
    }

    private static FileChannel create(Path file) throws IOException {
        return FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE);
    }
}
