package dev.keystore.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.PrefixScan;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;

/** Ids are scanned by type and prefix. */
abstract class PrefixScanContract extends Contract {

    PrefixScanContract(BackendFixture fixture) {
        super(fixture);
    }

    @BeforeEach
    final void requireCapability() {
        backend().require(PrefixScan.class);
    }

    @Test
    @DisplayName("R60 a scan returns each id that starts with the prefix exactly once, including the prefix itself")
    void scan_somePrefix_returnsMatchingIds() {
        save("bob.1", "bob.2", "bob.10", "bob", "bobby.1", "alice.1", "xbob.1");

        assertScans("bob.", "bob.1", "bob.2", "bob.10");
        assertScans("bob", "bob.1", "bob.2", "bob.10", "bob", "bobby.1");
        assertScans("bob.10", "bob.10");
        assertScans("bob.100");
        assertScans("z");
    }

    @Test
    @DisplayName("R60 a scan returns newly written ids and no deleted ones")
    void scan_afterWrites_isUpToDate() {
        save("a1", "a2");
        entries().delete(CONTEXT, TYPE, "a1");
        entries().save(CONTEXT, TYPE, "a2", bytes("new"));
        entries().save(CONTEXT, TYPE, "a3", bytes("new"));

        assertScans("a", "a2", "a3");
    }

    @Test
    @DisplayName("R60 a scan with an empty prefix returns every id of the type")
    void scan_emptyPrefix_returnsAllOfTheType() {
        save("a", "b", "\uffff", "\ud83d\ude00");

        assertScans("", "a", "b", "\uffff", "\ud83d\ude00");
    }

    @Test
    @DisplayName("R60 a scan returns only ids of the requested type")
    void scan_oneType_returnsNoOther() {
        save("a1");
        entries().save(CONTEXT, "other", "a2", bytes("value"));
        entries().save(CONTEXT, TYPE + "2", "a3", bytes("value"));
        entries().save(CONTEXT, TYPE.substring(1), "a4", bytes("value"));

        assertScans("a", "a1");
    }

    @Test
    @DisplayName("R50 a scan returns only ids of the requested context")
    void scan_oneContext_returnsNoOther() {
        backend().require(ContextAwareBackend.class);
        save("a1");
        entries().save(CONTEXT + "2", TYPE, "a2", bytes("value"));

        assertScans("a", "a1");
    }

    @Test
    @DisplayName("R60 a scan takes its prefix literally: % _ * ? [ ] \\ . ( ' and others are ordinary characters")
    void scan_prefixOfPatternCharacters_isLiteral() {
        List<String> specials = List.of(
                "%",
                "_", "*", "?", "[", "]", "[a-z]", "\\", "\\%", "\\_", ".", ".*", "(", ")", "^", "$", "|", "+", "{", "'",
                "\"", "!", "#", "/", "~", "\u0000", "\n");
        List<String> ids = new ArrayList<>(List.of("a", "az", "za", "zz1"));
        for (String special : specials) {
            ids.addAll(List.of(special, special + "1", "a" + special, "a" + special + "1", special + special));
        }
        String[] held = ids.stream().distinct().toArray(String[]::new);
        save(held);
        for (String special : specials) {
            for (String prefix : List.of(special, "a" + special, special + special)) {
                assertScans(prefix, startingWith(prefix, held));
            }
        }
    }

    @Test
    @DisplayName("R8 a prefix may be of any length and contain NUL and the limits of Unicode ranges")
    void scan_prefixesLongOrOdd_areLiteral() {
        Stream<String> odd =
                Stream.of("\u0000", "a\u0000", "a\u0000b", "a\u0000c", "\ud7ff", "\ue000", "\ufeff", "\ufeffa");
        String[] held = Stream.concat(odd, UnusualNames.LONG.stream().filter(id -> !id.startsWith("%")))
                .toArray(String[]::new);
        save(held);
        for (String prefix : held) {
            assertScans(prefix, startingWith(prefix, held));
        }
    }

    @Test
    @DisplayName("R60 a scan of many ids returns each once and none outside the prefix")
    void scan_manyIds_returnsEachOnce() {
        String[] many = IntStream.range(0, 1_300).mapToObj(i -> "x" + i).toArray(String[]::new);
        save(many);
        save("w", "y");

        assertScans("x", many);
        assertScans("", Stream.concat(Arrays.stream(many), Stream.of("w", "y")).toArray(String[]::new));
    }

    @Test
    @DisplayName("R60 a scan distinguishes case and Unicode normalization")
    void scan_prefixDifferingInCaseOrNormalization_returnsNothingElse() {
        save("bob.1", "Bob.2", "BOB.3", "\u00e9.4", "e\u0301.5", "e.6", "\u00c9.7");

        assertScans("bob", "bob.1");
        assertScans("BOB", "BOB.3");
        assertScans("\u00e9", "\u00e9.4");
        assertScans("e", "e\u0301.5", "e.6");
    }

    @Test
    @DisplayName("R60 a scan returns ids that continue with the highest Unicode characters")
    void scan_idsWithHighestCharacters_areReturned() {
        String[] held = Stream.of("a", "a\udbff\udfff", "\udbff\udfff", "\uffff", "a\uffff", "\ud83d\ude00", "\u007f")
                .flatMap(id -> Stream.of(id, id + "\uffff", id + "\udbff\udfff", id + "\udbff\udfff\udbff\udfffz"))
                .distinct()
                .toArray(String[]::new);
        save(held);
        save("b", "`", "B");
        for (String prefix : List.of("a", "a\udbff\udfff", "\udbff\udfff", "\uffff", "\ud83d\ude00", "\u007f")) {
            assertScans(prefix, startingWith(prefix, held));
        }
    }

    @Test
    @DisplayName("R60 closing scans before their end leaks no resources")
    void scan_closedEarly_releasesItsResources() {
        save("a1", "a2");
        for (int i = 0; i < 200; i++) {
            try (Stream<String> found = scan("a")) {
                assertThat(found.findFirst()).isPresent();
            }
        }
        entries().save(CONTEXT, TYPE, "a1", bytes("new"));
        assertHolds("a1", "new");
    }

    @Test
    @DisplayName("R60 an open scan blocks neither loads nor writes")
    void scan_duringWrites_returnsUnchangedIds() throws Exception {
        save("a1", "a2", "a3");
        List<String> found = new ArrayList<>();
        try (Stream<String> stream = scan("a")) {
            Iterator<String> reading = stream.iterator();
            found.add(reading.next());
            Together.onOtherThread(() -> {
                entries().save(CONTEXT, TYPE, "b1", bytes("new"));
                assertHolds("b1", "new");
            });
            reading.forEachRemaining(found::add);
        }
        assertThat(found).containsExactlyInAnyOrder("a1", "a2", "a3");
    }

    private void save(String... ids) {
        backend().putAll(CONTEXT, Arrays.stream(ids).map(id -> put(id, "value")).toList());
    }

    private Stream<String> scan(String prefix) {
        return backend().require(PrefixScan.class).scan(CONTEXT, TYPE, prefix);
    }

    private void assertScans(String prefix, String... expected) {
        try (Stream<String> found = scan(prefix)) {
            assertThat(found.toList())
                    .as("prefix %s", UnusualNames.show(prefix))
                    .containsExactlyInAnyOrder(expected);
        }
    }

    private static String[] startingWith(String prefix, String[] ids) {
        return Arrays.stream(ids).filter(id -> id.startsWith(prefix)).toArray(String[]::new);
    }
}
