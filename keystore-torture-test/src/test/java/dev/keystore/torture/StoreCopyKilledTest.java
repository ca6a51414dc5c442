package dev.keystore.torture;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.CopyReport;
import dev.keystore.core.CopyReport.Outcome;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreCopy;
import dev.keystore.encryption.KeyFile;
import dev.keystore.torture.child.StoreCopyChild;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Kills processes that copy a database, at random moments. */
class StoreCopyKilledTest {

    private static final Urls URLS = new Urls();
    private static final int CONTEXTS = Integer.getInteger("keystore.contexts", 60);
    private static final int ENTRIES = Integer.getInteger("keystore.entries", 100);

    /** The latest moment of a kill after the start, in milliseconds. */
    private static final int LONGEST_MILLIS = Integer.getInteger("keystore.millis", 500);

    @TempDir
    private Path folder;

    private final long seed = Long.getLong("keystore.seed", System.nanoTime());
    private final Random random = new Random(seed);

    @AfterAll
    static void stopServer() throws IOException {
        URLS.close();
    }

    @ParameterizedTest
    @CsvSource({"jdbc:sqlite, mapdb, false, 1", "mapdb, jdbc:sqlite, true, 1", "jdbc:sqlite, jdbc:postgresql, true, 1"})
    @Timeout(300)
    @DisplayName("R90 a copy that is killed leaves each context whole or absent, and continues until it is complete")
    void killed(String from, String to, boolean encrypted, int kills) throws Exception {
        copyOften(from, to, encrypted, Integer.getInteger("keystore.kills", kills));
    }

    @ParameterizedTest
    @CsvSource({
        "jdbc:sqlite, mapdb, true",
        "mapdb, jdbc:sqlite, false",
        "jdbc:sqlite, jdbc:sqlite, false",
        "jdbc:sqlite, jdbc:postgresql, false",
        "jdbc:postgresql, jdbc:sqlite, true"
    })
    @Tag("long")
    @Timeout(3600)
    @DisplayName("R90 copies that are killed many times leave each context whole or absent, and become complete")
    void killedOften(String from, String to, boolean encrypted) throws Exception {
        copyOften(from, to, encrypted, Integer.getInteger("keystore.kills", 20));
    }

    private void copyOften(String from, String to, boolean encrypted, int kills) throws Exception {
        System.out.println(
                "StoreCopyKilledTest from seed " + seed + " (keystore.seed), kills: " + kills + " (keystore.kills)");
        String source = URLS.create(from, folder.resolve("source"));
        fill(source);
        List<String> key = new ArrayList<>();
        if (encrypted) {
            KeyFile.create(folder.resolve("root.key"));
            key.add("key-file:" + folder.resolve("root.key"));
        }
        int done = 0;
        int resumed = 0;
        for (int copy = 1; done < kills; copy++) {
            String target = URLS.create(to, folder.resolve("target" + copy));
            int copied = 0;
            while (done < kills && run(source, target, key, random.nextInt(LONGEST_MILLIS))) {
                int now = assertWholeOrAbsent(source, target, key);
                assertThat(now).as("contexts after a kill").isGreaterThanOrEqualTo(copied);
                resumed += now > copied && now < CONTEXTS ? 1 : 0;
                copied = now;
                done++;
            }
            run(source, target, key, -1);
            assertThat(assertWholeOrAbsent(source, target, key)).isEqualTo(CONTEXTS);
        }
        System.out.println(from + " to " + to + ": killed: " + done + ", with contexts added and missing: " + resumed);
    }

    private static void fill(String url) {
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url)) {
            for (int context = 0; context < CONTEXTS; context++) {
                String name = "context " + context;
                database.forContext(name).useTransaction("k", tx -> {
                    for (int i = 0; i < ENTRIES; i++) {
                        tx.put(KeyTypes.SESSION, "bob." + i, (name + "/" + i).getBytes(UTF_8));
                    }
                    tx.saveCredentials(name.getBytes(UTF_8));
                });
            }
        }
    }

    /** Returns how many contexts the target holds; none of them differs from that of the source. */
    private static int assertWholeOrAbsent(String from, String to, List<String> key) {
        SignalKeyDatabase.Builder builder = SignalKeyDatabase.builder().url(to);
        key.forEach(each -> builder.property("encryption.key", each).property("encryption.names", "hidden"));
        try (SignalKeyDatabase source = SignalKeyDatabase.open(from);
                SignalKeyDatabase target = builder.open()) {
            CopyReport report = StoreCopy.from(source).to(target).dryRun();
            assertThat(report.notCopied()).isEmpty();
            assertThat(report.contexts(Outcome.COPIED) + report.contexts(Outcome.ALREADY_THERE))
                    .isEqualTo(CONTEXTS);
            for (int context = 0; context < CONTEXTS; context++) {
                SignalKeyStore store = target.forContext("context " + context);
                if (store.credentials().isPresent()) {
                    assertThat(store.get(KeyTypes.SESSION, ids())).hasSize(ENTRIES);
                    assertThat(store.verify()).isEmpty();
                }
            }
            return (int) report.contexts(Outcome.ALREADY_THERE);
        }
    }

    private static List<String> ids() {
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < ENTRIES; i++) {
            ids.add("bob." + i);
        }
        return ids;
    }

    /**
     * Copies in a process.
     *
     * @param millis kills it after this time, unless it is negative
     * @return whether it was killed before it ended
     */
    private boolean run(String source, String target, List<String> key, int millis)
            throws IOException, InterruptedException {
        Path output = Files.createTempFile(folder, "child", ".txt");
        List<String> arguments = new ArrayList<>(List.of(source, target));
        arguments.addAll(key);
        return KillableJvm.run(StoreCopyChild.class, arguments, output, millis);
    }
}
