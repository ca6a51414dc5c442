package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.SignalKeyStore;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.interop.Contents.Found;
import dev.keystore.interop.TransferItem.Fate;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Damages files of JSON Lines at random, some with a last line that matches the damage. Damage {@code n} is generated
 * from seed {@code n} alone; repeat one with {@code -Dkeystore.damage.first=n -Dkeystore.damage.count=1}.
 */
@Timeout(600)
class DamagedJsonLinesTest {

    private static final List<String> ODD_VALUES = List.of(
            "null",
            "true",
            "17",
            "-1",
            "1e999999999",
            "99999999999999999999999999999999999999999",
            "\"\"",
            "\"../../x\"",
            "\"A\"",
            "\"\\ud800\"",
            "\"\\u0000\"",
            "{}",
            "[]",
            "{\"publicKey\":\"AQ==\"}",
            "[".repeat(100_000),
            "\"" + "QUJD".repeat(100_000) + "\"");

    @TempDir
    Path temporary;

    private Path file;
    private byte[] whole;
    private List<String> entries;
    private Contents original;

    @BeforeEach
    void export() throws Exception {
        file = temporary.resolve("alice.jsonl");
        try (SignalKeyDatabase database = Samples.database(temporary)) {
            SignalKeyStore alice = database.forContext("alice");
            AccountImport.from(BaileysFolder.at(Samples.copy("7.0.0-rc14/bot-a", temporary)))
                    .to(alice);
            AccountExport.from(alice).to(JsonLinesFile.at(file));
        }
        whole = Files.readAllBytes(file);
        entries = Files.readAllLines(file);
        entries = entries.subList(0, entries.size() - 1);
        original = Samples.read(JsonLinesFile.at(file));
    }

    @Test
    @DisplayName("R92 damaged files are refused as a whole; if the digest matches, the damaged line is named")
    void sample() throws Exception {
        run(1, 40);
    }

    @Tag("long")
    @Test
    @DisplayName("R92 500 damaged files")
    void whole() throws Exception {
        run(10_001, 500);
    }

    private void run(long first, int count) throws Exception {
        long from = Long.getLong("keystore.damage.first", first);
        int damages = Integer.getInteger("keystore.damage.count", count);
        Map<Fate, Integer> fates = new HashMap<>();
        int refused = 0;
        for (long seed = from; seed < from + damages; seed++) {
            String damage = damage(new SplittableRandom(seed));
            String what = "seed " + seed + ": " + damage;
            long before = Samples.allocated();
            try {
                Contents contents = Samples.read(JsonLinesFile.at(file));
                assertThat(damage).as(what).startsWith("line");
                check(what, contents);
                contents.items().forEach(item -> fates.merge(item.fate(), 1, Integer::sum));
            } catch (ForeignStoreException e) {
                assertThat(damage).as("%s: %s", what, e.getMessage()).doesNotStartWith("line");
                refused++;
            }
            assertThat(Samples.allocated() - before).as(what).isLessThan(Samples.ALLOCATED_AT_MOST);
            Files.delete(file);
        }
        System.out.println("JSON Lines, seeds " + from + " to " + (from + damages - 1) + ": " + refused
                + " refused; in the others items by fate " + fates);
        assertThat(damages == 1 || (refused > 0 && fates.containsKey(Fate.DAMAGED)))
                .isTrue();
    }

    /** Checks that all lines but one are what they were, and that the one is imported or named. */
    private void check(String what, Contents contents) throws Exception {
        assertThat(contents.items()).as(what).hasSize(original.items().size());
        long different = original.entries().stream()
                .filter(found -> !isEqual(found, contents.entry(found.type().name(), found.id())))
                .count();
        assertThat(different).as(what).isLessThanOrEqualTo(1);
        for (Found<?> found : contents.entries()) {
            assertThat(found.type().codec().decode(found.encoded())).as(what).isNotNull();
        }
    }

    private static boolean isEqual(Found<?> expected, Found<?> found) {
        return found != null && Arrays.equals(expected.encoded(), found.encoded());
    }

    /** Writes a damaged file, and returns what was done: a line with a digest that matches, or a damage of the file. */
    private String damage(SplittableRandom random) throws IOException {
        switch (random.nextInt(10)) {
            case 0 -> {
                Files.write(file, Arrays.copyOf(whole, random.nextInt(whole.length - 1)));
                return "cut";
            }
            case 1 -> {
                byte[] damaged = whole.clone();
                damaged[random.nextInt(damaged.length - 1)] ^= (byte) (1 << random.nextInt(Byte.SIZE));
                Files.write(file, damaged);
                return "bit";
            }
            case 2 -> {
                Files.deleteIfExists(file);
                Files.createSymbolicLink(file, random.nextBoolean() ? file : Path.of("/dev/zero"));
                return "link";
            }
            case 3 -> {
                Files.write(file, whole);
                try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                    channel.write(ByteBuffer.allocate(1), Integer.MAX_VALUE);
                }
                return "2 GiB";
            }
            case 4 -> {
                byte[] more = Arrays.copyOf(whole, whole.length + random.nextInt(2, 10_000));
                Arrays.fill(more, whole.length, more.length, (byte) (random.nextBoolean() ? '\n' : '{'));
                Files.write(file, more);
                return "more after the end";
            }
            default -> {
                List<String> lines = new ArrayList<>(entries);
                int at = random.nextInt(1, lines.size());
                lines.set(at, damaged(lines.get(at), random));
                String all = String.join("\n", lines) + "\n";
                String sha256 = HexFormat.of().formatHex(Sha256.of(all.getBytes(UTF_8)));
                Files.writeString(
                        file, all + "{\"entries\":" + (lines.size() - 1) + ",\"sha256\":\"" + sha256 + "\"}\n");
                String shown = lines.get(at);
                return "line " + (at + 1) + ": " + shown.substring(0, Math.min(200, shown.length()));
            }
        }
    }

    private static String damaged(String line, SplittableRandom random) {
        String odd = ODD_VALUES.get(random.nextInt(ODD_VALUES.size()));
        switch (random.nextInt(4)) {
            case 0 -> {
                return odd;
            }
            case 1 -> {
                return line.substring(0, random.nextInt(1, line.length()));
            }
            case 2 -> {
                char[] characters = line.toCharArray();
                characters[random.nextInt(characters.length)] = (char) random.nextInt(' ', 127);
                return new String(characters);
            }
            default -> {
                String name = List.of("type", "id", "value").get(random.nextInt(3));
                int value = line.indexOf("\"" + name + "\":");
                return value < 0 ? odd : line.substring(0, value + name.length() + 3) + odd + "}";
            }
        }
    }
}
