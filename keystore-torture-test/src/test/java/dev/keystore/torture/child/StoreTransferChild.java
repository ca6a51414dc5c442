package dev.keystore.torture.child;

import dev.keystore.core.BackupFailedException;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreBackup;
import dev.keystore.core.StoreMove;
import dev.keystore.core.StoreRestore;
import java.nio.file.Path;

/**
 * A process that backs a database up, restores a backup, or moves a database. It prints {@code start}, then the end; or
 * why a backup was refused.
 */
public final class StoreTransferChild {

    private StoreTransferChild() {}

    /** Runs with the operation, the URL of the source or the file of the backup, and that of the target. */
    public static void main(String[] args) {
        switch (args[0]) {
            case "backup" -> {
                try (SignalKeyDatabase source = SignalKeyDatabase.open(args[1])) {
                    print("start");
                    StoreBackup.of(source).to(Path.of(args[2])).replacing().run();
                }
            }
            case "backup-refused" -> {
                try (SignalKeyDatabase source = SignalKeyDatabase.open(args[1])) {
                    StoreBackup.of(source).to(Path.of(args[2])).run();
                } catch (BackupFailedException e) {
                    print(e.getMessage());
                }
            }
            case "restore" -> {
                try (SignalKeyDatabase backup = SignalKeyDatabase.builder()
                        .url("jdbc:sqlite:" + args[1])
                        .readingBackup()
                        .open()) {
                    print("start");
                    StoreRestore.from(backup)
                            .to(SignalKeyDatabase.builder().url(args[2]))
                            .run();
                }
            }
            case "move" -> {
                try (SignalKeyDatabase source = SignalKeyDatabase.open(args[1]);
                        SignalKeyDatabase target = SignalKeyDatabase.open(args[2])) {
                    print("start");
                    StoreMove.from(source).to(target, "the target").run();
                }
            }
            default -> throw new IllegalArgumentException(args[0]);
        }
        print("end");
    }

    private static void print(String line) {
        System.out.println(line);
        System.out.flush();
    }
}
