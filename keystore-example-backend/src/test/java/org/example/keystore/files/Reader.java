package org.example.keystore.files;

import dev.keystore.spi.ContextAwareBackend;
import java.nio.file.Path;

/** A process that opens a store and loads one entry. */
final class Reader {

    private Reader() {}

    public static void main(String[] arguments) {
        try (ContextAwareBackend backend = (ContextAwareBackend) Child.open(Path.of(arguments[0]))) {
            System.out.println(backend.load("alice", "session", "bob").isPresent());
        }
    }
}
