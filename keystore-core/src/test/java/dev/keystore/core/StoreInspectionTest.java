package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import dev.keystore.ContextPosition;
import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.KeyPair;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.KeyUnavailableException;
import dev.keystore.LoadFailedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.SignalKeyStore;
import dev.keystore.SignedPreKey;
import dev.keystore.StoreOpenException;
import dev.keystore.core.ContextInspection.Damage;
import dev.keystore.core.ContextInspection.Kind;
import dev.keystore.core.ContextInspection.SignedKey;
import dev.keystore.core.ContextInspection.TypeContents;
import dev.keystore.core.ContextInspection.Use;
import dev.keystore.encryption.Encryption;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.StoreSealing;
import dev.keystore.spi.StoreSealing.Phase;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.MemoryBackend;
import dev.keystore.testkit.MinimalBackend;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Looks at databases on backends in memory, which other databases use. */
@Timeout(60)
class StoreInspectionTest {

    private static final Encryption ENCRYPTION = TestEncryption.create();
    private static final Instant CREATED = Instant.parse("2026-10-01T00:00:00Z");

    private final MemoryBackend memory = new MemoryBackend();
    private final Faults faults = new Faults();

    private SignalKeyDatabase open() {
        return SignalKeyDatabase.builder().backend(memory.reopen()).open();
    }

    private SignalKeyDatabase openEncrypted() {
        return SignalKeyDatabase.builder()
                .backend(memory.reopen())
                .encryption(ENCRYPTION)
                .open();
    }

    private StoreInspection inspection() {
        return SignalKeyDatabase.builder()
                .backend(FaultyBackend.complete(memory.reopen(), faults))
                .openToInspect();
    }

    private static List<String> contexts(StoreInspection store) {
        try (Stream<String> listed = store.contexts()) {
            return listed.sorted().toList();
        }
    }

    private static SignedPreKey signedPreKey(Instant created) {
        return new SignedPreKey(new KeyPair(new byte[33], new byte[32]), new byte[64], created.toEpochMilli());
    }

    /** Returns a Kyber pre-key in the form of libsignal, with short keys. */
    private static byte[] kyberPreKey(int id, Instant created) {
        return ByteBuffer.allocate(2 + 3 * 4 + 9)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(new byte[] {1 << 3, (byte) id})
                .put(new byte[] {2 << 3 | 2, 2, 1, 1})
                .put(new byte[] {3 << 3 | 2, 2, 1, 1})
                .put(new byte[] {4 << 3 | 2, 2, 1, 1})
                .put((byte) (5 << 3 | 1))
                .putLong(created.toEpochMilli())
                .array();
    }

    @Test
    @DisplayName("R53 looking at a store takes no context over: its owner is alive, and continues committing")
    void inspect_alongsideOwner_takesNothingOver() {
        try (SignalKeyDatabase database = open();
                StoreInspection store = inspection()) {
            SignalKeyStore alice = database.forContext("alice");
            alice.put(KeyTypes.SESSION, "bob.1", bytes("one"));

            ContextInspection found = store.inspect("alice");

            assertThat(found.types()).isEqualTo(Map.of("session", new TypeContents(1, 3, 3)));
            assertThat(found.owner()).get().satisfies(owner -> {
                assertThat(owner.alive()).isTrue();
                assertThat(owner.epoch()).isEqualTo(1);
            });
            assertThat(found.position()).contains(new ContextPosition(1, 1));
            alice.put(KeyTypes.SESSION, "bob.1", bytes("two"));
            assertThat(store.inspect("alice").position()).contains(new ContextPosition(1, 2));
            assertThat(faults.calls(Operation.TAKE_OVER)).isEmpty();
            assertThat(faults.calls(Operation.COMMIT)).isEmpty();
        }
        try (StoreInspection store = inspection()) {
            assertThat(store.owner("alice").orElseThrow().alive()).isFalse();
            assertThat(store.owner("bob")).isEmpty();
        }
    }

    @Test
    @DisplayName("R94 entries are read without taking the context over, bypassing every cache, also if encrypted")
    void read_alongsideOwner_takesNothingOver() {
        try (SignalKeyDatabase database = openEncrypted();
                StoreInspection store = SignalKeyDatabase.builder()
                        .backend(FaultyBackend.complete(memory.reopen(), faults))
                        .encryption(ENCRYPTION)
                        .openToInspect()) {
            SignalKeyStore alice = database.forContext("alice");
            alice.put(KeyTypes.SESSION, "bob.1", bytes("one"));
            alice.saveCredentials(bytes("mine"));
            for (String value : List.of("two", "three")) {
                alice.put(KeyTypes.SESSION, "bob.1", bytes(value));
                List<Object> read = store.read("alice", reader -> {
                    assertThat(reader.context()).isEqualTo("alice");
                    assertThat(reader.inTransaction()).isFalse();
                    assertThat(reader.get(KeyTypes.SESSION, List.of("bob.1", "none")))
                            .containsOnlyKeys("bob.1");
                    try (Stream<String> ids = reader.ids(KeyTypes.SESSION, "b")) {
                        return List.of(
                                new String(
                                        reader.find(KeyTypes.SESSION, "bob.1").orElseThrow(), UTF_8),
                                new String(reader.credentials().orElseThrow(), UTF_8),
                                ids.toList());
                    }
                });
                assertThat(read).isEqualTo(List.of(value, "mine", List.of("bob.1")));
            }
            assertThat(store.<Boolean>read(
                            "nobody", reader -> reader.credentials().isEmpty()))
                    .isTrue();
            assertThat(faults.calls(Operation.TAKE_OVER)).isEmpty();
            assertThat(faults.calls(Operation.COMMIT)).isEmpty();
            alice.put(KeyTypes.SESSION, "bob.1", bytes("still the owner"));
        }
    }

    @Test
    @DisplayName("R60 entries and bytes are counted by type, those of unknown types and the credentials among them")
    void inspect_countsByType() {
        try (SignalKeyDatabase database = open()) {
            database.forContext("alice").useTransaction("k", tx -> {
                for (int i = 0; i < 200; i++) {
                    tx.put(KeyTypes.SESSION, "bob." + i, new byte[i]);
                }
                tx.put(KeyType.ofBytes("other"), "x", new byte[0]);
                tx.saveCredentials(new byte[7]);
            });
            database.forContext("bob");
        }
        try (StoreInspection store = inspection()) {
            assertThat(contexts(store)).containsExactly("alice");
            ContextInspection found = store.inspect("alice");
            assertThat(found.types())
                    .isEqualTo(Map.of(
                            "session", new TypeContents(200, 199 * 100, 199),
                            "other", new TypeContents(1, 0, 0),
                            "credentials", new TypeContents(1, 7, 7)));
            assertThat(found.entries()).isEqualTo(202);
            assertThat(found.isIntact()).isTrue();
            assertThat(store.inspect("bob").types()).isEmpty();
        }
    }

    @Test
    @DisplayName("R43 damaged entries are listed with the reason, and all others are counted")
    void inspect_damagedEntries_listsThemAndCountsTheOthers() {
        try (SignalKeyDatabase database = open()) {
            database.forContext("alice").useTransaction("k", tx -> {
                for (int i = 0; i < 100; i++) {
                    tx.put(KeyTypes.SESSION, "bob." + i, bytes("value"));
                }
            });
        }
        memory.reopen().save("alice", "session", "bob.7", new byte[] {1, 2, 3});
        memory.reopen().save("alice", "signed-pre-key", "1", Envelope.seal("alice", "signed-pre-key", "1", bytes("x")));
        faults.on(Operation.LOAD)
                .inContext("alice")
                .of("session", "bob.9")
                .forever()
                .fail(Moment.BEFORE, BackendException.Kind.PERMANENT);

        try (StoreInspection store = inspection()) {
            ContextInspection found = store.inspect("alice");

            assertThat(found.types()).isEqualTo(Map.of("session", new TypeContents(98, 490, 5)));
            assertThat(found.damagedEntries()).isEqualTo(3);
            assertThat(found.damaged())
                    .extracting(Damage::entry, Damage::kind)
                    .containsExactlyInAnyOrder(
                            tuple(new EntryId("session", "bob.7"), Kind.CORRUPT),
                            tuple(new EntryId("signed-pre-key", "1"), Kind.CORRUPT),
                            tuple(new EntryId("session", "bob.9"), Kind.NOT_LOADED));
            assertThat(found.isIntact()).isFalse();
        }
    }

    @Test
    @DisplayName("R43 a listing that fails midway leaves what was read, and says that more may be missing")
    void inspect_listingFails_isIncomplete() {
        try (SignalKeyDatabase database = open()) {
            database.forContext("alice").put(KeyTypes.SESSION, "bob.1", bytes("one"));
        }
        faults.on(Operation.LIST).inContext("alice").forever().fail(Moment.MIDWAY, BackendException.Kind.PERMANENT);
        try (StoreInspection store = inspection()) {
            assertThat(store.inspect("alice").incomplete()).isPresent();
            faults.heal();
            assertThat(store.inspect("alice").incomplete()).isEmpty();
        }
        faults.on(Operation.LIST).inContext("alice").forever().fail(Moment.BEFORE, BackendException.Kind.TRANSIENT);
        try (StoreInspection store = inspection()) {
            assertThatThrownBy(() -> store.inspect("alice")).isInstanceOf(LoadFailedException.class);
        }
    }

    @Test
    @DisplayName("signed keys have the time of their creation, where their record holds it in a known form")
    void inspect_signedKeys_haveTheirAge() {
        try (SignalKeyDatabase database = open()) {
            database.forContext("alice").useTransaction("k", tx -> {
                tx.put(KeyTypes.SIGNED_PRE_KEY, "3", signedPreKey(CREATED));
                tx.put(KeyTypes.KYBER_PRE_KEY, "5", kyberPreKey(5, CREATED));
                tx.put(KeyTypes.KYBER_PRE_KEY, "6", kyberPreKey(6, CREATED));
                tx.put(KeyTypes.KYBER_PRE_KEY, "7", kyberPreKey(8, CREATED));
                tx.put(KeyType.ofBytes("libsignal-one-time-kyber-pre-key"), "6", new byte[0]);
            });
        }
        try (StoreInspection store = inspection()) {
            assertThat(store.inspect("alice").signedKeys())
                    .extracting(key -> key.entry().id(), key -> key.created().orElse(null), SignedKey::use)
                    .containsExactly(
                            tuple("5", CREATED, Use.UNKNOWN),
                            tuple("6", CREATED, Use.ONCE),
                            tuple("7", null, Use.UNKNOWN),
                            tuple("3", CREATED, Use.MANY));
        }
    }

    @Test
    @DisplayName("a Kyber pre-key in any other form has no known time")
    void created_otherForms_areUnknown() {
        byte[] record = kyberPreKey(5, CREATED);
        assertThat(SignedKeyRecord.created("5", record)).contains(CREATED);
        for (int length = 0; length < record.length; length++) {
            assertThat(SignedKeyRecord.created("5", Arrays.copyOf(record, length)))
                    .as("the first %s bytes", length)
                    .isEmpty();
        }
        record[3] = 100;
        assertThat(SignedKeyRecord.created("5", record)).isEmpty();
        assertThat(SignedKeyRecord.created("5", new byte[] {1 << 3, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}))
                .isEmpty();
    }

    @Test
    @DisplayName("R72 an encrypted store needs its key, a plain one refuses a key, and neither is changed")
    void openToInspect_encryptedStore_needsItsKeyAndChangesNothing() {
        assertThat(SignalKeyDatabase.builder()
                        .backend(memory.reopen())
                        .encryption(ENCRYPTION)
                        .openToInspect()
                        .encryption())
                .as("an empty store is not marked as encrypted")
                .isEmpty();
        try (Stream<String> contexts = memory.reopen().contexts()) {
            assertThat(contexts).isEmpty();
        }
        try (SignalKeyDatabase database = openEncrypted()) {
            database.forContext("alice").put(KeyTypes.SESSION, "bob.1", bytes("one"));
        }
        assertThatThrownBy(this::inspection).isInstanceOf(KeyUnavailableException.class);
        try (StoreInspection store = SignalKeyDatabase.builder()
                .backend(memory.reopen())
                .encryption(ENCRYPTION)
                .openToInspect()) {
            assertThat(store.encryption()).contains(Phase.ENCRYPTED);
            assertThat(contexts(store)).containsExactly("alice");
            assertThat(store.inspect("alice").entries()).isEqualTo(1);
            assertThat(store.inspect("alice").entriesByKey().values()).containsExactly(1L);
        }
        MemoryBackend plain = new MemoryBackend();
        try (SignalKeyDatabase database =
                SignalKeyDatabase.builder().backend(plain.reopen()).open()) {
            database.forContext("alice").put(KeyTypes.SESSION, "bob.1", bytes("one"));
        }
        assertThatThrownBy(() -> SignalKeyDatabase.builder()
                        .backend(plain.reopen())
                        .encryption(ENCRYPTION)
                        .openToInspect())
                .isInstanceOf(StoreOpenException.class);
    }

    @Test
    @DisplayName("R72 the entries of an encrypted context are counted by key while they are read, once")
    void inspect_encryptedContext_countsKeysInTheSameReading() {
        try (SignalKeyDatabase database = openEncrypted()) {
            SignalKeyStore alice = database.forContext("alice");
            alice.put(KeyTypes.SESSION, "bob.1", bytes("one"));
            alice.put(KeyTypes.SESSION, "bob.2", bytes("two"));
            alice.saveCredentials(bytes("account"));
        }
        byte[] tampered = memory.load("alice", "session", "bob.2").orElseThrow();
        tampered[tampered.length - 1] ^= 1;
        memory.save("alice", "session", "bob.2", tampered);
        try (StoreInspection store = SignalKeyDatabase.builder()
                .backend(FaultyBackend.complete(memory.reopen(), faults))
                .encryption(ENCRYPTION)
                .openToInspect()) {
            ContextInspection found = store.inspect("alice");

            assertThat(found.damagedEntries()).isOne();
            assertThat(found.entriesByKey())
                    .hasSize(2)
                    .containsEntry("unreadable", 1L)
                    .containsValue(2L);
            assertThat(faults.loads("session", "bob.1")).isEqualTo(1);
        }
        try (SignalKeyDatabase database = openEncrypted();
                StoreInspection store = database.inspection()) {
            assertThat(store.inspect("alice").entriesByKey())
                    .isEqualTo(database.encryption().entriesByKey("alice"));
        }
    }

    @Test
    @DisplayName("R43 data keys that the backend itself reports as damaged are listed, with the entries sealed by them")
    void inspect_backendReportsDamagedKeys_listsThem() {
        try (SignalKeyDatabase database = openEncrypted()) {
            database.forContext("alice").put(KeyTypes.SESSION, "bob.1", bytes("one"));
        }
        faults.on(Operation.LOAD)
                .inContext("alice")
                .of(StoreSealing.KEYS.type(), StoreSealing.KEYS.id())
                .forever()
                .fail(Moment.BEFORE, () -> new CorruptEntryException("alice", StoreSealing.KEYS, "no such page", null));
        try (StoreInspection store = SignalKeyDatabase.builder()
                .backend(FaultyBackend.complete(memory.reopen(), faults))
                .encryption(ENCRYPTION)
                .openToInspect()) {
            assertThat(store.inspect("alice").damaged())
                    .extracting(Damage::entry, damage -> damage.kind().name())
                    .containsExactly(
                            tuple(StoreSealing.KEYS, "KEYS_UNREADABLE"),
                            tuple(new EntryId("session", "bob.1"), "KEYS_UNREADABLE"));
        }
    }

    @Test
    @DisplayName("R70 in a store that hides names, contexts and entries are shown by their true ones")
    void inspect_hiddenNames_showsTrueNames() {
        Encryption hiding = ENCRYPTION.hidingNames();
        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                .backend(memory.reopen())
                .encryption(hiding)
                .open()) {
            database.forContext("alice").put(KeyTypes.SESSION, "bob.1", bytes("one"));
            try (StoreInspection store = SignalKeyDatabase.builder()
                    .backend(memory.reopen())
                    .encryption(hiding)
                    .openToInspect()) {
                assertThat(contexts(store)).containsExactly("alice");
                assertThat(store.hidesNames()).isTrue();
                assertThat(store.inspect("alice").types()).containsOnlyKeys("session");
                assertThat(store.owner("alice").orElseThrow().alive()).isTrue();
            }
        }
    }

    @Test
    @DisplayName("R51 R63 a backend without contexts and ownership is read, and has no owner")
    void inspect_minimalBackend_isRead() {
        try (StoreInspection store =
                SignalKeyDatabase.builder().backend(new MinimalBackend()).openToInspect()) {
            assertThat(store.hasOwners()).isFalse();
            assertThat(contexts(store)).isEmpty();
            assertThat(store.inspect(SignalKeyDatabase.DEFAULT_CONTEXT).owner()).isEmpty();
            assertThatThrownBy(() -> store.inspect("alice")).isInstanceOf(IllegalArgumentException.class);
        }
    }

    @Test
    @DisplayName("R53 a takeover that follows a look fences the owner as ever")
    void takeOver_afterInspection_fences() {
        try (SignalKeyDatabase first = open()) {
            SignalKeyStore alice = first.forContext("alice");
            alice.put(KeyTypes.SESSION, "bob.1", bytes("one"));
            try (StoreInspection store = inspection()) {
                store.inspect("alice");
            }
            try (SignalKeyDatabase second = open()) {
                second.forContext("alice");
                assertThatThrownBy(() -> alice.put(KeyTypes.SESSION, "bob.1", bytes("two")))
                        .isInstanceOf(OwnershipLostException.class);
            }
        }
    }
}
