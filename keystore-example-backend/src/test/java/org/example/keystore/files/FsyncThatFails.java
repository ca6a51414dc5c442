package org.example.keystore.files;

import dev.keystore.spi.BackendException;
import dev.keystore.spi.ContextAwareBackend;
import java.nio.file.Path;

/** A process that saves an entry and deletes it twice. The first fsync of the context's folder after the save fails. */
final class FsyncThatFails {

    private FsyncThatFails() {}

    public static void main(String[] arguments) {
        try (ContextAwareBackend backend = (ContextAwareBackend) Child.open(Path.of(arguments[0]))) {
            backend.save("alice", "session", "bob", new byte[] {1});
            print("first", () -> backend.delete("alice", "session", "bob"));
            print("second", () -> backend.delete("alice", "session", "bob"));
            print("other", () -> backend.save("carol", "session", "bob", new byte[] {1}));
            print("read", () -> backend.load("alice", "session", "bob"));
        }
    }

    private static void print(String call, Runnable action) {
        try {
            action.run();
            System.out.println(call + ": done");
        } catch (BackendException e) {
            System.out.println(call + ": " + e.kind() + " " + e.getMessage());
        }
    }
}
