package dev.keystore.torture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyTypes;
import dev.keystore.StaleStoreException;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.torture.child.FreshnessChild;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Kills processes that use a store with a freshness anchor, and puts old copies of its files back. */
class FreshnessKilledTest {

    private static final int CONTEXTS = 3;

    /** The latest moment of a kill after the start, in milliseconds. */
    private static final int LONGEST_MILLIS = 1_500;

    private static final int COMMITS = 100_000;

    @TempDir
    private Path folder;

    private final long seed = Long.getLong("keystore.seed", System.nanoTime());
    private final Random random = new Random(seed);

    private String store(String scheme) {
        return scheme + ":" + folder.resolve("stores/store");
    }

    private String anchor(String scheme) throws IOException {
        Files.createDirectories(folder.resolve("anchor"));
        return scheme + ":" + folder.resolve("anchor/anchor");
    }

    private SignalKeyDatabase open(String scheme, String anchorScheme) throws IOException {
        return SignalKeyDatabase.builder()
                .url(store(scheme))
                .property("freshness.anchor", anchor(anchorScheme))
                .open();
    }

    private void run(String scheme, String anchorScheme, int commits, int millis)
            throws IOException, InterruptedException {
        run(scheme, anchorScheme, 0, commits, millis);
    }

    /**
     * Runs a process that commits; kills it after this time, unless it is negative.
     *
     * @param before how many commits it makes to each context before the time begins, after which it closes the store
     */
    private void run(String scheme, String anchorScheme, int before, int commits, int millis)
            throws IOException, InterruptedException {
        Path output = Files.createTempFile(folder, "child", ".txt");
        List<String> arguments =
                List.of(store(scheme), anchor(anchorScheme), Integer.toString(commits), Integer.toString(before));
        KillableJvm.run(FreshnessChild.class, arguments, output, "started", millis);
        Files.delete(output);
    }

    @ParameterizedTest
    @CsvSource({"jdbc:sqlite, file", "mapdb, jdbc:sqlite"})
    @Timeout(300)
    @DisplayName("R82 a kill at a random moment never makes a good store stale")
    void killed(String scheme, String anchorScheme) throws IOException, InterruptedException {
        killed(scheme, anchorScheme, Integer.getInteger("keystore.kills", 2));
    }

    @ParameterizedTest
    @CsvSource({"jdbc:sqlite, file", "mapdb, file", "jdbc:sqlite, jdbc:sqlite", "mapdb, jdbc:sqlite"})
    @Tag("long")
    @Timeout(1_800)
    @DisplayName("R82 200 kills at random moments never make a good store stale")
    void killedOften(String scheme, String anchorScheme) throws IOException, InterruptedException {
        killed(scheme, anchorScheme, Integer.getInteger("keystore.kills", 50));
    }

    private void killed(String scheme, String anchorScheme, int kills) throws IOException, InterruptedException {
        System.out.println(
                "FreshnessKilledTest from seed " + seed + " (keystore.seed), kills: " + kills + " (keystore.kills)");
        for (int kill = 1; kill <= kills; kill++) {
            run(scheme, anchorScheme, COMMITS, random.nextInt(LONGEST_MILLIS));
            if (random.nextInt(3) == 0) {
                // Otherwise the next process opens what the killed one has left.
                try (SignalKeyDatabase database = open(scheme, anchorScheme)) {
                    for (int i = 0; i < CONTEXTS; i++) {
                        database.forContext("account " + i);
                    }
                }
            }
        }
        run(scheme, anchorScheme, 10, -1);
    }

    @ParameterizedTest
    @CsvSource({"jdbc:sqlite, file, true", "mapdb, jdbc:sqlite, false"})
    @Timeout(120)
    @DisplayName(
            "R82 R83 an old copy of the files is refused after a clean close and after a kill, and a clone as well")
    void oldCopy(String scheme, String anchorScheme, boolean killed) throws IOException, InterruptedException {
        refuseOldCopy(scheme, anchorScheme, killed);
    }

    @ParameterizedTest
    @CsvSource({
        "jdbc:sqlite, file, false",
        "jdbc:sqlite, jdbc:sqlite, true",
        "mapdb, file, true",
        "mapdb, jdbc:sqlite, true"
    })
    @Tag("long")
    @Timeout(240)
    @DisplayName("R82 R83 the same with the other pairs of a store and an anchor")
    void oldCopy_otherPairs(String scheme, String anchorScheme, boolean killed)
            throws IOException, InterruptedException {
        refuseOldCopy(scheme, anchorScheme, killed);
    }

    private void refuseOldCopy(String scheme, String anchorScheme, boolean killed)
            throws IOException, InterruptedException {
        run(scheme, anchorScheme, 20, -1);
        copy("stores", "old");
        run(scheme, anchorScheme, 30, -1);
        copy("stores", "clone");
        run(scheme, anchorScheme, 30, killed ? COMMITS : 10, killed ? random.nextInt(LONGEST_MILLIS) : -1);
        copy("stores", "newest");

        copy("old", "stores");
        assertRefused(scheme, anchorScheme, false);
        copy("old", "stores");
        assertRefused(scheme, anchorScheme, false); // again, since nothing was changed

        copy("clone", "stores");
        writeWithoutAnchor(scheme);
        assertRefused(scheme, anchorScheme, true);

        copy("newest", "stores");
        run(scheme, anchorScheme, 5, -1);
    }

    private void writeWithoutAnchor(String scheme) {
        try (SignalKeyDatabase database = SignalKeyDatabase.open(store(scheme))) {
            for (int i = 0; i < COMMITS / 100; i++) {
                for (int context = 0; context < CONTEXTS; context++) {
                    database.forContext("account " + context).put(KeyTypes.SESSION, "bob.1", new byte[] {1});
                }
            }
        }
    }

    private void assertRefused(String scheme, String anchorScheme, boolean writtenCopy) throws IOException {
        try (SignalKeyDatabase database = open(scheme, anchorScheme)) {
            for (int i = 0; i < CONTEXTS; i++) {
                String context = "account " + i;
                assertThatThrownBy(() -> database.forContext(context))
                        .isInstanceOfSatisfying(StaleStoreException.class, e -> {
                            assertThat(e.context()).isEqualTo(context);
                            assertThat(e.isWrittenCopy()).isEqualTo(writtenCopy);
                            assertThat(e.missingCommits()).isPositive();
                            assertThat(e).hasMessageContaining("restore");
                        });
            }
        }
    }

    /** Replaces a folder by a copy of another one. */
    private void copy(String from, String to) throws IOException {
        Path source = folder.resolve(from);
        Path target = folder.resolve(to);
        if (Files.exists(target)) {
            try (Stream<Path> files = Files.walk(target)) {
                for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
                    Files.delete(file);
                }
            }
        }
        Files.walkFileTree(source, new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes)
                    throws IOException {
                Files.createDirectories(target.resolve(source.relativize(directory)));
                return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                Files.copy(file, target.resolve(source.relativize(file)), StandardCopyOption.COPY_ATTRIBUTES);
                return FileVisitResult.CONTINUE;
            }
        });
    }
}
