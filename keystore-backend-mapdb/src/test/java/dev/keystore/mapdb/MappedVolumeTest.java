package dev.keystore.mapdb;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** MapDB's file, mapped into memory. */
@Timeout(60)
class MappedVolumeTest {

    private static final int THREADS = 4;
    private static final int TIMES = 20;

    @TempDir
    private Path folder;

    @Test
    @DisplayName("R3 making room concurrently neither shrinks the file nor overwrites its contents")
    void ensureAvailable_byManyAtOnce_keepsWhatIsThere() throws Exception {
        MappedVolume volume = new MappedVolume(Files.createFile(folder.resolve("volume")));
        long slice = 4 << 20;
        try {
            for (int i = 0; i < TIMES; i++) {
                long length = volume.length();
                CyclicBarrier together = new CyclicBarrier(THREADS);
                List<FutureTask<Long>> growing = new ArrayList<>();
                for (int number = 1; number <= THREADS; number++) {
                    long wanted = length + 1 + slice * (number - 1) / 2;
                    FutureTask<Long> grow = new FutureTask<>(() -> {
                        together.await();
                        volume.ensureAvailable(wanted);
                        volume.putLong(wanted - 1, wanted);
                        return wanted;
                    });
                    new Thread(grow, "grow").start();
                    growing.add(grow);
                }
                for (FutureTask<Long> grow : growing) {
                    long wanted = grow.get();
                    assertThat(volume.length()).isGreaterThanOrEqualTo(wanted);
                    assertThat(volume.getLong(wanted - 1)).isEqualTo(wanted);
                }
            }
        } finally {
            volume.drop();
        }
    }
}
