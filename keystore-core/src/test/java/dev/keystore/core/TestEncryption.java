package dev.keystore.core;

import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Encryption under root keys that are deleted at the end of the tests. */
public final class TestEncryption {

    private TestEncryption() {}

    /** Creates encryption under a new root key. */
    public static Encryption create() {
        return Encryption.with(createKey());
    }

    static KeyFile createKey() {
        try {
            Path folder = Files.createTempDirectory("keystore-root-key");
            folder.toFile().deleteOnExit();
            Path file = folder.resolve("root.key");
            file.toFile().deleteOnExit();
            return KeyFile.create(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
