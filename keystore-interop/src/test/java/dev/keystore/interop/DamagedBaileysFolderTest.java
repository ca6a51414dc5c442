package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.keystore.interop.BaileysFolder.FileName;
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
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Damages folders at random. Damage {@code n} is generated from seed {@code n} alone; repeat one with
 * {@code -Dkeystore.damage.first=n -Dkeystore.damage.count=1}.
 */
@Timeout(600)
class DamagedBaileysFolderTest {

    static final Pattern NUMBER = Pattern.compile("(?<=[:,\\[])-?[0-9]+");
    static final Pattern VALUE = Pattern.compile("\"[^\"]*\"(?!:)|(?<=[:,\\[])-?[0-9]+|true|false");
    private static final Pattern KEY = Pattern.compile("[A-Za-z0-9+/]{24,}");
    static final List<String> OTHER_VALUES =
            List.of("null", "[]", "{}", "\"\"", "\"x\"", "-1", "1.5", "true", "{\"type\":\"Buffer\",\"data\":null}");
    static final List<String> HUGE = List.of(
            "1e999999999",
            "99999999999999999999",
            "-9223372036854775808",
            "9".repeat(5_000),
            "4294967296",
            "2147483648");
    private static final List<String> NAMES = List.of(
            "session-..json",
            "..json",
            "pre-key-__..__..__etc__passwd.json",
            "sender-key---.json",
            "creds.json.tmp",
            "session-.json",
            "app-state-sync-key-__.json",
            "session-\u0001.json",
            "-.json",
            ".json",
            "creds.json.bak.bak");

    @TempDir
    Path temporary;

    @Test
    @DisplayName("R92 damaged folders: everything else is imported, and what is damaged is named, or says what it says")
    void sample() throws Exception {
        run(1, 40);
    }

    @Tag("long")
    @Test
    @DisplayName("R92 500 damaged folders")
    void whole() throws Exception {
        run(10_001, 500);
    }

    private void run(long first, int count) throws Exception {
        long from = Long.getLong("keystore.damage.first", first);
        int damages = Integer.getInteger("keystore.damage.count", count);
        Map<Fate, Integer> fates = new HashMap<>();
        for (long seed = from; seed < from + damages; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            String name = Samples.REAL.get(random.nextInt(Samples.REAL.size()));
            Path folder = Samples.copy(name, Files.createDirectory(temporary.resolve("seed-" + seed)));
            Contents original = Samples.read(BaileysFolder.at(folder));
            String damage = "";
            for (int i = random.nextInt(1, 4); i > 0; i--) {
                damage += damage(folder, random) + " ";
            }
            String what = "seed " + seed + ": " + damage;
            long before = Samples.allocated();
            Contents contents = Samples.read(BaileysFolder.at(folder));
            assertThat(Samples.allocated() - before).as(what).isLessThan(Samples.ALLOCATED_AT_MOST);
            check(what, folder, original, contents);
            contents.items().forEach(item -> fates.merge(item.fate(), 1, Integer::sum));
        }
        System.out.println(
                "Baileys folders, seeds " + from + " to " + (from + damages - 1) + ": files by fate " + fates);
        assertThat(fates).containsKeys(Fate.CARRIED);
        assertThat(damages == 1 || fates.containsKey(Fate.DAMAGED)).isTrue();
    }

    private static void check(String what, Path folder, Contents original, Contents contents) throws Exception {
        Map<String, byte[]> unchanged = new HashMap<>();
        List<String> names;
        try (Stream<Path> list = Files.list(folder)) {
            names = list.map(file -> file.getFileName().toString()).sorted().toList();
        }
        assertThat(contents.items()).as(what).extracting(TransferItem::name).containsExactlyElementsOf(names);
        for (TransferItem item : contents.items()) {
            assertThat(KEY.matcher(item.reason()).find())
                    .as("%s: %s", what, item)
                    .isFalse();
            assertThat(item.fate() == Fate.CARRIED || !item.reason().isEmpty())
                    .as("%s: %s", what, item)
                    .isTrue();
            if (item.fate() != Fate.CARRIED) {
                continue;
            }
            byte[] document = Files.readAllBytes(folder.resolve(item.name()));
            if (item.type().equals(Contents.CREDENTIALS)) {
                assertThat(contents.credentials()).as(what).isEqualTo(document);
                continue;
            }
            Found<?> found = contents.entry(item.type(), item.id());
            unchanged.put(item.name(), found.encoded());
            checkSame(what + ": " + item, found, document);
        }
        for (TransferItem item : original.items()) {
            if (!item.type().equals(Contents.CREDENTIALS) && !what.contains("<" + item.name() + ">")) {
                assertThat(unchanged.get(item.name()))
                        .as("%s: %s was not damaged", what, item)
                        .isEqualTo(original.entry(item.type(), item.id()).encoded());
            }
        }
    }

    /** Checks that an entry says what its document says. */
    static void checkSame(String what, Found<?> found, byte[] document) throws DamagedException {
        assertThat(normal(Samples.tree(written(found))))
                .as("%s says what its file says", what)
                .isEqualTo(normal(Samples.tree(document)));
    }

    @SuppressWarnings("unchecked")
    private static <V> byte[] written(Found<V> found) throws DamagedException {
        BaileysType<V> type = (BaileysType<V>) BaileysType.ALL.stream()
                .filter(candidate -> candidate.type().equals(found.type()))
                .findFirst()
                .orElseThrow();
        assertThat(FileName.of(type, found.id())).isNotEmpty();
        return type.writer().write(found.value());
    }

    /** Times are texts or numbers, and missing parts may be null; all else must be equal. */
    private static JsonNode normal(JsonNode node) {
        if (node.has("token") || node.has("keyData")) {
            ObjectNode copy = node.deepCopy();
            for (String time : List.of("timestamp", "senderTimestamp")) {
                if (copy.path(time).isNull()) {
                    copy.remove(time);
                } else if (copy.has(time)) {
                    copy.put(time, copy.get(time).asText());
                }
            }
            for (JsonNode part : List.of(copy, copy.path("fingerprint"))) {
                if (part instanceof ObjectNode object) {
                    for (String name : List.of("keyData", "fingerprint", "rawId", "currentIndex", "deviceIndexes")) {
                        JsonNode value = object.path(name);
                        if (value.isNull() || (name.equals("deviceIndexes") && value.isArray() && value.isEmpty())) {
                            object.remove(name);
                        }
                    }
                }
            }
            return normalBytes(copy);
        }
        return normalBytes(node);
    }

    /** Empty arrays and Buffers are the same bytes. */
    private static JsonNode normalBytes(JsonNode node) {
        return Samples.tree(node.toString()
                .replace("{\"type\":\"Buffer\",\"data\":[]}", "\"\"")
                .replace("{\"type\":\"Buffer\",\"data\":\"\"}", "\"\"")
                .replace("\"token\":[]", "\"token\":\"\"")
                .replace("\"keyData\":[]", "\"keyData\":\"\"")
                .getBytes(UTF_8));
    }

    /** Damages one file, and returns how, with its name in angle brackets. */
    private static String damage(Path folder, SplittableRandom random) throws IOException {
        List<Path> files;
        try (Stream<Path> list = Files.list(folder)) {
            files = list.filter(Files::isRegularFile)
                    .filter(file -> file.toFile().length() < 1 << 20)
                    .sorted()
                    .toList();
        }
        Path file = files.get(random.nextInt(files.size()));
        String target = "<" + file.getFileName() + ">";
        byte[] bytes = Files.readAllBytes(file);
        switch (random.nextInt(11)) {
            case 0 -> {
                int length = random.nextInt(bytes.length + 1);
                Files.write(file, Arrays.copyOf(bytes, length));
                return "cut at " + length + target;
            }
            case 1, 2, 3 -> {
                for (int i = random.nextInt(1, 9); i > 0 && bytes.length > 0; i--) {
                    bytes[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(Byte.SIZE));
                }
                Files.write(file, bytes);
                return "bits" + target;
            }
            case 4 -> {
                String other = OTHER_VALUES.get(random.nextInt(OTHER_VALUES.size()));
                replace(file, bytes, VALUE, other, random);
                return "type " + other + target;
            }
            case 5 -> {
                replace(file, bytes, NUMBER, HUGE.get(random.nextInt(HUGE.size())), random);
                return "huge number" + target;
            }
            case 6 -> {
                replace(file, bytes, VALUE, "[".repeat(100_000), random);
                return "deep" + target;
            }
            case 7 -> {
                Path odd = folder.resolve(NAMES.get(random.nextInt(NAMES.size())));
                Files.write(odd, bytes);
                return "name <" + odd.getFileName() + ">";
            }
            case 8 -> {
                Files.delete(file);
                Files.createSymbolicLink(file, random.nextBoolean() ? file : Path.of("/dev/zero"));
                return "link" + target;
            }
            case 9 -> {
                try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
                    channel.write(ByteBuffer.allocate(1), Integer.MAX_VALUE);
                }
                return "2 GiB" + target;
            }
            default -> {
                Files.delete(file);
                Files.createDirectory(file);
                return "folder" + target;
            }
        }
    }

    static void replace(Path file, byte[] bytes, Pattern part, String by, SplittableRandom random) throws IOException {
        String text = new String(bytes, UTF_8);
        List<MatchResult> matches = part.matcher(text).results().toList();
        if (!matches.isEmpty()) {
            MatchResult match = matches.get(random.nextInt(matches.size()));
            Files.writeString(file, text.substring(0, match.start()) + by + text.substring(match.end()));
        }
    }
}
