package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static dev.keystore.core.Fixture.text;
import static dev.keystore.spi.StoreSealing.KEYS;
import static dev.keystore.spi.StoreSealing.MARK;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.ContextNotFoundException;
import dev.keystore.ContextOwnedException;
import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.EntryKeyMissingException;
import dev.keystore.IncompleteVerificationException;
import dev.keystore.KeyOperations;
import dev.keystore.KeyOperations.OnExisting;
import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.LoadFailedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.RewriteIncompleteException;
import dev.keystore.RollbackFailedException;
import dev.keystore.SignalKeyStore;
import dev.keystore.StoreOpenException;
import dev.keystore.TamperedEntryException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.Fixture.Kind;
import dev.keystore.encryption.Encryption;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.NameHiding;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A store whose contexts, types and ids have hidden names in the backend. */
@Timeout(60)
class HiddenNamesStoreTest {

    private static final Encryption ENCRYPTION = TestEncryption.create().hidingNames();
    private static final String SECRET_ID = "recognized-name";

    private static Fixture hiding(Kind kind) {
        return Fixture.of(kind, options -> options.encryption(ENCRYPTION));
    }

    private static Fixture reopened(Fixture fixture) {
        return fixture.reopen(options -> options.encryption(ENCRYPTION));
    }

    private static List<String> ids(KeyReader reader, KeyType<?> type, String prefix) {
        try (Stream<String> ids = reader.ids(type, prefix)) {
            return ids.sorted().toList();
        }
    }

    private static List<String> sessions(KeyReader reader, String prefix) {
        return ids(reader, KeyTypes.SESSION, prefix);
    }

    private static List<String> contexts(SignalKeyDatabase database) {
        try (Stream<String> listed = database.contexts()) {
            return listed.sorted().toList();
        }
    }

    /** Returns the hidden names of a fixture's store. */
    private static NameHiding names(Fixture fixture) {
        ContextAwareBackend contents = fixture.contents();
        String context = fixture.context().equals("alice") ? MARK.type() : fixture.context();
        return ENCRYPTION
                .open(contents.load(context, MARK.type(), MARK.id()).orElseThrow())
                .names()
                .orElseThrow();
    }

    private static String context(Fixture fixture) {
        return fixture.context().equals("alice") ? names(fixture).context("alice") : fixture.context();
    }

    /** Returns the place where a session of alice is stored. */
    private static EntryId place(Fixture fixture, String id) {
        NameHiding names = names(fixture);
        String type = KeyTypes.SESSION.name();
        return new EntryId(names.type(fixture.context(), type), names.id(fixture.context(), type, id));
    }

    private static byte[] record(Fixture fixture, String id) {
        EntryId place = place(fixture, id);
        return fixture.contents()
                .load(context(fixture), place.type(), place.id())
                .orElseThrow();
    }

    private static void plant(Fixture fixture, String id, byte[] record) {
        EntryId place = place(fixture, id);
        fixture.contents().save(context(fixture), place.type(), place.id(), record);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R70 the backend holds no part of a context's name, a type or an id, and the store reads all of them")
    void names_areHidden(Kind kind) {
        try (Fixture fixture = hiding(kind)) {
            fixture.put(SECRET_ID + ".1", "1");
            fixture.put(SECRET_ID + ".2", "2");
            fixture.alice.put(KeyTypes.LID_MAPPING, SECRET_ID, "3");
            fixture.alice.saveCredentials(bytes("me"));
            fixture.alice.transaction("k", tx -> tx.take(KeyTypes.SESSION, SECRET_ID + ".2"));

            List<String> stored = new ArrayList<>(fixture.storedContexts());
            for (String context : fixture.storedContexts()) {
                try (Stream<EntryId> entries = fixture.contents().list(context)) {
                    entries.forEach(entry -> stored.addAll(List.of(entry.type(), entry.id())));
                }
            }
            assertThat(stored)
                    .allMatch(name -> name.matches("([a-z2-7]{26})+")
                            || List.of(KEYS.type(), KEYS.id(), MARK.type(), MARK.id(), "default")
                                    .contains(name))
                    .noneMatch(name -> name.contains("recog"));
            assertThat(kind == Kind.MINIMAL || !stored.contains("default")).isTrue();

            try (Fixture reopened = reopened(fixture)) {
                assertThat(reopened.find(SECRET_ID + ".1")).isEqualTo("1");
                assertThat(reopened.find(SECRET_ID + ".2")).isEqualTo("absent");
                assertThat(reopened.alice.find(KeyTypes.LID_MAPPING, SECRET_ID)).hasValue("3");
                assertThat(text(reopened.alice.credentials())).isEqualTo("me");
                assertThat(reopened.alice.get(KeyTypes.SESSION, List.of(SECRET_ID + ".1", "x")))
                        .containsOnlyKeys(SECRET_ID + ".1");
                assertThat(reopened.alice.verify()).isEmpty();
                reopened.put(SECRET_ID + ".1", "4");
                assertThat(reopened.find(SECRET_ID + ".1")).isEqualTo("4");
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R60 R70 ids are listed by any prefix: of whole components, of a part of one, of more than four")
    void ids_anyPrefix_areListed(Kind kind) {
        List<String> all =
                List.of("bob", "bob.", "bob.1", "bob.12", "bobby.1", "a.b.c.d.e.1", "a.b.c.d.f.1", "\u0000.1");
        try (Fixture fixture = hiding(kind)) {
            all.forEach(id -> fixture.put(id, "1"));
            fixture.alice.put(KeyTypes.LID_MAPPING, "bob.1", "1");
            fixture.alice.put(KeyTypes.LID_MAPPING, "other", "1");
            for (String prefix :
                    List.of("", "b", "bob", "bob.", "bob.1", "bob.1.", "a.b.", "a.b.c.d.e.", "x", "\u0000")) {
                List<String> expected = all.stream()
                        .filter(id -> id.startsWith(prefix))
                        .sorted()
                        .toList();
                assertThat(sessions(fixture.alice, prefix)).as(prefix).isEqualTo(expected);
                assertThat(fixture.alice.<List<String>, RuntimeException>transaction("k", tx -> sessions(tx, prefix)))
                        .as(prefix)
                        .isEqualTo(expected);
            }
            assertThat(ids(fixture.alice, KeyTypes.LID_MAPPING, "bob.")).containsExactly("bob.1");
            assertThat(ids(fixture.alice, KeyTypes.KYBER_PRE_KEY, "")).isEmpty();
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"COMPLETE", "MINIMAL"})
    @DisplayName("R60 R70 a long listing loads records in pages, and only those of the prefix")
    void ids_many_areLoadedInPages(Kind kind) {
        try (Fixture fixture = hiding(kind)) {
            fixture.alice.useTransaction(
                    "k",
                    tx -> IntStream.range(0, 500)
                            .forEach(i -> tx.put(KeyTypes.SESSION, "user" + i % 100 + "." + i / 100, bytes("1"))));
            fixture.faults.forgetCalls();
            assertThat(sessions(fixture.alice, "user7."))
                    .containsExactly("user7.0", "user7.1", "user7.2", "user7.3", "user7.4");
            assertThat(fixture.faults.count(Operation.LOAD)).isEqualTo(kind == Kind.COMPLETE ? 1 : 5);
            assertThat(sessions(fixture.alice, "")).hasSize(500);
            fixture.faults.forgetCalls();
            try (Stream<String> some = fixture.alice.ids(KeyTypes.SESSION, "")) {
                assertThat(some.limit(3)).hasSize(3);
            }
            assertThat(fixture.faults.count(Operation.LOAD)).isLessThanOrEqualTo(kind == Kind.COMPLETE ? 2 : 128);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"COMPLETE", "MINIMAL"})
    @DisplayName("R21 R70 a transaction lists what it wrote, and not what it deleted or cleared")
    void ids_inTransaction_includeOwnWrites(Kind kind) {
        try (Fixture fixture = hiding(kind)) {
            fixture.put("bob.1", "1");
            fixture.put("bob.2", "1");
            fixture.alice.useTransaction("k", tx -> {
                tx.put(KeyTypes.SESSION, "bob.1", bytes("2"));
                tx.put(KeyTypes.SESSION, "bob.3", bytes("2"));
                tx.delete(KeyTypes.SESSION, "bob.2");
                assertThat(sessions(tx, "bob.")).containsExactly("bob.1", "bob.3");
                tx.clear();
                tx.put(KeyTypes.SESSION, "bob.4", bytes("2"));
                assertThat(sessions(tx, "bob.")).containsExactly("bob.4");
            });
            assertThat(sessions(fixture.alice, "")).containsExactly("bob.4");
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R14 R70 move, insert, take, clear and erase find the entries under their hidden names")
    void operations_findEntries(Kind kind) {
        try (Fixture fixture = hiding(kind)) {
            KeyOperations alice = fixture.alice;
            alice.insert(KeyTypes.SESSION, "pn.1", bytes("1"));
            assertThat(alice.move(KeyTypes.SESSION, "pn.1", "lid.1", OnExisting.REFUSE))
                    .isTrue();
            alice.put(KeyTypes.LID_MAPPING, "x", "1");
            alice.saveCredentials(bytes("me"));
            assertThat(sessions(alice, "")).containsExactly("lid.1");
            assertThat(fixture.find("lid.1")).isEqualTo("1");
            assertThat(text(alice.take(KeyTypes.SESSION, "lid.1"))).isEqualTo("1");
            fixture.put("y", "1");

            alice.clear();
            try (Fixture cleared = reopened(fixture)) {
                assertThat(cleared.find("y")).isEqualTo("absent");
                assertThat(text(cleared.alice.credentials())).isEqualTo("me");
                cleared.put("z", "1");
                cleared.alice.erase();
                cleared.put("after", "2");
            }
            try (Fixture erased = reopened(fixture)) {
                assertThat(erased.alice.credentials()).isEmpty();
                assertThat(sessions(erased.alice, "")).containsExactly("after");
                assertThat(erased.find("after")).isEqualTo("2");
                assertThat(erased.alice.verify()).isEmpty();
            }
        }
    }

    @Test
    @DisplayName("R70 the same entries have unrelated hidden names and types in two contexts")
    void contexts_sameIds_haveUnrelatedNames() {
        try (Fixture fixture = hiding(Kind.COMPLETE)) {
            List<String> stored = new ArrayList<>();
            for (String context : List.of("alice", "bob")) {
                fixture.database.forContext(context).put(KeyTypes.SESSION, "x", bytes("1"));
                NameHiding names = names(fixture);
                try (Stream<EntryId> entries = fixture.contents().list(names.context(context))) {
                    entries.filter(entry -> !entry.equals(KEYS))
                            .forEach(entry -> stored.addAll(List.of(entry.type(), entry.id())));
                }
            }
            assertThat(stored).hasSize(4).doesNotHaveDuplicates();
        }
    }

    @Test
    @DisplayName("R55 R70 contexts are listed by their true names, also those of other owners")
    void contexts_areListed() {
        try (Fixture fixture = hiding(Kind.COMPLETE)) {
            assertThat(contexts(fixture.database)).isEmpty();
            fixture.put("x", "1");
            fixture.database.forContext("bob").saveCredentials(bytes("me"));
            fixture.database.forContext("default").put(KeyTypes.SESSION, "x", bytes("1"));
            fixture.database.forContext("carol").put(KeyTypes.SESSION, "x", bytes("1"));
            fixture.database.forContext("carol").delete(KeyTypes.SESSION, "x");
            assertThat(contexts(fixture.database)).containsExactly("alice", "bob", "default");
            fixture.database.forContext("bob").erase();
            assertThat(contexts(fixture.database)).containsExactly("alice", "default");
            assertThatThrownBy(() -> fixture.database.forExistingContext("bob"))
                    .isInstanceOf(ContextNotFoundException.class)
                    .hasMessageContaining("\"bob\"");
            try (Fixture reopened = reopened(fixture)) {
                assertThat(contexts(reopened.database)).containsExactly("alice", "default");
                assertThat(sessions(reopened.database.forExistingContext("default"), ""))
                        .containsExactly("x");
            }
        }
        try (Fixture minimal = hiding(Kind.MINIMAL)) {
            assertThat(contexts(minimal.database)).isEmpty();
            minimal.put("x", "1");
            assertThat(contexts(minimal.database)).containsExactly("default");
        }
    }

    @Test
    @DisplayName("R55 R70 a context whose keys are damaged or missing does not hide the others, but ends their listing")
    void contexts_keysUnreadable_othersAreListed() {
        for (byte[] keys : new byte[][] {{1, 2, 3}, null}) {
            try (Fixture fixture = hiding(Kind.COMPLETE)) {
                fixture.put("x", "1");
                fixture.database.forContext("bob").put(KeyTypes.SESSION, "x", bytes("1"));
                fixture.database.forContext("carol").put(KeyTypes.SESSION, "x", bytes("1"));
                String stored = names(fixture).context("bob");
                if (keys == null) {
                    fixture.contents().delete(stored, KEYS.type(), KEYS.id());
                } else {
                    fixture.contents().save(stored, KEYS.type(), KEYS.id(), keys);
                }
                List<String> listed = new ArrayList<>();
                try (Stream<String> contexts = fixture.database.contexts()) {
                    assertThatThrownBy(() -> contexts.forEach(listed::add))
                            .isInstanceOfSatisfying(UnreadableEntryException.class, e -> {
                                assertThat(e.context()).isEqualTo(stored);
                                assertThat(e.entry()).isEqualTo(KEYS);
                            });
                }
                assertThat(listed).containsExactlyInAnyOrder("alice", "carol");
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"COMPLETE", "GROUPING", "MINIMAL"})
    @DisplayName("R70 a damaged entry is not left out: all others are listed, then its hidden name is reported")
    void damaged_isReported(Kind kind) {
        try (Fixture fixture = hiding(kind)) {
            IntStream.range(0, 200).forEach(i -> fixture.put("bob." + i, "1"));
            fixture.put("carol.1", "1");
            EntryId place = place(fixture, "bob.7");
            plant(fixture, "bob.7", new byte[] {2, 3, 4});
            try (Fixture reopened = reopened(fixture)) {
                List<String> listed = new ArrayList<>();
                try (Stream<String> ids = reopened.alice.ids(KeyTypes.SESSION, "bob.")) {
                    assertThatThrownBy(() -> ids.forEach(listed::add))
                            .isInstanceOfSatisfying(
                                    CorruptEntryException.class,
                                    e -> assertThat(e.entry()).isEqualTo(place));
                }
                assertThat(listed).hasSize(199).doesNotContain("bob.7");
                assertThat(sessions(reopened.alice, "carol.")).containsExactly("carol.1");
                assertThat(reopened.alice.verify()).containsExactly(place);
                assertThatThrownBy(() -> reopened.find("bob.7"))
                        .isInstanceOf(CorruptEntryException.class)
                        .hasMessageContaining("session/bob.7");

                reopened.alice.delete(KeyTypes.SESSION, "bob.7");
                assertThat(sessions(reopened.alice, "bob.")).hasSize(199);
                assertThat(reopened.alice.verify()).isEmpty();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"COMPLETE", "MINIMAL"})
    @DisplayName("R71 records that were swapped or moved under hidden names are tampered with, and reported as such")
    void swapped_isRefused(Kind kind) {
        try (Fixture fixture = hiding(kind)) {
            fixture.put("bob.1", "1");
            fixture.put("bob.2", "2");
            fixture.put("carol.1", "3");
            byte[] first = record(fixture, "bob.1");
            byte[] second = record(fixture, "bob.2");
            plant(fixture, "bob.1", second);
            plant(fixture, "bob.2", first);
            plant(fixture, "dave.1", first);
            try (Fixture reopened = reopened(fixture)) {
                for (String id : List.of("bob.1", "bob.2", "dave.1")) {
                    assertThatThrownBy(() -> reopened.find(id))
                            .isInstanceOf(TamperedEntryException.class)
                            .hasMessageContaining("session/" + id);
                    assertThatThrownBy(() -> sessions(reopened.alice, id.substring(0, id.length() - 1)))
                            .isInstanceOf(TamperedEntryException.class);
                }
                assertThat(sessions(reopened.alice, "carol.")).containsExactly("carol.1");
                assertThat(reopened.alice.verify())
                        .containsExactlyInAnyOrder(
                                place(fixture, "bob.1"), place(fixture, "bob.2"), place(fixture, "dave.1"));
            }
        }
    }

    @Test
    @DisplayName("R71 records and keys from another context under hidden names are refused")
    void ofAnotherContext_isRefused() {
        try (Fixture fixture = hiding(Kind.COMPLETE)) {
            fixture.put("x", "1");
            fixture.database.forContext("bob").put(KeyTypes.SESSION, "x", bytes("2"));
            NameHiding names = names(fixture);
            String bob = names.context("bob");
            ContextAwareBackend contents = fixture.contents();
            byte[] record = contents.load(bob, names.type("bob", "session"), names.id("bob", "session", "x"))
                    .orElseThrow();
            byte[] keys = contents.load(bob, KEYS.type(), KEYS.id()).orElseThrow();
            plant(fixture, "x", record);
            try (Fixture reopened = reopened(fixture)) {
                assertThatThrownBy(() -> reopened.find("x")).isInstanceOf(EntryKeyMissingException.class);
                assertThatThrownBy(() -> sessions(reopened.alice, "")).isInstanceOf(EntryKeyMissingException.class);
            }
            contents.save(names.context("alice"), KEYS.type(), KEYS.id(), keys);
            try (Fixture reopened = reopened(fixture)) {
                assertThatThrownBy(() -> reopened.find("x")).isInstanceOf(TamperedEntryException.class);
                assertThatThrownBy(() -> contexts(reopened.database)).isInstanceOf(TamperedEntryException.class);
            }
        }
    }

    @Test
    @DisplayName("R53 R70 exceptions name the true context of a lost, owned or unknown commit")
    void failures_nameTheTrueContext() {
        try (Fixture fixture = hiding(Kind.COMPLETE)) {
            fixture.put("x", "1");
            fixture.faults.on(Operation.COMMIT).fail(Moment.BEFORE, BackendException.Kind.TRANSIENT);
            fixture.put("x", "2");
            try (Fixture other = fixture.reopen(options -> options.encryption(ENCRYPTION))) {
                other.put("x", "3");
                assertThatThrownBy(() -> fixture.put("x", "4"))
                        .isInstanceOfSatisfying(
                                OwnershipLostException.class,
                                e -> assertThat(e.context()).isEqualTo("alice"))
                        .hasMessageContaining("\"alice\"");
                try (SignalKeyDatabase polite = SignalKeyDatabase.builder()
                        .backend(fixture.contents())
                        .encryption(ENCRYPTION)
                        .refuseOwned()
                        .open()) {
                    assertThatThrownBy(() -> polite.forContext("alice"))
                            .isInstanceOfSatisfying(
                                    ContextOwnedException.class,
                                    e -> assertThat(e.context()).isEqualTo("alice"))
                            .hasMessageContaining("\"alice\"");
                }
            }
        }
    }

    @Test
    @DisplayName("R54 R70 a commit in doubt is resolved under the hidden name of its context")
    void commitInDoubt_isResolved() {
        try (Fixture fixture = hiding(Kind.COMPLETE)) {
            fixture.put("x", "1");
            fixture.faults.on(Operation.COMMIT).fail(Moment.AFTER, BackendException.Kind.OUTCOME_UNKNOWN);
            fixture.put("x", "2");
            assertThat(fixture.find("x")).isEqualTo("2");
        }
        try (Fixture fixture = hiding(Kind.GROUPING)) {
            fixture.put("x", "1");
            fixture.faults.on(Operation.COMMIT).fail(Moment.AFTER, BackendException.Kind.OUTCOME_UNKNOWN);
            assertThatThrownBy(() -> fixture.put("x", "2"))
                    .isInstanceOfSatisfying(
                            CommitOutcomeUnknownException.class,
                            e -> assertThat(e.entries()).containsExactly(new EntryId("session", "x")))
                    .hasMessageContaining("\"alice\"");
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"PLAIN", "MINIMAL"})
    @DisplayName("R42 R70 a failed commit is rolled back under hidden names; what is in doubt is listed by true ones")
    void rollback_listsTrueNames(Kind kind) {
        try (Fixture fixture = hiding(kind)) {
            fixture.put("x", "1");
            fixture.put("y", "1");
            fixture.faults.on(Operation.SAVE).nth(2).fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
            assertThat(catchThrowable(() -> commitTwo(fixture))).isNotNull();
            assertThat(fixture.find("x")).isEqualTo("1");
            assertThat(fixture.find("y")).isEqualTo("1");

            fixture.faults.on(Operation.SAVE).nth(2).forever().fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
            assertThatThrownBy(() -> commitTwo(fixture))
                    .isInstanceOfSatisfying(
                            RollbackFailedException.class,
                            e -> assertThat(e.entries()).containsExactly(new EntryId("session", "x")))
                    .hasMessageContaining("\"" + fixture.context() + "\"");
        }
    }

    private static void commitTwo(Fixture fixture) {
        fixture.alice.useTransaction("k", tx -> {
            tx.put(KeyTypes.SESSION, "x", bytes("2"));
            tx.put(KeyTypes.SESSION, "y", bytes("2"));
        });
    }

    @Test
    @DisplayName("R3 R70 a backend that fails while records are loaded fails a listing, and makes verify incomplete")
    void listing_backendFails() {
        try (Fixture fixture = hiding(Kind.COMPLETE)) {
            fixture.put("x", "1");
            fixture.put("y", "1");
            fixture.faults.on(Operation.LOAD).forever().fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
            assertThatThrownBy(() -> sessions(fixture.alice, "")).isInstanceOf(LoadFailedException.class);
            fixture.faults.heal();
            fixture.faults.on(Operation.LOAD).fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
            assertThat(sessions(fixture.alice, "")).as("loaded one by one").containsExactly("x", "y");
            EntryId place = place(fixture, "x");
            fixture.faults
                    .on(Operation.LOAD)
                    .of(place.type(), place.id())
                    .forever()
                    .fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
            assertThatThrownBy(fixture.alice::verify)
                    .isInstanceOfSatisfying(
                            IncompleteVerificationException.class,
                            e -> assertThat(e.unreadable()).containsExactly(place));
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"COMPLETE", "MINIMAL"})
    @DisplayName("R74 keys are rotated under the same hidden names; a damaged entry keeps its former key")
    void rotate_keepsNames(Kind kind) {
        try (Fixture fixture = hiding(kind)) {
            IntStream.range(0, 100).forEach(i -> fixture.put("bob." + i, "" + i));
            byte[] former = record(fixture, "bob.3");
            EntryId place = place(fixture, "bob.3");
            byte[] damaged = {2};
            plant(fixture, "bob.4", damaged);
            StoreEncryption encryption = fixture.database.encryption();
            assertThatThrownBy(() -> encryption.rotate(progress -> {})).isInstanceOf(RewriteIncompleteException.class);
            fixture.put("bob.4", "4");

            encryption.rotate(progress -> {});

            assertThat(place(fixture, "bob.3")).isEqualTo(place);
            assertThat(record(fixture, "bob.3")).isNotEqualTo(former);
            Map<String, Long> byKey = encryption.entriesByKey(fixture.context());
            assertThat(byKey).hasSize(1).containsValue(100L);
            try (Fixture reopened = reopened(fixture)) {
                assertThat(sessions(reopened.alice, "bob.")).hasSize(100);
                assertThat(reopened.find("bob.3")).isEqualTo("3");
                assertThat(reopened.alice.verify()).isEmpty();
            }
        }
    }

    @Test
    @DisplayName("R70 whether names are hidden is fixed: a store is opened as its mark says, or refused unchanged")
    void setting_isFixed() {
        Encryption plainNames = TestEncryption.create();
        UnaryOperator<SignalKeyDatabase.Builder> plain = options -> options.encryption(plainNames);
        UnaryOperator<SignalKeyDatabase.Builder> hiding = options -> options.encryption(plainNames.hidingNames());
        try (Fixture fixture = Fixture.of(Kind.COMPLETE, hiding)) {
            fixture.put("x", "1");
            try (Fixture reopened = fixture.reopen(plain)) {
                assertThat(reopened.find("x")).isEqualTo("1");
                reopened.put("y", "1");
                assertThat(sessions(reopened.alice, "")).containsExactly("x", "y");
                assertThat(reopened.storedContexts()).doesNotContain("alice");
            }
            assertThatThrownBy(() -> fixture.database.encryption().decrypt(progress -> {}))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("names are hidden")
                    .hasMessageContaining("new store");
            assertThat(sessions(fixture.reopen(hiding).alice, "")).hasSize(2);
        }
        try (Fixture fixture = Fixture.of(Kind.COMPLETE, plain)) {
            fixture.put("x", "1");
            assertThatThrownBy(() -> fixture.reopen(hiding))
                    .isInstanceOf(StoreOpenException.class)
                    .hasMessageContaining("not hidden");
            fixture.put("x", "2");
        }
        try (Fixture fixture = Fixture.of(Kind.COMPLETE)) {
            fixture.put("x", "1");
            assertThatThrownBy(() ->
                            fixture.reopen(options -> hiding.apply(options).encryptExisting()))
                    .isInstanceOf(StoreOpenException.class)
                    .hasMessageContaining("new store");
            fixture.put("x", "2");
        }
    }

    @Test
    @DisplayName("R28 R76 a closed database refuses to list, and its hidden names cannot be computed any more")
    void closed_isRefused() {
        Fixture fixture = hiding(Kind.COMPLETE);
        fixture.put("x", "1");
        SignalKeyStore alice = fixture.alice;
        Stream<String> open = alice.ids(KeyTypes.SESSION, "");
        fixture.close();
        assertThatThrownBy(() -> open.forEach(id -> {})).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> alice.ids(KeyTypes.SESSION, "")).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(fixture.database::contexts).isInstanceOf(IllegalStateException.class);
    }
}
