package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CrashTracerTest {

    @TempDir
    private Path folder;

    @Test
    @DisplayName("R63 without strace, the skip reason names the missing program")
    void obstacle_noStrace_isTheReason() throws Exception {
        assertThat(CrashTracer.obstacle("no-strace-here", folder))
                .hasValueSatisfying(reason -> assertThat(reason).startsWith("there is no no-strace-here: "));
    }

    @Test
    @DisplayName("the trace shows which call did not return, and its file by descriptor or by path")
    void lastCall_readsTheTrace() throws Exception {
        assertLastCall("fsync of keys.db-wal", "7 fsync(4</a/keys.db>) = 0", "8 fsync(5</a/keys.db-wal>)      = ?");
        assertLastCall(
                "pwrite64 of log", "8 pwrite64(5</a/log>, \"\"..., 4096, 0 <unfinished ...>", "7 fsync(4</a>) = 0");
        assertLastCall("rename of a.tmp", "8 rename(\"/b/a.tmp\", \"/b/a\" <unfinished ...>");
        assertLastCall("sync", "8 sync()       = ?");
        Path trace = Files.writeString(folder.resolve("trace"), "7 fsync(4</a/keys.db>) = 0\n");
        assertThat(CrashTracer.lastCall(trace)).isEmpty();
    }

    private void assertLastCall(String expected, String... lines) throws Exception {
        Path trace = Files.writeString(folder.resolve("trace"), String.join("\n", lines));
        assertThat(CrashTracer.lastCall(trace)).contains(expected);
    }
}
