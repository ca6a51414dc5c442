package dev.keystore.torture;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.ContextMovedException;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.StoreOpenException;
import dev.keystore.core.BackupFailedException;
import dev.keystore.core.CopyReport;
import dev.keystore.core.CopyReport.Outcome;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreBackup;
import dev.keystore.core.StoreCopy;
import dev.keystore.testkit.Tmpfs;
import dev.keystore.torture.child.StoreTransferChild;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Kills processes that back up, restore or move a database, at random moments; and fills the disk of a backup. */
class StoreTransferKilledTest {

    private static final Urls URLS = new Urls();
    private static final int CONTEXTS = Integer.getInteger("keystore.contexts", 40);
    private static final int ENTRIES = Integer.getInteger("keystore.entries", 60);

    /** The latest moment of a kill after the start, in milliseconds. */
    private static final int LONGEST_MILLIS = Integer.getInteger("keystore.millis", 400);

    @TempDir
    private Path folder;

    private final long seed = Long.getLong("keystore.seed", System.nanoTime());
    private final Random random = new Random(seed);

    @AfterAll
    static void stopServer() throws IOException {
        URLS.close();
    }

    @ParameterizedTest
    @CsvSource("jdbc:sqlite, 2")
    @Timeout(300)
    @DisplayName("R80 a backup by another process, during writes of the owner, that is killed leaves the former backup")
    void backupKilled(String scheme, int kills) throws Exception {
        backupOften(scheme, kills(kills));
    }

    @ParameterizedTest
    @ValueSource(strings = {"jdbc:sqlite", "jdbc:postgresql"})
    @Tag("long")
    @Timeout(1200)
    @DisplayName("R80 backups by another process, during writes of the owner, that are killed leave the former backup")
    void backupKilledOften(String scheme) throws Exception {
        backupOften(scheme, kills(20));
    }

    @ParameterizedTest
    @CsvSource("jdbc:sqlite, 2")
    @Timeout(300)
    @DisplayName("R84 a restore that is killed leaves a store that is not opened, and continues")
    void restoreKilled(String scheme, int kills) throws Exception {
        restoreOften(scheme, kills(kills));
    }

    @ParameterizedTest
    @ValueSource(strings = {"jdbc:sqlite", "jdbc:postgresql"})
    @Tag("long")
    @Timeout(1200)
    @DisplayName("R84 restores that are killed leave stores that are not opened, and continue")
    void restoreKilledOften(String scheme) throws Exception {
        restoreOften(scheme, kills(20));
    }

    @ParameterizedTest
    @CsvSource({"jdbc:sqlite, mapdb, 1", "jdbc:sqlite, jdbc:postgresql, 1"})
    @Timeout(300)
    @DisplayName("R84 a move that is killed leaves no context in two places or in none, and continues")
    void moveKilled(String from, String to, int kills) throws Exception {
        moveOften(from, to, kills(kills));
    }

    @ParameterizedTest
    @CsvSource({
        "jdbc:sqlite, mapdb",
        "mapdb, jdbc:sqlite",
        "jdbc:sqlite, jdbc:sqlite",
        "jdbc:sqlite, jdbc:postgresql",
        "jdbc:postgresql, jdbc:sqlite",
        "jdbc:postgresql, jdbc:postgresql"
    })
    @Tag("long")
    @Timeout(1200)
    @DisplayName("R84 moves that are killed leave no context in two places or in none, and continue")
    void moveKilledOften(String from, String to) throws Exception {
        moveOften(from, to, kills(20));
    }

    private int kills(int kills) {
        int count = Integer.getInteger("keystore.kills", kills);
        System.out.println("StoreTransferKilledTest from seed " + seed + " (keystore.seed), kills: " + count
                + " (keystore.kills)");
        return count;
    }

    private void backupOften(String scheme, int kills) throws Exception {
        String url = URLS.create(scheme, folder.resolve("source"));
        Path file = Files.createDirectory(folder.resolve("backups")).resolve("keys.backup");
        fill(url);
        AtomicBoolean over = new AtomicBoolean();
        try (SignalKeyDatabase owner = SignalKeyDatabase.open(url)) {
            SignalKeyStore store = owner.forContext("context 0");
            Thread writer = new Thread(() -> {
                for (int i = 0; !over.get(); i++) {
                    byte[] value = value("pair", i);
                    store.useTransaction("k", tx -> {
                        tx.put(KeyTypes.SESSION, "a", value);
                        tx.put(KeyTypes.SESSION, "z", value);
                    });
                }
            });
            writer.start();
            try {
                for (int done = 0; done < kills; ) {
                    byte[] former = Files.exists(file) ? Files.readAllBytes(file) : null;
                    if (run("backup", url, file.toString(), random.nextInt(LONGEST_MILLIS))) {
                        done++;
                        if (former == null && Files.exists(file)) {
                            assertBackup(file);
                        } else if (former != null && !Arrays.equals(Files.readAllBytes(file), former)) {
                            assertBackup(file); // it was killed after it had ended
                        }
                    } else {
                        assertBackup(file);
                    }
                }
                run("backup", url, file.toString(), -1);
            } finally {
                over.set(true);
                writer.join();
            }
            store.put(KeyTypes.SESSION, "a", value("pair", -1)); // it still owns the context
        }
        assertBackup(file);
        try (Stream<Path> files = Files.list(file.getParent())) {
            assertThat(files).containsExactly(file);
        }
    }

    private static void assertBackup(Path file) {
        try (SignalKeyDatabase backup = SignalKeyDatabase.builder()
                .url("jdbc:sqlite:" + file)
                .readingBackup()
                .open()) {
            assertThat(backup.contexts()).hasSize(CONTEXTS);
            for (int context = 0; context < CONTEXTS; context++) {
                assertThat(backup.forContext("context " + context).verify()).isEmpty();
                assertFilled(backup, "context " + context);
            }
            SignalKeyStore store = backup.forContext("context 0");
            assertThat(store.find(KeyTypes.SESSION, "a").orElse(new byte[0]))
                    .isEqualTo(store.find(KeyTypes.SESSION, "z").orElse(new byte[0]));
        }
    }

    @Test
    @Timeout(60)
    @DisplayName("R80 a backup by another process under the name of one that is being written is refused")
    void backup_ofTwoProcesses_secondIsRefused() throws Exception {
        String url = "jdbc:sqlite:" + folder.resolve("source");
        Path file = Files.createDirectory(folder.resolve("backups")).resolve("keys.backup");
        Path output = folder.resolve("refused.txt");
        fill(url);
        try (SignalKeyDatabase source = SignalKeyDatabase.open(url)) {
            StoreBackup.of(source)
                    .to(file)
                    .listener(progress -> {
                        if (progress.contexts() == 1) {
                            runRefused(url, file, output);
                        }
                    })
                    .run();
        }
        assertThat(output).content().contains("another backup is being written");
        assertBackup(file);
        try (Stream<Path> files = Files.list(file.getParent())) {
            assertThat(files).containsExactly(file);
        }
    }

    private static void runRefused(String url, Path file, Path output) {
        try {
            KillableJvm.run(StoreTransferChild.class, List.of("backup-refused", url, file.toString()), output, -1);
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private void restoreOften(String scheme, int kills) throws Exception {
        Path file = folder.resolve("keys.backup");
        String source = "jdbc:sqlite:" + folder.resolve("source");
        fill(source);
        try (SignalKeyDatabase database = SignalKeyDatabase.open(source)) {
            StoreBackup.of(database).to(file).run();
        }
        String whole = "jdbc:sqlite:" + folder.resolve("whole");
        run("restore", file.toString(), whole, -1);
        int done = 0;
        for (int restore = 1; done < kills; restore++) {
            String target = URLS.create(scheme, folder.resolve("target" + restore));
            boolean ended = false;
            while (!ended && done < kills) {
                ended = !run("restore", file.toString(), target, random.nextInt(LONGEST_MILLIS));
                done += ended ? 0 : 1;
                if (!ended && holdsAll(target)) {
                    ended = true;
                }
            }
            if (!ended) {
                run("restore", file.toString(), target, -1);
            }
            assertThat(holdsAll(target)).isTrue();
            assertSame(whole, target);
        }
    }

    private static void assertSame(String one, String other) {
        try (SignalKeyDatabase expected = SignalKeyDatabase.open(one);
                SignalKeyDatabase found = SignalKeyDatabase.open(other)) {
            CopyReport compared = StoreCopy.from(expected).to(found).dryRun();
            assertThat(compared.contexts()).isEqualTo(Map.of(Outcome.ALREADY_THERE, (long) CONTEXTS));
        }
    }

    /** Returns whether a target was restored; if not, it is not opened, or holds nothing. */
    private static boolean holdsAll(String target) {
        SignalKeyDatabase opened;
        try {
            opened = SignalKeyDatabase.open(target);
        } catch (StoreOpenException e) {
            assertThat(e).hasMessageContaining("restore");
            return false;
        }
        try (opened) {
            if (opened.contexts().findAny().isEmpty()) {
                return false;
            }
            for (int context = 0; context < CONTEXTS; context++) {
                assertFilled(opened, "context " + context);
            }
            return true;
        }
    }

    private void moveOften(String from, String to, int kills) throws Exception {
        int done = 0;
        for (int move = 1; done < kills; move++) {
            String source = URLS.create(from, folder.resolve("source" + move));
            String target = URLS.create(to, folder.resolve("target" + move));
            fill(source);
            boolean ended = false;
            while (!ended && done < kills) {
                ended = !run("move", source, target, random.nextInt(LONGEST_MILLIS));
                done += ended ? 0 : 1;
                assertInOnePlace(source, target);
            }
            run("move", source, target, -1);
            assertThat(assertInOnePlace(source, target)).isEqualTo(CONTEXTS);
        }
    }

    /** Returns how many contexts were moved. Each is written, and thus not lost, in at most one of the stores. */
    private static int assertInOnePlace(String from, String to) {
        int moved = 0;
        try (SignalKeyDatabase source = SignalKeyDatabase.open(from);
                SignalKeyDatabase target = SignalKeyDatabase.open(to)) {
            for (int context = 0; context < CONTEXTS; context++) {
                String name = "context " + context;
                boolean inSource = isWritten(source, name);
                boolean inTarget = isWritten(target, name);
                assertThat(inSource && inTarget).as("%s in both", name).isFalse();
                moved += inTarget ? 1 : 0;
                if (!inSource && !inTarget) {
                    // between two commits of the move; it says so on both sides
                    assertThatThrownBy(() -> source.forContext(name)).isInstanceOf(ContextMovedException.class);
                    assertThatThrownBy(() -> target.forContext(name)).isInstanceOf(ContextMovedException.class);
                }
            }
        }
        return moved;
    }

    private static boolean isWritten(SignalKeyDatabase database, String context) {
        if (database.contexts().noneMatch(context::equals)) {
            return false;
        }
        try {
            assertFilled(database, context);
            database.forContext(context).saveCredentials(value(context, -1));
            return true;
        } catch (ContextMovedException e) {
            return false;
        }
    }

    @Test
    @Timeout(60)
    @DisplayName("R80 a backup on a full disk fails, and leaves the former backup and no other file")
    void diskFull() throws Exception {
        Path mount = Files.createDirectory(folder.resolve("disk"));
        Path file = mount.resolve("keys.backup");
        try (SignalKeyDatabase source = SignalKeyDatabase.open("jdbc:sqlite:" + folder.resolve("source"));
                Tmpfs disk = Tmpfs.mount(mount, "size=2m")) {
            SignalKeyStore alice = source.forContext("alice");
            alice.put(KeyTypes.SESSION, "bob.1", value("alice", 1));
            StoreBackup.of(source).to(file).run();
            byte[] former = Files.readAllBytes(file);
            byte[] large = new byte[4_000_000];
            random.nextBytes(large);
            alice.put(KeyTypes.SESSION, "large", large);

            assertThatThrownBy(StoreBackup.of(source).to(file).replacing()::run)
                    .isInstanceOf(BackupFailedException.class)
                    .hasMessageContaining("full");

            assertThat(Files.readAllBytes(file)).isEqualTo(former);
            try (Stream<Path> files = Files.list(disk.folder())) {
                assertThat(files).containsExactly(file);
            }
            alice.delete(KeyTypes.SESSION, "large");
            StoreBackup.of(source).to(file).replacing().run();
        }
    }

    private static void fill(String url) {
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url)) {
            for (int context = 0; context < CONTEXTS; context++) {
                String name = "context " + context;
                database.forContext(name).useTransaction("k", tx -> {
                    for (int i = 0; i < ENTRIES; i++) {
                        tx.put(KeyTypes.IDENTITY_KEY, "bob." + i, value(name, i));
                    }
                    tx.saveCredentials(name.getBytes(UTF_8));
                });
            }
        }
    }

    private static byte[] value(String context, int number) {
        return (context + "/" + number).getBytes(UTF_8);
    }

    /** Checks that a context holds each entry with its value. */
    private static void assertFilled(SignalKeyDatabase database, String context) {
        Map<String, String> expected = new HashMap<>();
        for (int i = 0; i < ENTRIES; i++) {
            expected.put("bob." + i, new String(value(context, i), UTF_8));
        }
        Map<String, String> found = new HashMap<>();
        database.forContext(context)
                .get(KeyTypes.IDENTITY_KEY, expected.keySet())
                .forEach((id, value) -> found.put(id, new String(value, UTF_8)));
        assertThat(found).isEqualTo(expected);
    }

    /**
     * Runs an operation in a process.
     *
     * @param millis kills it after this time, unless it is negative
     * @return whether it was killed before it ended
     */
    private boolean run(String operation, String source, String target, int millis)
            throws IOException, InterruptedException {
        Path output = Files.createTempFile(folder, "child", ".txt");
        return KillableJvm.run(StoreTransferChild.class, List.of(operation, source, target), output, millis);
    }
}
