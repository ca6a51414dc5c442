package dev.keystore.bench;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Adds a fixed time to each {@code fsync}, {@code fdatasync} and synchronous {@code msync} of a forked JVM, by a
 * preloaded library in C that is compiled at run time.
 *
 * @param folder where the library and a script for each delay are: the script starts this JVM's {@code java}
 */
record FsyncDelay(Path folder) {

    /** A file system in memory, where an fsync alone takes almost no time. */
    static final Path SHARED_MEMORY = Path.of("/dev/shm");

    private static final String COMPILER = "cc";
    private static final String SOURCE = "fsync-delay.c";
    private static final String LIBRARY = "fsync-delay.so";

    /** Returns why fsyncs can't be delayed on this machine; empty if they can. */
    static Optional<String> obstacle() {
        if (!System.getProperty("os.name").equals("Linux")) {
            return Optional.of("the system is not Linux");
        }
        if (!Files.isWritable(SHARED_MEMORY)) {
            return Optional.of(SHARED_MEMORY + " is not writable");
        }
        boolean hasCompiler = Stream.of(System.getenv().getOrDefault("PATH", "").split(File.pathSeparator))
                .anyMatch(path -> Files.isExecutable(Path.of(path, COMPILER)));
        return hasCompiler
                ? Optional.empty()
                : Optional.of("there is no C compiler named " + COMPILER + " in the PATH");
    }

    /**
     * Compiles the library.
     *
     * @throws IllegalStateException if the compiler refuses it; the message has its output
     */
    static FsyncDelay compile(Path folder, List<Integer> delaysMicros) throws IOException, InterruptedException {
        Files.createDirectories(folder);
        try (InputStream source = Objects.requireNonNull(FsyncDelay.class.getResourceAsStream(SOURCE), SOURCE)) {
            Files.copy(source, folder.resolve(SOURCE), StandardCopyOption.REPLACE_EXISTING);
        }
        Process compiler = new ProcessBuilder(COMPILER, "-O2", "-shared", "-fPIC", "-o", LIBRARY, SOURCE)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .start();
        String output = new String(compiler.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (compiler.waitFor() != 0) {
            throw new IllegalStateException(COMPILER + " failed to compile " + SOURCE + ": " + output);
        }
        FsyncDelay delay = new FsyncDelay(folder.toAbsolutePath());
        for (int micros : delaysMicros) {
            delay.writeScript(micros);
        }
        return delay;
    }

    private void writeScript(int micros) throws IOException {
        Files.writeString(jvm(micros), """
                #!/bin/sh
                FSYNC_DELAY_MICROS=%d LD_PRELOAD='%s' exec '%s' "$@"
                """.formatted(
                        micros, folder.resolve(LIBRARY), Path.of(System.getProperty("java.home"), "bin", "java")));
        Files.setPosixFilePermissions(jvm(micros), PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    /** Returns the command that starts a JVM with a delay. */
    Path jvm(int micros) {
        return folder.resolve("java-" + micros);
    }
}
