package dev.keystore.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.keystore.CommitFailedException;
import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.IncompleteVerificationException;
import dev.keystore.KeyStoreException;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.LoadFailedException;
import dev.keystore.SignalKeyStore;
import dev.keystore.StoreOpenException;
import dev.keystore.core.SignalKeyDatabase;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Damages the file of a closed store in many ways, opens it and reads it: opening succeeds, or is refused with nothing
 * changed; each read yields the right value, or an error that names the place.
 *
 * <p>Damage {@code n} depends on the seed {@code n} alone. To repeat only one: {@code -Dkeystore.damage.first=n
 * -Dkeystore.damage.count=1}.
 */
class DamagedFileTest {

    private static final List<String> CONTEXTS = List.of("alice", "bob", "an account with a longer name");
    private static final List<KeyType<byte[]>> TYPES =
            List.of(KeyTypes.SESSION, KeyTypes.IDENTITY_KEY, KeyTypes.SENDER_KEY, KeyTypes.KYBER_PRE_KEY);
    private static final List<SqliteDamage> DAMAGES = List.of(SqliteDamage.values());
    private static final int IDS = 16;

    @TempDir
    private static Path sound;

    private static final Map<Place, byte[]> EXPECTED = new LinkedHashMap<>();

    @TempDir
    private Path folder;

    private final Map<SqliteDamage, Map<String, Integer>> figures = new TreeMap<>();
    private Path path;

    private record Place(String context, KeyType<byte[]> type, String id) {

        EntryId entry() {
            return new EntryId(type.name(), id);
        }
    }

    /** Fills a store: small values, values of about a page, and values of several pages. */
    @BeforeAll
    static void fill() {
        SplittableRandom random = new SplittableRandom(17);
        EXPECTED.clear();
        try (SignalKeyDatabase database = SignalKeyDatabase.open("jdbc:sqlite:" + sound.resolve("keys.db"))) {
            for (int id = 0; id < IDS; id++) {
                for (String context : CONTEXTS) {
                    for (KeyType<byte[]> type : TYPES) {
                        byte[] value = new byte[id == 3 ? 9_000 : id == 4 ? 3_000 : random.nextInt(200)];
                        random.nextBytes(value);
                        Place place = new Place(context, type, "49170" + id + ".1");
                        database.forContext(context).put(type, place.id, value);
                        EXPECTED.put(place, value);
                    }
                }
            }
            CONTEXTS.forEach(context -> database.forContext(context).saveCredentials(credentials(context)));
        }
        assertThat(EXPECTED).hasSizeGreaterThan(SqliteDamage.ROWS);
    }

    private static byte[] credentials(String context) {
        byte[] credentials = new byte[500];
        Arrays.fill(credentials, (byte) context.length());
        return credentials;
    }

    @BeforeEach
    void path() {
        path = folder.resolve("keys.db");
    }

    @Test
    @DisplayName("R43 R44 a damaged file is refused, or each read yields the right value or names the damaged entry")
    void damages() {
        run(1, 60);
    }

    @Test
    @Tag("long")
    @DisplayName(
            "R43 R44 a damaged file is refused, or each read yields the right value or names the damaged entry, 10,000"
                    + " times")
    void manyDamages() {
        run(1_000_001, 10_000);
    }

    @Test
    @DisplayName(
            "R43 after one bit of a key in the index has flipped, no entry is reported absent, nothing is written, the"
                    + " rest is read")
    void keyDamaged_isNoAbsence() throws Exception {
        restore();
        byte[] file = Files.readAllBytes(path);
        byte[] key = "alicesession491702.1".getBytes(StandardCharsets.UTF_8);
        int at = IntStream.range(0, file.length - key.length)
                .filter(from -> Arrays.equals(file, from, from + key.length, key, 0, key.length))
                .filter(from -> file[from / 4096 * 4096] == 10)
                .findFirst()
                .orElseThrow();
        file[at + key.length - 1] ^= 4;
        Files.write(path, file);

        try (SignalKeyDatabase database = SignalKeyDatabase.open("jdbc:sqlite:" + path)) {
            SignalKeyStore alice = database.forContext("alice");
            for (String id : List.of("491702.1", "never")) {
                assertThatThrownBy(() -> alice.find(KeyTypes.SESSION, id))
                        .isInstanceOf(LoadFailedException.class)
                        .hasStackTraceContaining("the file is damaged");
                assertThatThrownBy(() -> alice.get(KeyTypes.SESSION, List.of("491705.1", id)))
                        .isInstanceOf(LoadFailedException.class);
            }
            assertThatThrownBy(() -> alice.put(KeyTypes.SESSION, "491705.1", new byte[1]))
                    .isInstanceOf(CommitFailedException.class);
            IncompleteVerificationException found =
                    catchThrowableOfType(IncompleteVerificationException.class, alice::verify);
            assertThat(found.damaged())
                    .as("what the index has now in its place")
                    .containsExactly(new EntryId("session", "491702.5"));
            assertThat(found.unreadable()).containsExactly(new EntryId("session", "491702.1"));
            assertThat(found.checked())
                    .as("all others, the credentials, and the one in its place")
                    .isEqualTo(TYPES.size() * IDS + 1);
            assertThat(found)
                    .hasMessageContaining("could not be verified completely")
                    .hasMessageContaining("session/491702.1")
                    .hasMessageContaining("never copy an older file into place")
                    .hasMessageNotContaining("backup");
            assertThat(database.forExistingContext("alice")).isSameAs(alice);
            List<String> contexts = new ArrayList<>();
            assertThatThrownBy(() -> database.contexts().forEach(contexts::add))
                    .isInstanceOf(LoadFailedException.class)
                    .hasMessageContaining("the file is damaged");
            assertThat(contexts).containsExactlyInAnyOrderElementsOf(CONTEXTS);
            assertThat(alice.find(KeyTypes.SESSION, "491705.1")).isPresent();
            assertThat(alice.get(KeyTypes.IDENTITY_KEY, List.of("491702.1", "491705.1")))
                    .hasSize(2);
        }
        assertThat(Files.readAllBytes(path)).isEqualTo(file);
    }

    @Test
    @DisplayName(
            "R43 verify of a file with a damaged page lists the entries before and after it, and names those it can't"
                    + " read")
    void pageDamaged_restIsVerified() throws Exception {
        for (boolean index : List.of(false, true)) {
            restore();
            byte[] file = Files.readAllBytes(path);
            int type = index ? 10 : 13;
            int page = IntStream.range(2, file.length / 4096)
                    .filter(number -> file[number * 4096] == type)
                    .boxed()
                    .toList()
                    .get(1);
            Arrays.fill(file, page * 4096, page * 4096 + 100, (byte) 0x5A);
            Files.write(path, file);

            try (SignalKeyDatabase database = SignalKeyDatabase.open("jdbc:sqlite:" + path)) {
                int entries = 0;
                for (String context : CONTEXTS) {
                    IncompleteVerificationException found = catchThrowableOfType(
                            IncompleteVerificationException.class,
                            () -> database.forContext(context).verify());
                    assertThat(found.damaged()).isEmpty();
                    entries += (int) found.checked() + found.unreadable().size();
                }
                assertThat(entries)
                        .as("all that there are: the table or the index has them")
                        .isEqualTo(CONTEXTS.size() * (TYPES.size() * IDS + 1));
            }
        }
    }

    @Test
    @DisplayName("R43 an entry whose value became NULL through damage is reported as damaged, not as absent")
    void valueIsNull_isCorrupt() {
        restore();
        SqliteFixture.execute(
                path,
                "PRAGMA writable_schema = ON",
                "UPDATE sqlite_schema SET sql = replace(sql, 'BLOB NOT NULL', 'BLOB') WHERE name = 'entry'");
        SqliteFixture.execute(path, "UPDATE entry SET value = NULL WHERE context = 'alice' AND id = '491702.1'");

        try (SignalKeyDatabase database = SignalKeyDatabase.open("jdbc:sqlite:" + path)) {
            SignalKeyStore alice = database.forContext("alice");
            assertThatThrownBy(() -> alice.find(KeyTypes.SESSION, "491702.1"))
                    .isInstanceOf(CorruptEntryException.class);
            assertThatThrownBy(() -> alice.get(KeyTypes.IDENTITY_KEY, List.of("491705.1", "491702.1")))
                    .isInstanceOf(CorruptEntryException.class);
            assertThat(alice.verify()).hasSize(TYPES.size());
        }
    }

    private void run(long first, int count) {
        long from = Long.getLong("keystore.damage.first", first);
        int damages = Integer.getInteger("keystore.damage.count", count);
        List<String> violations = new ArrayList<>();
        for (long seed = from; seed < from + damages; seed++) {
            SplittableRandom random = new SplittableRandom(seed);
            SqliteDamage damage = DAMAGES.get(random.nextInt(DAMAGES.size()));
            restore();
            String where = damage.apply(path, random);
            Trial trial = new Trial(random.nextBoolean(), random.nextInt(3) == 0);
            try {
                assertTimeoutPreemptively(Duration.ofSeconds(30), trial::run);
            } catch (AssertionError e) {
                trial.violations.add(String.valueOf(e));
            }
            Map<String, Integer> row = figures.computeIfAbsent(damage, d -> new TreeMap<>());
            trial.count(row);
            for (String violation : trial.violations) {
                violations.add("damage " + seed + ", " + damage + " " + where + ": " + violation);
            }
        }
        figures.forEach((damage, row) -> System.out.println(damage + " " + row));
        System.out.println(
                "seeds " + from + " to " + (from + damages - 1) + ": " + total() + ", violations " + violations.size());
        assertThat(violations).isEmpty();
    }

    private Map<String, Integer> total() {
        Map<String, Integer> total = new TreeMap<>();
        figures.values().forEach(row -> row.forEach((what, times) -> total.merge(what, times, Integer::sum)));
        return total;
    }

    private void restore() {
        try {
            for (String name : List.of("keys.db-wal", "keys.db-shm")) {
                Files.deleteIfExists(folder.resolve(name));
            }
            Files.copy(sound.resolve("keys.db"), path, StandardCopyOption.REPLACE_EXISTING);
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    /** The outcome of one damage. */
    private final class Trial {

        private final boolean inBulk;
        private final boolean writing;
        private final List<String> violations = new ArrayList<>();
        private final Map<String, Integer> reads = new HashMap<>();
        private boolean refused;
        private boolean commitRefused;

        Trial(boolean inBulk, boolean writing) {
            this.inBulk = inBulk;
            this.writing = writing;
        }

        void count(Map<String, Integer> row) {
            row.merge("damages", 1, Integer::sum);
            row.merge("refused to open", refused ? 1 : 0, Integer::sum);
            row.merge("refused to write", commitRefused ? 1 : 0, Integer::sum);
            reads.forEach((what, times) -> row.merge("reads " + what, times, Integer::sum));
        }

        void run() throws Exception {
            Map<String, String> before = SqliteFixture.contents(folder);
            Set<Place> right;
            try (SignalKeyDatabase database = SignalKeyDatabase.open("jdbc:sqlite:" + path)) {
                right = read(database);
                right.forEach(place -> reads.merge("right", 1, Integer::sum));
                if (writing) {
                    write(database.forContext("alice"));
                }
            } catch (StoreOpenException e) {
                refused = true;
                if (!SqliteFixture.contents(folder).equals(before)) {
                    violations.add("refused and changed: " + e.getMessage());
                }
                return;
            } catch (RuntimeException e) {
                violations.add("undocumented: " + e);
                return;
            }
            if (writing) {
                assertStill(right);
            }
        }

        /** Reads and lists everything, and returns the entries that were right. */
        private Set<Place> read(SignalKeyDatabase database) {
            Set<Place> right = new HashSet<>();
            for (String context : CONTEXTS) {
                SignalKeyStore store = database.forContext(context);
                Set<EntryId> corrupt = new HashSet<>();
                boolean failed = false;
                for (KeyType<byte[]> type : TYPES) {
                    Map<String, byte[]> found = inBulk ? bulk(store, type) : Map.of();
                    for (Place place : places(context, type)) {
                        try {
                            byte[] value = found.get(place.id);
                            if (judge(place, value == null ? store.find(type, place.id) : Optional.of(value))) {
                                right.add(place);
                            }
                        } catch (CorruptEntryException e) {
                            assertThat(e.context()).isEqualTo(context);
                            assertThat(e.entry()).isEqualTo(place.entry());
                            corrupt.add(e.entry());
                            reads.merge("corrupt", 1, Integer::sum);
                        } catch (LoadFailedException e) {
                            assertThat(e).hasMessageContaining(place.entry().toString());
                            failed = true;
                            reads.merge("failed", 1, Integer::sum);
                        }
                    }
                    assertAbsent(store, type);
                    assertListed(store, type);
                }
                try {
                    if (!store.credentials()
                            .filter(value -> Arrays.equals(value, credentials(context)))
                            .isPresent()) {
                        violations.add("credentials of " + context + " absent or wrong");
                    }
                } catch (CorruptEntryException e) {
                    corrupt.add(e.entry());
                } catch (LoadFailedException e) {
                    failed = true;
                }
                assertVerified(store, corrupt, failed);
            }
            return right;
        }

        /** Reads all entries of a type in one call; an entry that fails here also fails when it is read alone. */
        private Map<String, byte[]> bulk(SignalKeyStore store, KeyType<byte[]> type) {
            try {
                return store.get(
                        type,
                        places(store.context(), type).stream().map(Place::id).toList());
            } catch (CorruptEntryException | LoadFailedException e) {
                return Map.of();
            }
        }

        private boolean judge(Place place, Optional<byte[]> value) {
            if (value.isEmpty()) {
                violations.add("ABSENT " + place);
                reads.merge("absent", 1, Integer::sum);
                return false;
            }
            if (!Arrays.equals(value.get(), EXPECTED.get(place))) {
                violations.add("WRONG " + place);
                return false;
            }
            return true;
        }

        private void assertAbsent(SignalKeyStore store, KeyType<byte[]> type) {
            for (String id : List.of("a", "4917012", "zz")) {
                try {
                    if (store.find(type, id).isPresent()) {
                        violations.add("never stored, but found: " + type + "/" + id);
                    }
                } catch (CorruptEntryException | LoadFailedException e) {
                    reads.merge("of nothing refused", 1, Integer::sum);
                }
            }
        }

        private void assertListed(SignalKeyStore store, KeyType<byte[]> type) {
            try (Stream<String> ids = store.ids(type, "")) {
                List<String> listed = ids.sorted().toList();
                List<String> expected = places(store.context(), type).stream()
                        .map(Place::id)
                        .sorted()
                        .toList();
                if (!listed.equals(expected)) {
                    violations.add("LISTED " + store.context() + " " + type + " " + listed);
                }
            } catch (LoadFailedException e) {
                reads.merge("of lists failed", 1, Integer::sum);
            }
        }

        private void assertVerified(SignalKeyStore store, Set<EntryId> corrupt, boolean failed) {
            try {
                Set<EntryId> damaged = Set.copyOf(store.verify());
                if (failed || !damaged.equals(corrupt)) {
                    violations.add("verify lists " + damaged + ", damaged are " + corrupt + ", failed " + failed);
                }
            } catch (IncompleteVerificationException e) {
                reads.merge("of verify incomplete", 1, Integer::sum);
                Set<EntryId> right = new HashSet<>(e.damaged());
                right.removeAll(corrupt);
                right.retainAll(EXPECTED.keySet().stream()
                        .filter(place -> place.context.equals(store.context()))
                        .map(Place::entry)
                        .toList());
                if (!right.isEmpty()) {
                    violations.add("verify lists " + right + " as damaged, but damaged are " + corrupt);
                }
                Set<EntryId> missed = new HashSet<>(corrupt);
                missed.removeAll(e.damaged());
                reads.merge("of corrupt missed by verify", missed.size(), Integer::sum);
            }
        }

        private void write(SignalKeyStore store) {
            try {
                for (int i = 0; i < 20; i++) {
                    store.put(KeyTypes.APP_STATE_SYNC_KEY, "new-" + i, new byte[i * 100]);
                }
            } catch (CommitFailedException | LoadFailedException | CorruptEntryException e) {
                commitRefused = true;
            } catch (KeyStoreException e) {
                violations.add("undocumented for a write: " + e);
            }
        }

        /** Opens the store again after writes: the right entries must still be right, and the written ones exist. */
        private void assertStill(Set<Place> right) {
            try (SignalKeyDatabase database = SignalKeyDatabase.open("jdbc:sqlite:" + path)) {
                for (Place place : right) {
                    judge(place, database.forContext(place.context).find(place.type, place.id));
                }
                for (int i = 0; i < 20 && !commitRefused; i++) {
                    int length = i * 100;
                    if (database.forContext("alice")
                            .find(KeyTypes.APP_STATE_SYNC_KEY, "new-" + i)
                            .filter(value -> value.length == length)
                            .isEmpty()) {
                        violations.add("written and gone: new-" + i);
                    }
                }
            } catch (KeyStoreException e) {
                violations.add("worse after writing: " + e);
            }
        }
    }

    private static List<Place> places(String context, KeyType<byte[]> type) {
        return EXPECTED.keySet().stream()
                .filter(place -> place.context.equals(context) && place.type.equals(type))
                .collect(Collectors.toList());
    }
}
