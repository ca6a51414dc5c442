package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static dev.keystore.core.Fixture.text;
import static dev.keystore.spi.StoreSealing.KEYS;
import static dev.keystore.spi.StoreSealing.MARK;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.EntryKeyMissingException;
import dev.keystore.KeyTypes;
import dev.keystore.KeyUnavailableException;
import dev.keystore.LoadFailedException;
import dev.keystore.SignalKeyStore;
import dev.keystore.StoreOpenException;
import dev.keystore.TamperedEntryException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.core.Fixture.Kind;
import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.testkit.Call;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.Gate;
import dev.keystore.testkit.MemoryBackend;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@Timeout(60)
class EncryptionTest {

    private static final Encryption ENCRYPTION = TestEncryption.create();

    private static Fixture encrypted(Kind kind) {
        return Fixture.of(kind, options -> options.encryption(ENCRYPTION));
    }

    private static Fixture reopened(Fixture fixture) {
        return fixture.reopen(options -> options.encryption(ENCRYPTION));
    }

    private static SignalKeyDatabase open(Backend backend) {
        return SignalKeyDatabase.builder()
                .backend(backend)
                .encryption(ENCRYPTION)
                .open();
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R70 the backend holds no byte of a value, and a reopened store reads all of them")
    void values_afterReopening_areRead(Kind kind) {
        String secret = "a value that is long enough to be recognized";
        try (Fixture fixture = encrypted(kind)) {
            fixture.put("bob.1", secret);
            fixture.put("bob.2", "");
            fixture.alice.saveCredentials(bytes(secret));
            String stored =
                    new String(fixture.stored(KeyTypes.SESSION, "bob.1").orElseThrow(), StandardCharsets.ISO_8859_1);

            assertThat(stored).doesNotContain(secret.substring(0, 8));
            assertThat(fixture.find("bob.1")).isEqualTo(secret);
            try (Fixture reopened = reopened(fixture)) {
                assertThat(reopened.find("bob.1")).isEqualTo(secret);
                assertThat(reopened.find("bob.2")).isEmpty();
                assertThat(reopened.find("bob.3")).isEqualTo("absent");
                assertThat(text(reopened.alice.credentials())).isEqualTo(secret);
                assertThat(reopened.alice.get(KeyTypes.SESSION, List.of("bob.1", "bob.2")))
                        .hasSize(2);
                reopened.put("bob.1", "2");
                assertThat(reopened.alice.verify()).isEmpty();
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"COMPLETE", "GROUPING", "ATOMIC"})
    @DisplayName("R73 the first commit of a context stores its data key in the same batch, later commits do not")
    void commit_first_storesTheKey(Kind kind) {
        try (Fixture fixture = encrypted(kind)) {
            fixture.alice.delete(KeyTypes.SESSION, "absent");
            assertThat(fixture.faults.count(Operation.COMMIT)).isZero();

            fixture.put("bob.1", "1");
            assertThat(fixture.faults.calls(Operation.COMMIT).get(0).entries())
                    .containsExactly(KEYS, new EntryId("session", "bob.1"));
            fixture.faults.forgetCalls();
            fixture.put("bob.2", "1");
            fixture.alice.clear();
            fixture.put("bob.3", "1");
            try (Fixture reopened = reopened(fixture)) {
                reopened.put("bob.4", "1");
                assertThat(reopened.faults.mutations()).isEqualTo(1);
            }

            assertThat(fixture.faults.calls(Operation.COMMIT))
                    .flatExtracting(Call::entries)
                    .doesNotContain(KEYS);
        }
    }

    @Test
    @DisplayName("R73 the data key is stored by each commit until one is durable")
    void commit_firstFails_theNextStoresTheKey() {
        try (Fixture fixture = encrypted(Kind.GROUPING)) {
            fixture.faults.on(Operation.COMMIT).times(2).fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
            assertThatThrownBy(() -> fixture.put("bob.1", "1")).isInstanceOf(CommitFailedException.class);
            assertThatThrownBy(() -> fixture.put("bob.1", "1")).isInstanceOf(CommitFailedException.class);
            fixture.faults.on(Operation.COMMIT).fail(Moment.BEFORE, BackendException.Kind.TRANSIENT);

            fixture.put("bob.1", "2");

            try (Fixture reopened = reopened(fixture)) {
                assertThat(reopened.find("bob.1")).isEqualTo("2");
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"COMPLETE", "GROUPING", "ATOMIC"})
    @DisplayName("R70 a value is sealed by its own thread before its commit queues, while another one is being written")
    void commit_queued_isSealedByItsThread(Kind kind) throws Exception {
        Map<String, Thread> sealing = new ConcurrentHashMap<>();
        ObservedSealing observed = new ObservedSealing(ENCRYPTION) {
            @Override
            protected void sealed(String context, String type, String id, byte[] value, byte[] record) {
                sealing.put(id, Thread.currentThread());
            }
        };
        try (Fixture fixture = Fixture.of(kind, options -> options.encryption(observed))) {
            fixture.put("bob.1", "1");
            Gate gate = fixture.faults.on(Operation.COMMIT).hold(Moment.BEFORE);
            Threads.Running<Boolean> held = Threads.run(() -> fixture.put("bob.2", "2"));
            gate.awaitReached();

            Threads.Running<Boolean> queued =
                    Threads.run(() -> fixture.put("bob.3", "3")).awaitCommitting();

            assertThat(sealing).containsEntry("bob.2", held.thread()).containsEntry("bob.3", queued.thread());
            sealing.clear();
            gate.open();
            held.result();
            queued.result();
            assertThat(sealing).as("sealed once").isEmpty();
        }
    }

    @Test
    @DisplayName("R73 contexts have different data keys, which are loaded when they are first needed")
    void contexts_haveKeysOfTheirOwn() {
        MemoryBackend memory = new MemoryBackend();
        try (SignalKeyDatabase database = open(memory.reopen())) {
            for (String context : List.of("alice", "bob")) {
                database.forContext(context).put(KeyTypes.SESSION, "x", bytes("of " + context));
            }
        }
        assertThat(memory.load("alice", KEYS.type(), KEYS.id()).orElseThrow())
                .isNotEqualTo(memory.load("bob", KEYS.type(), KEYS.id()).orElseThrow());
        Faults faults = new Faults();
        try (SignalKeyDatabase database = open(FaultyBackend.complete(memory.reopen(), faults))) {
            faults.forgetCalls();
            SignalKeyStore alice = database.forContext("alice");
            assertThat(faults.loads(KEYS.type(), KEYS.id())).isZero();

            assertThat(text(alice.find(KeyTypes.SESSION, "x"))).isEqualTo("of alice");
            assertThat(alice.find(KeyTypes.SESSION, "y")).isEmpty();
            assertThat(faults.loads(KEYS.type(), KEYS.id())).isEqualTo(1);
        }
    }

    @Test
    @DisplayName("R3 keys that cannot be loaded fail the read or the commit that needs them, and only that one")
    void keys_cannotBeLoaded_failsTheOperation() {
        try (Fixture seeded = encrypted(Kind.COMPLETE)) {
            seeded.put("bob.1", "1");
            try (Fixture fixture = reopened(seeded)) {
                for (BackendException.Kind kind : BackendException.Kind.values()) {
                    fixture.faults.on(Operation.LOAD).of(KEYS.type(), KEYS.id()).fail(Moment.BEFORE, kind);
                    assertThatThrownBy(() -> fixture.find("bob.1")).isInstanceOf(LoadFailedException.class);
                    fixture.faults.on(Operation.LOAD).of(KEYS.type(), KEYS.id()).fail(Moment.BEFORE, kind);
                    assertThatThrownBy(() -> fixture.put("bob.1", "2"))
                            .isInstanceOf(CommitFailedException.class)
                            .hasCauseInstanceOf(LoadFailedException.class);
                }
                fixture.put("bob.1", "3");
                assertThat(fixture.find("bob.1")).isEqualTo("3");
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R72 an encrypted store is refused without a key or with another one, and nothing is changed")
    void open_withoutTheKey_isRefused(Kind kind) {
        try (Fixture fixture = encrypted(kind)) {
            fixture.put("bob.1", "1");

            assertThatThrownBy(fixture::reopen)
                    .isInstanceOf(KeyUnavailableException.class)
                    .hasMessageContaining("encryption.key");
            assertThatThrownBy(() -> fixture.reopen(options -> options.encryption(TestEncryption.create())))
                    .isInstanceOf(KeyUnavailableException.class);
            try (Fixture reopened = reopened(fixture)) {
                assertThat(reopened.find("bob.1")).isEqualTo("1");
            }
        }
    }

    @Test
    @DisplayName("R72 a wrong key is found out before anything is written")
    void open_wrongKey_writesNothing() {
        MemoryBackend memory = new MemoryBackend();
        open(memory.reopen()).close();
        Faults faults = new Faults();

        assertThatThrownBy(() -> SignalKeyDatabase.builder()
                        .backend(FaultyBackend.complete(memory.reopen(), faults))
                        .encryption(TestEncryption.create())
                        .open())
                .isInstanceOf(KeyUnavailableException.class);

        assertThat(faults.count(Operation.COMMIT, Operation.SAVE, Operation.DELETE, Operation.TAKE_OVER))
                .isZero();
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"COMPLETE", "MINIMAL"})
    @DisplayName("R72 a plain store is refused with a key, the message names encrypt, and it stays as it is")
    void open_plainStoreWithKey_isRefused(Kind kind) {
        try (Fixture plain = Fixture.of(kind)) {
            plain.put("bob.1", "1");

            assertThatThrownBy(() -> reopened(plain))
                    .isInstanceOf(StoreOpenException.class)
                    .isNotInstanceOf(KeyUnavailableException.class)
                    .hasMessageContaining("encrypt");
            try (Fixture reopened = plain.reopen()) {
                assertThat(reopened.find("bob.1")).isEqualTo("1");
            }
        }
    }

    @Test
    @DisplayName("R72 a store whose mark was removed is refused")
    void open_markRemoved_isRefused() {
        MemoryBackend memory = new MemoryBackend();
        try (SignalKeyDatabase database = open(memory.reopen())) {
            database.forContext("alice").put(KeyTypes.SESSION, "x", bytes("1"));
        }
        memory.delete(MARK.type(), MARK.type(), MARK.id());

        assertThatThrownBy(() -> open(memory.reopen()))
                .isInstanceOf(StoreOpenException.class)
                .hasMessageContaining("mark");
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"COMPLETE", "MINIMAL"})
    @DisplayName("R72 a store whose mark was removed is refused without a key, too, and accepts no plaintext")
    void open_markRemoved_withoutKey_isRefused(Kind kind) {
        try (Fixture fixture = encrypted(kind)) {
            fixture.put("bob.1", "1");
            byte[] keys = fixture.storedKeys().orElseThrow();
            ContextAwareBackend contents = fixture.contents();
            String context = kind == Kind.MINIMAL ? fixture.context() : MARK.type();
            byte[] mark = contents.load(context, MARK.type(), MARK.id()).orElseThrow();
            contents.delete(context, MARK.type(), MARK.id());

            assertThatThrownBy(fixture::reopen)
                    .isExactlyInstanceOf(StoreOpenException.class)
                    .hasMessageContaining("its mark is lost");

            assertThat(fixture.storedKeys()).hasValue(keys);
            contents.save(context, MARK.type(), MARK.id(), mark);
            try (Fixture reopened = reopened(fixture)) {
                assertThat(reopened.find("bob.1")).isEqualTo("1");
            }
        }
    }

    @Test
    @DisplayName("R72 a store that another process decrypts meanwhile is opened without a key, as a plain one")
    void open_decryptedMeanwhile_withoutKey_isOpened() {
        MemoryBackend memory = new MemoryBackend();
        try (SignalKeyDatabase database = open(memory.reopen())) {
            database.forContext("alice").put(KeyTypes.SESSION, "x", bytes("1"));
        }
        Faults faults = new Faults();
        faults.on(Operation.LOAD).of(MARK.type(), MARK.id()).run(Moment.BEFORE, () -> {
            try (SignalKeyDatabase other = open(memory.reopen())) {
                other.encryption().decrypt(progress -> {});
            }
        });

        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                .backend(FaultyBackend.complete(memory.reopen(), faults))
                .open()) {
            assertThat(text(database.forContext("alice").find(KeyTypes.SESSION, "x")))
                    .isEqualTo("1");
        }
    }

    @Test
    @DisplayName("R72 a store whose mark cannot be read for good is refused without a key, a plain one is opened")
    void open_markUnreadable_withoutKey_isRefused() {
        for (boolean encrypted : new boolean[] {true, false}) {
            MemoryBackend memory = new MemoryBackend();
            SignalKeyDatabase.Builder builder = SignalKeyDatabase.builder().backend(memory.reopen());
            try (SignalKeyDatabase database = (encrypted ? builder.encryption(ENCRYPTION) : builder).open()) {
                database.forContext("alice").put(KeyTypes.SESSION, "x", bytes("1"));
            }
            Faults faults = new Faults();
            faults.on(Operation.LOAD)
                    .of(MARK.type(), MARK.id())
                    .forever()
                    .fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
            SignalKeyDatabase.Builder reopening =
                    SignalKeyDatabase.builder().backend(FaultyBackend.complete(memory.reopen(), faults));
            if (encrypted) {
                assertThatThrownBy(reopening::open)
                        .isExactlyInstanceOf(StoreOpenException.class)
                        .hasMessageContaining("its mark is lost");
            } else {
                try (SignalKeyDatabase database = reopening.open()) {
                    assertThat(text(database.forContext("alice").find(KeyTypes.SESSION, "x")))
                            .isEqualTo("1");
                }
            }
        }
    }

    @Test
    @DisplayName("R72 a store whose mark was removed is not taken for a plain one that is to be encrypted")
    void encryptExisting_markRemoved_isRefused() {
        MemoryBackend memory = new MemoryBackend();
        try (SignalKeyDatabase database = open(memory.reopen())) {
            database.forContext("alice").put(KeyTypes.SESSION, "x", bytes("1"));
        }
        byte[] mark = memory.load(MARK.type(), MARK.type(), MARK.id()).orElseThrow();
        memory.delete(MARK.type(), MARK.type(), MARK.id());

        assertThatThrownBy(() -> SignalKeyDatabase.builder()
                        .backend(memory.reopen())
                        .encryption(ENCRYPTION)
                        .encryptExisting()
                        .open())
                .isInstanceOf(StoreOpenException.class)
                .hasMessageContaining("its mark is lost");

        assertThat(memory.load(MARK.type(), MARK.type(), MARK.id())).isEmpty();
        memory.save(MARK.type(), MARK.type(), MARK.id(), mark);
        try (SignalKeyDatabase database = open(memory.reopen())) {
            assertThat(database.forContext("alice").find(KeyTypes.SESSION, "x")).hasValue(bytes("1"));
        }
    }

    @Test
    @DisplayName("R72 the mark of another store is refused for the contexts of this one")
    void open_markReplaced_isRefused() {
        MemoryBackend memory = new MemoryBackend();
        MemoryBackend other = new MemoryBackend();
        for (MemoryBackend each : List.of(memory, other)) {
            try (SignalKeyDatabase database = open(each.reopen())) {
                database.forContext("alice").put(KeyTypes.SESSION, "x", bytes("1"));
            }
        }
        byte[] mark = other.load(MARK.type(), MARK.type(), MARK.id()).orElseThrow();
        memory.save(MARK.type(), MARK.type(), MARK.id(), mark);

        try (SignalKeyDatabase database = open(memory.reopen())) {
            SignalKeyStore alice = database.forContext("alice");
            assertThatThrownBy(() -> alice.find(KeyTypes.SESSION, "x")).isInstanceOf(EntryKeyMissingException.class);
            assertThatThrownBy(() -> alice.put(KeyTypes.SESSION, "x", bytes("2")))
                    .isInstanceOf(CommitFailedException.class)
                    .hasCauseInstanceOf(UnreadableEntryException.class);
        }
    }

    @Test
    @DisplayName("R72 each flipped bit of the mark is found out at opening, and nothing is changed")
    void open_markChanged_isRefused() {
        MemoryBackend memory = new MemoryBackend();
        open(memory.reopen()).close();
        byte[] mark = memory.load(MARK.type(), MARK.type(), MARK.id()).orElseThrow();
        for (int bit = 0; bit < mark.length * Byte.SIZE; bit++) {
            byte[] changed = mark.clone();
            changed[bit / Byte.SIZE] ^= (byte) (1 << bit % Byte.SIZE);
            memory.save(MARK.type(), MARK.type(), MARK.id(), changed);

            assertThatThrownBy(() -> open(memory.reopen())).isInstanceOf(StoreOpenException.class);
            assertThat(memory.load(MARK.type(), MARK.type(), MARK.id())).hasValue(changed);
        }
    }

    @Test
    @DisplayName("R72 of several processes that open a new store at once, one marks it, and all use that mark")
    void open_newStoreAtOnce_hasOneMark() throws Exception {
        for (int round = 0; round < 20; round++) {
            MemoryBackend memory = new MemoryBackend();
            List<SignalKeyDatabase> databases = Threads.together(4, number -> open(memory.reopen()));
            for (int i = 0; i < databases.size(); i++) {
                databases.get(i).forContext("context " + i).put(KeyTypes.SESSION, "x", bytes("1"));
            }
            databases.forEach(SignalKeyDatabase::close);
            try (SignalKeyDatabase reopened = open(memory.reopen())) {
                for (int i = 0; i < databases.size(); i++) {
                    assertThat(text(reopened.forContext("context " + i).find(KeyTypes.SESSION, "x")))
                            .isEqualTo("1");
                }
            }
        }
    }

    @Test
    @DisplayName("R72 a mark that cannot be written or read fails the opening, transient failures are retried")
    void open_backendFails_isRefused() {
        for (Operation operation :
                List.of(Operation.LOAD, Operation.LIST_CONTEXTS, Operation.TAKE_OVER, Operation.COMMIT)) {
            MemoryBackend memory = new MemoryBackend();
            Faults faults = new Faults();
            faults.on(operation).fail(Moment.BEFORE, BackendException.Kind.TRANSIENT);
            open(FaultyBackend.complete(memory.reopen(), faults)).close();

            MemoryBackend failing = new MemoryBackend();
            faults.on(operation).fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
            assertThatThrownBy(() -> open(FaultyBackend.complete(failing.reopen(), faults)))
                    .as("%s", operation)
                    .isInstanceOf(StoreOpenException.class);
            assertThat(failing.contexts()).isEmpty();
        }
    }

    @Test
    @DisplayName("R72 the root key can be replaced at opening")
    void open_replacingTheRootKey_rewritesTheMark() {
        KeyFile formerKey = TestEncryption.createKey();
        Encryption former = Encryption.with(formerKey);
        MemoryBackend store = new MemoryBackend();
        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                .backend(store.reopen())
                .encryption(former)
                .open()) {
            database.forContext("alice").put(KeyTypes.SESSION, "x", bytes("1"));
        }
        Encryption next = TestEncryption.create();
        for (Encryption each : List.of(next.replacing(formerKey), next)) {
            try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                    .backend(store.reopen())
                    .encryption(each)
                    .open()) {
                assertThat(text(database.forContext("alice").find(KeyTypes.SESSION, "x")))
                        .isEqualTo("1");
            }
        }
        assertThatThrownBy(() -> SignalKeyDatabase.builder()
                        .backend(store.reopen())
                        .encryption(former)
                        .open())
                .isInstanceOf(KeyUnavailableException.class);
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName(
            "R71 a record that was swapped, moved, changed or is not encrypted is refused, the others stay readable")
    void read_tampered_isRefused(Kind kind) {
        try (Fixture seeded = encrypted(kind)) {
            seeded.put("x", "1");
            seeded.put("y", "2");
            byte[] x = seeded.stored(KeyTypes.SESSION, "x").orElseThrow();
            byte[] y = seeded.stored(KeyTypes.SESSION, "y").orElseThrow();
            Map<String, byte[]> planted = Map.of(
                    "swapped",
                    y,
                    "plain",
                    Envelope.seal(seeded.context(), "session", "x", bytes("1")),
                    "cut",
                    new byte[9]);
            planted.forEach((how, record) -> {
                try (Fixture fixture = reopened(seeded)) {
                    fixture.plant("session", "x", record);
                    Class<? extends UnreadableEntryException> expected =
                            how.equals("cut") ? CorruptEntryException.class : TamperedEntryException.class;
                    assertThatThrownBy(() -> fixture.find("x"))
                            .as(how)
                            .isInstanceOf(expected)
                            .hasMessageContaining("session/x");
                    assertThatThrownBy(() -> fixture.alice.get(KeyTypes.SESSION, List.of("x", "y")))
                            .isInstanceOf(expected);
                    assertThat(fixture.find("y")).isEqualTo("2");
                    assertThat(fixture.alice.verify()).containsExactly(new EntryId("session", "x"));
                    assertThat(fixture.stored(KeyTypes.SESSION, "x")).hasValue(record);
                    fixture.alice.delete(KeyTypes.SESSION, "x");
                    assertThat(fixture.find("x")).isEqualTo("absent");
                    fixture.plant("session", "x", x);
                }
            });
        }
    }

    @Test
    @DisplayName("R71 stored keys that are damaged or belong to another context refuse reads and writes, not an erase")
    void keys_damaged_areRefused() {
        MemoryBackend memory = new MemoryBackend();
        try (SignalKeyDatabase database = open(memory.reopen())) {
            database.forContext("alice").put(KeyTypes.SESSION, "x", bytes("1"));
            database.forContext("bob").put(KeyTypes.SESSION, "x", bytes("1"));
        }
        byte[] ofBob = memory.load("bob", KEYS.type(), KEYS.id()).orElseThrow();
        byte[] cut = Arrays.copyOf(ofBob, ofBob.length - 1);
        byte[] ofAlice = memory.load("alice", KEYS.type(), KEYS.id()).orElseThrow();
        for (byte[] planted : List.of(ofBob, cut)) {
            memory.save("alice", KEYS.type(), KEYS.id(), planted);
            try (SignalKeyDatabase database = open(memory.reopen())) {
                SignalKeyStore alice = database.forContext("alice");
                Class<? extends UnreadableEntryException> expected =
                        Arrays.equals(planted, cut) ? CorruptEntryException.class : TamperedEntryException.class;
                assertThatThrownBy(() -> alice.find(KeyTypes.SESSION, "x"))
                        .isInstanceOfSatisfying(
                                expected, e -> assertThat(e.entry()).isEqualTo(KEYS));
                assertThatThrownBy(() -> alice.put(KeyTypes.SESSION, "y", bytes("1")))
                        .isInstanceOf(CommitFailedException.class)
                        .hasCauseInstanceOf(expected);
                assertThat(alice.verify()).containsExactly(KEYS, new EntryId("session", "x"));
                assertThat(memory.load("alice", KEYS.type(), KEYS.id())).hasValue(planted);
            }
            memory.save("alice", KEYS.type(), KEYS.id(), ofAlice);
        }
        memory.save("alice", KEYS.type(), KEYS.id(), cut);
        try (SignalKeyDatabase database = open(memory.reopen())) {
            SignalKeyStore alice = database.forContext("alice");
            alice.erase();
            alice.put(KeyTypes.SESSION, "y", bytes("2"));
            assertThat(alice.verify()).isEmpty();
        }
        try (SignalKeyDatabase database = open(memory.reopen())) {
            assertThat(text(database.forContext("alice").find(KeyTypes.SESSION, "y")))
                    .isEqualTo("2");
        }
    }

    @ParameterizedTest
    @EnumSource(Kind.class)
    @DisplayName("R73 mark and keys are in no list of entries or ids, and survive a clear")
    void list_doesNotShowMarkAndKeys(Kind kind) {
        try (Fixture fixture = encrypted(kind)) {
            fixture.put("x", "1");
            fixture.alice.saveCredentials(bytes("me"));
            fixture.alice.clear();

            try (Stream<String> ids = fixture.alice.ids(KeyTypes.SESSION, "")) {
                assertThat(ids).isEmpty();
            }
            fixture.put("y", "1");
            assertThat(fixture.alice.verify()).isEmpty();
            try (Fixture reopened = reopened(fixture)) {
                assertThat(reopened.find("y")).isEqualTo("1");
                assertThat(text(reopened.alice.credentials())).isEqualTo("me");
                reopened.alice.erase();
                assertThatThrownBy(() -> reopened.database.forExistingContext(reopened.context()))
                        .hasMessageContaining(reopened.context());
            }
            try (Fixture reopened = reopened(fixture)) {
                assertThat(reopened.find("y")).isEqualTo("absent");
            }
        }
    }

    @Test
    @DisplayName("R8 the context of the mark cannot be opened, whether or not the store is encrypted")
    void forContext_ofTheMark_isRefused() {
        try (Fixture fixture = encrypted(Kind.COMPLETE);
                Fixture plain = Fixture.of(Kind.COMPLETE)) {
            for (SignalKeyDatabase database : List.of(fixture.database, plain.database)) {
                Consumer<String> opening = database::forContext;
                assertThatThrownBy(() -> opening.accept("_store"))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("_store");
            }
        }
    }

    @Test
    @DisplayName("R53 a former owner reads what its successor wrote under new keys")
    void read_keysReplacedByAnotherProcess_loadsThem() {
        MemoryBackend memory = new MemoryBackend();
        try (SignalKeyDatabase first = open(memory.reopen());
                SignalKeyDatabase second = open(memory.reopen())) {
            SignalKeyStore before = first.forContext("alice");
            before.put(KeyTypes.SESSION, "x", bytes("1"));
            SignalKeyStore after = second.forContext("alice");
            after.erase();
            after.put(KeyTypes.SESSION, "y", bytes("2"));

            assertThat(text(before.find(KeyTypes.SESSION, "y"))).isEqualTo("2");
            assertThat(text(before.find(KeyTypes.SESSION, "x"))).isEqualTo("1"); // cached
            assertThat(text(first.takeOver("alice").find(KeyTypes.SESSION, "x")))
                    .isEqualTo("absent");
            assertThat(text(first.forContext("alice").find(KeyTypes.SESSION, "y")))
                    .isEqualTo("2");
        }
    }

    @Test
    @DisplayName(
            "R71 a record under a key that its context does not hold is refused each time, with one load of the keys")
    void read_keyMissing_isRefused() {
        try (Fixture seeded = encrypted(Kind.COMPLETE)) {
            seeded.put("x", "1");
            byte[] before = seeded.stored(KeyTypes.SESSION, "x").orElseThrow();
            seeded.alice.erase();
            seeded.put("y", "2");
            try (Fixture fixture = reopened(seeded)) {
                fixture.plant("session", "x", before);
                assertThat(fixture.find("y")).isEqualTo("2");
                fixture.faults.forgetCalls();

                for (int i = 1; i <= 3; i++) {
                    assertThatThrownBy(() -> fixture.find("x")).isInstanceOf(EntryKeyMissingException.class);
                    assertThat(fixture.faults.loads(KEYS.type(), KEYS.id())).isEqualTo(i);
                }
                assertThat(fixture.alice.verify()).containsExactly(new EntryId("session", "x"));
            }
        }
    }

    @Test
    @DisplayName("R76 closing a database closes the keys of the store and of each context, also those that it replaced")
    void close_closesAllKeys() {
        ObservedSealing counted = new ObservedSealing(ENCRYPTION);
        MemoryBackend memory = new MemoryBackend();
        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                .backend(memory.reopen())
                .encryption(counted)
                .open()) {
            for (String context : List.of("alice", "bob", "carol")) {
                SignalKeyStore store = database.forContext(context);
                store.put(KeyTypes.SESSION, "x", bytes("1"));
                if (!context.equals("bob")) {
                    store.erase();
                    assertThat(counted.openKeys())
                            .as("after the erase of %s", context)
                            .isPositive();
                }
                database.takeOver(context).put(KeyTypes.SESSION, "y", bytes("1"));
            }
            assertThat(counted.openKeys()).isEqualTo(1 + 3 + 1); // of bob, the former owner's too
        }

        assertThat(counted.openKeys()).isZero();
        Set<String> contexts = counted.contexts();
        assertThat(contexts).containsExactlyInAnyOrder("alice", "bob", "carol");
    }

    @Test
    @DisplayName("R70 cached reads use no keys")
    void read_cached_opensNothing() {
        AtomicInteger opened = new AtomicInteger();
        ObservedSealing counted = new ObservedSealing(ENCRYPTION) {
            @Override
            protected void opening() {
                opened.incrementAndGet();
            }
        };
        try (Fixture fixture = Fixture.of(Kind.COMPLETE, options -> options.encryption(counted))) {
            fixture.put("x", "1");
            for (int i = 0; i < 10; i++) {
                assertThat(fixture.find("x")).isEqualTo("1");
            }
            assertThat(opened).hasValue(0);
        }
    }
}
