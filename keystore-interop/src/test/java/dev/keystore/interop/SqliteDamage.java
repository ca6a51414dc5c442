package dev.keystore.interop;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.interop.Contents.Found;
import dev.keystore.interop.TransferItem.Fate;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Damages a SQLite database at random, and checks what is read of it. Damage {@code n} is generated from seed {@code n}
 * alone; repeat one with {@code -Dkeystore.damage.first=n -Dkeystore.damage.count=1}.
 */
final class SqliteDamage {

    private static final List<String> ODD_VALUES = List.of(
            "NULL",
            "''",
            "'text'",
            "x''",
            "x'00'",
            "x'0aff'",
            "-1",
            "128",
            "9223372036854775807",
            "-9223372036854775808",
            "1e300",
            "'../../x'",
            "'a:99999999999'",
            "'{\"_sessions\":{\"x\":1}}'",
            "replace(hex(zeroblob(50000)), '00', '[')",
            "zeroblob(33)",
            "randomblob(3000)");

    private final Path file;
    private final byte[] whole;
    private final ForeignStore store;
    private final Map<String, List<String>> columns;
    private final RowCheck rows;

    /** Compares what was read with the rows themselves. */
    @FunctionalInterface
    interface RowCheck {
        void check(String what, Path file, Contents contents) throws Exception;
    }

    /**
     * Takes a database whose tables have no constraints.
     *
     * @param columns the columns to damage, by table
     */
    SqliteDamage(Path file, ForeignStore store, Map<String, List<String>> columns, RowCheck rows) throws IOException {
        this.file = file;
        this.whole = Files.readAllBytes(file);
        this.store = store;
        this.columns = columns;
        this.rows = rows;
    }

    /** Reads damaged databases; what is not damaged must be read as it was, and everything else named. */
    void run(long first, int count) throws Exception {
        long from = Long.getLong("keystore.damage.first", first);
        int damages = Integer.getInteger("keystore.damage.count", count);
        Contents original = Samples.read(store);
        assertThat(original.items()).noneMatch(item -> item.fate() == Fate.DAMAGED);
        Map<Fate, Integer> fates = new HashMap<>();
        int refused = 0;
        for (long seed = from; seed < from + damages; seed++) {
            String damage = damage(new SplittableRandom(seed));
            String what = "seed " + seed + ": " + damage;
            long before = Samples.allocated();
            try {
                Contents contents = Samples.read(store);
                check(what, damage, original, contents);
                rows.check(what, file, contents);
                contents.items().forEach(item -> fates.merge(item.fate(), 1, Integer::sum));
            } catch (ForeignStoreException e) {
                assertThat(damage).as("%s: %s", what, e.getMessage()).doesNotStartWith("value");
                refused++;
            }
            assertThat(Samples.allocated() - before).as(what).isLessThan(Samples.ALLOCATED_AT_MOST);
            restore();
        }
        System.out.println(file.getFileName() + ", seeds " + from + " to " + (from + damages - 1) + ": " + refused
                + " refused; in the others items by fate " + fates);
        assertThat(damages == 1 || (refused > 0 && fates.containsKey(Fate.DAMAGED) && fates.containsKey(Fate.CARRIED)))
                .isTrue();
    }

    private void restore() throws IOException {
        for (String suffix : List.of("", "-wal", "-journal", "-shm")) {
            Files.deleteIfExists(file.resolveSibling(file.getFileName() + suffix));
        }
        Files.write(file, whole);
    }

    private static void check(String what, String damage, Contents original, Contents contents) throws Exception {
        for (TransferItem item : contents.items()) {
            assertThat(item.fate() != Fate.DAMAGED || !item.reason().isEmpty())
                    .as("%s: %s", what, item)
                    .isTrue();
        }
        for (Found<?> found : contents.entries()) {
            assertThat(found.type().codec().decode(found.encoded())).as(what).isNotNull();
        }
        long missing = original.entries().stream()
                .filter(found -> contents.entry(found.type().name(), found.id()) == null)
                .count();
        long added = contents.entries().stream()
                .filter(found -> original.entry(found.type().name(), found.id()) == null)
                .count();
        if (!damage.startsWith("value")) {
            // A bit of an id makes another entry of it; no row may be lost without a word.
            assertThat(missing <= added || namesMore(contents, original))
                    .as("%s: %d entries are missing, and nothing is named", what, missing)
                    .isTrue();
            return;
        }
        long different = original.entries().stream()
                .filter(found -> !isEqual(found, contents.entry(found.type().name(), found.id())))
                .count();
        // A row becomes two entries at most.
        assertThat(different).as("%s: entries missing or changed", what).isLessThanOrEqualTo(2);
        assertThat(added).as("%s: entries added", what).isLessThanOrEqualTo(2);
        assertThat(missing <= added || namesMore(contents, original))
                .as("%s: nothing is named", what)
                .isTrue();
        if (!damage.contains("device") && !damage.contains("creds")) {
            assertThat(contents.credentials()).as(what).isEqualTo(original.credentials());
        }
    }

    /** Returns whether something that is not carried is named that the undamaged database does not name. */
    private static boolean namesMore(Contents contents, Contents original) {
        return contents.items().stream()
                .anyMatch(
                        item -> item.fate() != Fate.CARRIED && !original.items().contains(item));
    }

    private static boolean isEqual(Found<?> expected, Found<?> found) {
        return found != null && Arrays.equals(expected.encoded(), found.encoded());
    }

    /** Damages the database, and returns what was done: the value of one row, or a damage of the file. */
    private String damage(SplittableRandom random) throws Exception {
        switch (random.nextInt(10)) {
            case 0 -> {
                Files.write(file, Arrays.copyOf(whole, random.nextInt(whole.length)));
                return "cut";
            }
            case 1, 2 -> {
                byte[] damaged = whole.clone();
                for (int i = random.nextInt(1, 40); i > 0; i--) {
                    damaged[random.nextInt(random.nextInt(10) == 0 ? 100 : damaged.length)] ^=
                            (byte) (1 << random.nextInt(Byte.SIZE));
                }
                Files.write(file, damaged);
                return "bits";
            }
            case 3 -> {
                Files.delete(file);
                Files.createSymbolicLink(file, random.nextBoolean() ? file : Path.of("/dev/zero"));
                return "link";
            }
            case 4 -> {
                try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                    channel.write(ByteBuffer.allocate(1), Integer.MAX_VALUE);
                }
                return "2 GiB";
            }
            case 5 -> {
                byte[] garbage = new byte[random.nextInt(10_000)];
                random.nextBytes(garbage);
                String suffix = random.nextBoolean() ? "-wal" : "-journal";
                Files.write(file.resolveSibling(file.getFileName() + suffix), garbage);
                return "garbage in " + suffix;
            }
            default -> {
                List<String> tables = columns.keySet().stream().sorted().toList();
                String table = tables.get(random.nextInt(tables.size()));
                List<String> names = columns.get(table);
                String column = names.get(random.nextInt(names.size()));
                String value = ODD_VALUES.get(random.nextInt(ODD_VALUES.size()));
                Samples.execute(
                        file,
                        "UPDATE OR IGNORE " + table + " SET " + column + " = " + value + " WHERE rowid = (SELECT rowid"
                                + " FROM " + table + " ORDER BY rowid LIMIT 1 OFFSET " + random.nextInt(40)
                                + " % (SELECT count(*) FROM " + table + "))");
                return "value of " + table + "." + column + " = " + value;
            }
        }
    }
}
