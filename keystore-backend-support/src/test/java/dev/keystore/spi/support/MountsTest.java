package dev.keystore.spi.support;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MountsTest {

    @TempDir
    Path folder;

    @Test
    @DisplayName("the table of mount points is read with its escapes")
    void points_ofTable() throws Exception {
        Path table = Files.writeString(folder.resolve("mountinfo"), """
                22 27 0:21 / /proc rw,relatime - proc proc rw
                27 1 254:0 / /data/folder rw,relatime shared:1 - ext4 /dev/vda rw
                28 1 254:0 /var/k.db /data/my\\040keys\\134\\011.db rw,relatime - ext4 /dev/vda rw
                29 1 254:0 /var/k.db//deleted /data/ü.db rw,relatime - ext4 /dev/vda rw
                """);
        assertThat(Mounts.points(table))
                .containsExactlyInAnyOrder("/proc", "/data/folder", "/data/my keys\\\t.db", "/data/ü.db");
    }

    @Test
    @DisplayName("a file is on the device of its folder, and the root is a mount point where the system lists them")
    void points_ofSystem() throws Exception {
        Path file = Files.createFile(folder.resolve("file"));
        assertThat(Mounts.areOnSameDevice(file, file)).isTrue();
        Mounts.points().ifPresent(points -> assertThat(points).contains("/"));
    }
}
