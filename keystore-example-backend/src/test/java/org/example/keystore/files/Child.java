package org.example.keystore.files;

import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.ContextAwareBackend;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Map;

/**
 * A process that opens a store and saves 1, 2, 3, … to one entry until it is killed. It prints each acknowledged
 * number.
 */
final class Child implements AutoCloseable {

    static final int VALUE_BYTES = 64 * 1024;

    private final Process process;
    private final BufferedReader output;

    private Child(Process process) {
        this.process = process;
        this.output = process.inputReader();
    }

    static Child start(Path folder) throws IOException {
        return new Child(new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xint",
                        "-classpath",
                        System.getProperty("java.class.path"),
                        Child.class.getName(),
                        folder.toString())
                .redirectErrorStream(true)
                .start());
    }

    public static void main(String[] arguments) {
        try (Backend backend = open(Path.of(arguments[0]))) {
            for (int number = 1; ; number++) {
                ((ContextAwareBackend) backend).save("alice", "session", "bob", value(number));
                System.out.println(number);
            }
        } catch (RuntimeException e) {
            System.out.println(e.getMessage());
        }
    }

    static Backend open(Path folder) {
        return new FileBackendProvider().open(new BackendConfig("files:" + folder, Map.of()));
    }

    static byte[] value(int number) {
        ByteBuffer value = ByteBuffer.allocate(VALUE_BYTES);
        while (value.hasRemaining()) {
            value.putInt(number);
        }
        return value.array();
    }

    String nextLine() throws IOException {
        return output.readLine();
    }

    /** Kills the process, and returns the last number that it has acknowledged. */
    int kill(int acknowledged) throws Exception {
        // The handle leaves the output open, which the process itself would close.
        process.toHandle().destroyForcibly();
        int last = acknowledged;
        for (String line = nextLine(); line != null; line = nextLine()) {
            last = Integer.parseInt(line);
        }
        process.waitFor();
        return last;
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
