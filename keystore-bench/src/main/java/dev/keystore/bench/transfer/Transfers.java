package dev.keystore.bench.transfer;

import dev.keystore.KeyTypes;
import dev.keystore.bench.TemporaryFolder;
import dev.keystore.bench.commit.BenchPostgres;
import dev.keystore.core.SignalKeyDatabase;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;

/**
 * Measures backups, verifications and copies of an SQLite store and a PostgreSQL store, and what SQLite and PostgreSQL
 * themselves take for the same entries. Each runs in a separate JVM with a heap of 256 MiB. The time is that from
 * opening the stores until they are closed again; files are in the page cache where it has room.
 */
public final class Transfers {

    private static final String HEAP = "-Xmx256m";
    private static final int VALUE_BYTES = 1_024;
    private static final long TIMEOUT_HOURS = 2;

    /** What is measured, and what it is a multiple of. */
    private enum Line {
        SQLITE_BACKUP(Transfer.SQLITE_BACKUP, "SQLite → SQLite"),
        BACKUP(Transfer.BACKUP, "SQLite → backup"),
        VERIFY(Transfer.VERIFY, "SQLite"),
        COPY(Transfer.COPY, "SQLite → SQLite"),
        COPY_IN(Transfer.COPY_IN, "SQLite → PostgreSQL"),
        COPY_TO_POSTGRES(Transfer.COPY, "SQLite → PostgreSQL"),
        COPY_OUT(Transfer.COPY_OUT, "PostgreSQL → file"),
        COPY_FROM_POSTGRES(Transfer.COPY, "PostgreSQL → SQLite");

        private final Transfer transfer;
        private final String stores;

        Line(Transfer transfer, String stores) {
            this.transfer = transfer;
            this.stores = stores;
        }
    }

    private final Path folder;
    private final BenchPostgres server;
    private final int contexts;
    private final int entriesOfContext;
    private final Map<Line, List<Double>> seconds = new EnumMap<>(Line.class);

    /** Of the measured JVM, from its start; not of PostgreSQL's server. */
    private final Map<Line, List<Double>> processorSeconds = new EnumMap<>(Line.class);

    /**
     * Creates measurements.
     *
     * @param folder where stores are created
     * @param contexts the number of contexts of the store
     * @param entriesOfContext the number of entries of each, of 1 KiB
     */
    public Transfers(Path folder, BenchPostgres server, int contexts, int entriesOfContext) {
        this.folder = folder;
        this.server = server;
        this.contexts = contexts;
        this.entriesOfContext = entriesOfContext;
    }

    /** Measures everything in each round, and returns a table. */
    public String measure(int rounds) throws IOException, InterruptedException, SQLException {
        String source = Transfer.url(folder.resolve("source.db"));
        fill(source);
        for (int round = 1; round <= rounds; round++) {
            try (TemporaryFolder targets = TemporaryFolder.createIn(folder, "round")) {
                measure(source, targets.path(), round);
            }
        }
        return table();
    }

    private void measure(String source, Path targets, int round)
            throws IOException, InterruptedException, SQLException {
        String stored = BenchPostgres.schema(Path.of("stored" + round));
        measure(Line.SQLITE_BACKUP, source, Transfer.url(targets.resolve("sqlite.backup")));
        measure(Line.BACKUP, source, Transfer.url(targets.resolve("keys.backup")));
        measure(Line.VERIFY, source, source);
        measure(Line.COPY, source, Transfer.url(targets.resolve("copy.db")));
        Files.delete(targets.resolve("copy.db"));
        measure(Line.COPY_IN, source, BenchPostgres.schema(Path.of("plain" + round)));
        measure(Line.COPY_TO_POSTGRES, source, stored);
        measure(Line.COPY_OUT, stored, Transfer.url(targets.resolve("rows")));
        measure(Line.COPY_FROM_POSTGRES, stored, Transfer.url(targets.resolve("back.db")));
        BenchPostgres.drop(Path.of("plain" + round));
        BenchPostgres.drop(Path.of("stored" + round));
    }

    private void fill(String url) {
        Random random = new Random(1);
        try (SignalKeyDatabase database = SignalKeyDatabase.open(url)) {
            for (int i = 0; i < contexts; i++) {
                database.forContext("account-" + i).useTransaction("fill", tx -> {
                    for (int entry = 1; entry < entriesOfContext; entry++) {
                        tx.put(KeyTypes.SESSION, (1_555_000_000_000L + entry) + ".1", value(random));
                    }
                    tx.saveCredentials(value(random));
                });
            }
        }
    }

    private static byte[] value(Random random) {
        byte[] value = new byte[VALUE_BYTES];
        random.nextBytes(value);
        return value;
    }

    private void measure(Line line, String source, String target) throws IOException, InterruptedException {
        Process child = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        HEAP,
                        server.jvmArgument(),
                        "-Djava.io.tmpdir=" + folder,
                        "-cp",
                        System.getProperty("java.class.path"),
                        TransferChild.class.getName(),
                        line.transfer.name(),
                        source,
                        target)
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        String printed;
        try {
            printed = new String(child.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            if (!child.waitFor(TIMEOUT_HOURS, TimeUnit.HOURS) || child.exitValue() != 0) {
                throw new IllegalStateException(line + " failed");
            }
        } finally {
            child.destroyForcibly();
        }
        String[] words = printed.substring(printed.lastIndexOf('\n') + 1).split(" ", -1);
        long entries = Long.parseLong(words[2]);
        if (entries < (long) contexts * entriesOfContext) {
            throw new IllegalStateException(line + " had only " + entries + " entries");
        }
        double took = seconds(words[0]);
        double onProcessor = seconds(words[1]);
        System.out.printf("%s: %.1f s, processor %.1f s%n", line, took, onProcessor);
        seconds.computeIfAbsent(line, any -> new ArrayList<>()).add(took);
        processorSeconds.computeIfAbsent(line, any -> new ArrayList<>()).add(onProcessor);
    }

    private static double seconds(String nanos) {
        return Long.parseLong(nanos) / (double) TimeUnit.SECONDS.toNanos(1);
    }

    private double median(Line line) {
        return median(seconds.getOrDefault(line, List.of()));
    }

    private static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        return sorted.get(sorted.size() / 2);
    }

    private String table() {
        StringBuilder table = new StringBuilder("""
                | operation | stores | seconds | processor seconds | entries/s | × SQLite's backup API | × COPY |
                |---|---|---|---|---|---|---|
                """);
        long entries = (long) contexts * entriesOfContext;
        for (Line line : seconds.keySet()) {
            boolean isOut = line == Line.COPY_OUT || line == Line.COPY_FROM_POSTGRES;
            double copy = median(isOut ? Line.COPY_OUT : Line.COPY_IN);
            boolean hasPostgres = line.compareTo(Line.COPY_IN) >= 0;
            table.append("| %s | %s | %.1f | %.1f | %,d | %.1f | %s |%n"
                    .formatted(
                            line.transfer.words(),
                            line.stores,
                            median(line),
                            median(processorSeconds.getOrDefault(line, List.of())),
                            Math.round(entries / median(line)),
                            median(line) / median(Line.SQLITE_BACKUP),
                            hasPostgres ? "%.1f".formatted(median(line) / copy) : ""));
        }
        return table.toString();
    }
}
