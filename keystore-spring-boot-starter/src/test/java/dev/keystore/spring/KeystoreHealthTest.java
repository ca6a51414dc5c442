package dev.keystore.spring;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.ContextMovedException;
import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.KeyPair;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.OwnershipLostException;
import dev.keystore.SignalKeyStore;
import dev.keystore.SignedPreKey;
import dev.keystore.StaleStoreException;
import dev.keystore.core.FileFreshnessAnchor;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreMove;
import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import dev.keystore.libsignal.AccountOptions;
import dev.keystore.libsignal.PreKeyUpload;
import dev.keystore.libsignal.SignalAccount;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.KeyProvider;
import dev.keystore.spring.KeystoreHealth.Checked;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.MemoryBackend;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the health of a database depends on. */
@Timeout(60)
class KeystoreHealthTest {

    private static final KeyPair PAIR = new KeyPair(new byte[33], new byte[32]);

    private static final KeystoreProperties.Health PROPERTIES = new KeystoreProperties.Health(2, 3, false);

    private final MemoryBackend memory = new MemoryBackend();
    private final Faults faults = new Faults();
    private final UnreadableEntries unreadable = new UnreadableEntries();
    private final AtomicLong nanoTime = new AtomicLong();
    private SignalKeyDatabase database;
    private KeystoreHealth health;

    @BeforeEach
    void open() {
        SignalKeyDatabase.Builder builder =
                SignalKeyDatabase.builder().backend(FaultyBackend.complete(memory.reopen(), faults));
        unreadable.customize(builder);
        database = builder.open();
        health = new KeystoreHealth(database, unreadable, PROPERTIES, nanoTime::get);
    }

    @AfterEach
    void close() {
        database.close();
    }

    @Test
    @DisplayName("a database that nothing is wrong with is up")
    void healthy_isUp() {
        database.forContext("alice").put(KeyTypes.SESSION, "bob.1", new byte[] {1});
        assertThat(health.check().status()).isEqualTo("UP");
        assertThat(health.check().details())
                .containsEntry("openContexts", 1)
                .containsEntry("lostContexts", 0)
                .containsEntry("staleContexts", 0)
                .containsEntry("unwritableContexts", 0)
                .containsEntry("contextsWithFewPreKeys", 0L)
                .containsEntry("uncountableContexts", 0L)
                .containsEntry("unreadableEntries", 0L);
    }

    @Test
    @DisplayName("a database whose backend does not answer is down")
    void unreachable_isDown() {
        faults.on(Operation.LOAD).fail(Moment.BEFORE, BackendException.Kind.TRANSIENT);
        assertThat(health.check().status()).isEqualTo("DOWN");
        assertThat(health.check().status()).isEqualTo("UP");
    }

    @Test
    @DisplayName("R43 R101 if one context cannot be listed, that is a warning, and the details do not name it")
    void listFails_isWarningWithoutNames() {
        for (String context : new String[] {"alice-4711", "bob"}) {
            database.forContext(context).put(KeyTypes.SIGNED_PRE_KEY, "1", new SignedPreKey(PAIR, new byte[64], 0));
        }
        faults.on(Operation.LIST).inContext("alice-4711").fail(Moment.BEFORE, BackendException.Kind.PERMANENT);

        Checked checked = health.check();

        assertThat(checked.status()).isEqualTo(KeystoreHealth.WARNING);
        assertThat(checked.details())
                .containsEntry("uncountableContexts", 1L)
                .containsEntry("contextsWithFewPreKeys", 1L);
        assertThat(checked.details().toString()).doesNotContain("4711");
    }

    @Test
    @DisplayName("R53 a lost context is a warning; if all are lost, the application is out of service")
    void lostContexts_areReported() {
        SignalKeyStore alice = database.forContext("alice");
        database.forContext("bob");
        try (SignalKeyDatabase other =
                SignalKeyDatabase.builder().backend(memory.reopen()).open()) {
            lose("alice", other);
            assertThat(health.check().status()).isEqualTo(KeystoreHealth.WARNING);
            assertThat(health.check().details()).containsEntry("lostContexts", 1);
            lose("bob", other);
            assertThat(health.check().status()).isEqualTo("OUT_OF_SERVICE");
        }
        database.takeOver("alice");
        database.takeOver("bob");
        assertThat(health.check().status()).isEqualTo("UP");
        assertThat(alice).isNotNull();
    }

    @Test
    @DisplayName("R53 where takeovers are expected, lost contexts are shown, and neither counted nor a fault")
    void lostContexts_expected_changeNoStatus() {
        KeystoreHealth ofWorker =
                new KeystoreHealth(database, unreadable, new KeystoreProperties.Health(2, 3, true), nanoTime::get);
        database.forContext("alice").put(KeyTypes.SIGNED_PRE_KEY, "1", new SignedPreKey(PAIR, new byte[64], 0));
        assertThat(ofWorker.check().status()).isEqualTo(KeystoreHealth.WARNING); // since it has few pre-keys
        try (SignalKeyDatabase other =
                SignalKeyDatabase.builder().backend(memory.reopen()).open()) {
            lose("alice", other);

            assertThat(ofWorker.check().status()).isEqualTo("UP");
            assertThat(ofWorker.check().details())
                    .containsEntry("lostContexts", 1)
                    .containsEntry("contextsWithFewPreKeys", 0L);
            assertThat(health.check().status()).isEqualTo("OUT_OF_SERVICE");
        }
    }

    @Test
    @DisplayName("R83 a context refused because of another copy is a warning; if all are, it is out of service")
    void staleContexts_areReported(@TempDir Path folder) {
        MemoryBackend store = new MemoryBackend();
        writeAnchored(store, folder);
        MemoryBackend copy = store.copy();
        try (SignalKeyDatabase second = anchored(copy, folder)) {
            KeystoreHealth ofSecond = new KeystoreHealth(second, unreadable, PROPERTIES, nanoTime::get);
            second.forContext("alice");
            second.forContext("bob");
            assertThat(ofSecond.check().details()).containsEntry("staleContexts", 0);
            writeAnchored(store, folder);

            awaitRefusal(second.forContext("alice"));
            assertThat(ofSecond.check().status()).isEqualTo(KeystoreHealth.WARNING);
            assertThat(ofSecond.check().details()).containsEntry("staleContexts", 1);
            awaitRefusal(second.forContext("bob"));
            assertThat(ofSecond.check().status()).isEqualTo("OUT_OF_SERVICE");
        }
    }

    @Test
    @DisplayName("R84 a context that may have been moved is a warning; if all are, the application is out of service")
    void moveMarkCannotBeRead_isReported() {
        faults.on(Operation.LOAD)
                .inContext("alice")
                .of("_store", "move")
                .forever()
                .fail(Moment.BEFORE, BackendException.Kind.PERMANENT);

        SignalKeyStore alice = database.forContext("alice");

        assertThat(health.check().status()).isEqualTo("OUT_OF_SERVICE");
        assertThat(health.check().details()).containsEntry("unwritableContexts", 1);
        assertThatThrownBy(() -> alice.put(KeyTypes.SESSION, "x", new byte[] {1}))
                .isInstanceOf(CommitFailedException.class);
        database.forContext("bob");
        assertThat(health.check().status()).isEqualTo(KeystoreHealth.WARNING);
        faults.heal();
        database.takeOver("alice").put(KeyTypes.SESSION, "x", new byte[] {1});
        assertThat(health.check().status()).isEqualTo("UP");
    }

    @Test
    @DisplayName("R84 a context that was moved away refuses commits, and is not reported")
    void movedContext_isNotReported() {
        database.forContext("alice").put(KeyTypes.SESSION, "x", new byte[] {1});
        SignalKeyStore bob = database.forContext("bob");
        bob.put(KeyTypes.SESSION, "x", new byte[] {1});
        try (SignalKeyDatabase target =
                SignalKeyDatabase.builder().backend(new MemoryBackend()).open()) {
            StoreMove.from(database)
                    .to(target, "the target")
                    .contexts(Set.of("bob"))
                    .run();
        }

        assertThatThrownBy(() -> bob.put(KeyTypes.SESSION, "x", new byte[] {2}))
                .isInstanceOf(ContextMovedException.class);
        assertThat(health.check().status()).isEqualTo("UP");
        assertThat(health.check().details()).containsEntry("unwritableContexts", 0);
    }

    @Test
    @DisplayName("R80 a store that may be a backup is out of service, since all its contexts refuse commits")
    void stateOfStoreCannotBeRead_isOutOfService() {
        faults.on(Operation.LOAD).of("_store", "state").forever().fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
        try (SignalKeyDatabase damaged = SignalKeyDatabase.builder()
                .backend(FaultyBackend.complete(memory.reopen(), faults))
                .open()) {
            KeystoreHealth ofDamaged = new KeystoreHealth(damaged, unreadable, PROPERTIES, nanoTime::get);
            for (String context : new String[] {"alice", "bob"}) {
                SignalKeyStore store = damaged.forContext(context);
                assertThatThrownBy(() -> store.put(KeyTypes.SESSION, "x", new byte[] {1}))
                        .isInstanceOf(CommitFailedException.class);
            }

            assertThat(ofDamaged.check().status()).isEqualTo("OUT_OF_SERVICE");
            assertThat(ofDamaged.check().details()).containsEntry("unwritableContexts", 2);
        }
    }

    private static SignalKeyDatabase anchored(MemoryBackend store, Path folder) {
        return SignalKeyDatabase.builder()
                .backend(store.reopen())
                .freshnessAnchor(FileFreshnessAnchor.at(folder.resolve("anchor")))
                .open();
    }

    /** Writes to two contexts of a store. The anchor knows of that when it is closed. */
    private static void writeAnchored(MemoryBackend store, Path folder) {
        try (SignalKeyDatabase first = anchored(store, folder)) {
            first.forContext("alice").put(KeyTypes.SESSION, "x", new byte[] {1});
            first.forContext("bob").put(KeyTypes.SESSION, "x", new byte[] {1});
        }
    }

    /** Writes until the anchor was looked at. */
    private static void awaitRefusal(SignalKeyStore stale) {
        assertThatThrownBy(() -> {
                    while (true) {
                        stale.put(KeyTypes.SESSION, "x", new byte[] {2});
                    }
                })
                .isInstanceOf(StaleStoreException.class);
    }

    private void lose(String context, SignalKeyDatabase other) {
        other.forContext(context);
        SignalKeyStore former = database.forContext(context);
        assertThatThrownBy(() -> former.put(KeyTypes.SESSION, "x", new byte[] {1}))
                .isInstanceOf(OwnershipLostException.class);
    }

    @Test
    @DisplayName("R43 a damaged entry that was found is a warning")
    void damage_isWarning() {
        memory.save("alice", "session", "bob.1", new byte[] {1, 2, 3});
        SignalKeyStore alice = database.forContext("alice");
        assertThat(health.check().status()).isEqualTo("UP");

        assertThatThrownBy(() -> alice.find(KeyTypes.SESSION, "bob.1")).isInstanceOf(CorruptEntryException.class);

        assertThat(health.check().status()).isEqualTo(KeystoreHealth.WARNING);
        assertThat(health.check().details()).containsEntry("unreadableEntries", 1L);
    }

    @Test
    @DisplayName("R43 a context whose pre-keys cannot be counted, in a store that hides names, is a warning")
    void damage_inStoreThatHidesNames_isWarning(@TempDir Path folder) throws Exception {
        KeyProvider key = KeyFile.create(folder.resolve("root.key"));
        try (SignalKeyDatabase hiding = SignalKeyDatabase.builder()
                .backend(memory.reopen())
                .encryption(Encryption.with(key).hidingNames())
                .open()) {
            KeystoreHealth ofHiding = new KeystoreHealth(hiding, unreadable, PROPERTIES, nanoTime::get);
            SignalKeyStore alice = hiding.forContext("alice");
            alice.put(KeyTypes.SIGNED_PRE_KEY, "1", new SignedPreKey(PAIR, new byte[64], 0));
            alice.put(KeyTypes.PRE_KEY, "1", PAIR);
            String context = memory.contexts()
                    .filter(each -> !each.equals("_store"))
                    .findAny()
                    .orElseThrow();
            Set<EntryId> others = memory.list(context).collect(Collectors.toSet());
            alice.put(KeyTypes.PRE_KEY, "2", PAIR);
            assertThat(ofHiding.check().status()).isEqualTo("UP");

            EntryId damaged = memory.list(context)
                    .filter(each -> !others.contains(each))
                    .findAny()
                    .orElseThrow();
            memory.save(context, damaged.type(), damaged.id(), new byte[] {1, 2, 3});

            assertThat(ofHiding.check().status()).isEqualTo(KeystoreHealth.WARNING);
            assertThat(ofHiding.check().details()).containsEntry("uncountableContexts", 1L);
        }
    }

    @Test
    @DisplayName("an account with fewer pre-keys than the minimum is a warning; a context that is no account is not")
    void fewPreKeys_isWarning() {
        SignalKeyStore alice = database.forContext("alice");
        alice.put(KeyTypes.PRE_KEY, "1", PAIR);
        assertThat(health.check().status()).isEqualTo("UP");

        alice.put(KeyTypes.SIGNED_PRE_KEY, "1", new SignedPreKey(PAIR, new byte[64], 0));
        assertThat(health.check().status()).isEqualTo(KeystoreHealth.WARNING);
        assertThat(health.check().details()).containsEntry("contextsWithFewPreKeys", 1L);

        alice.put(KeyTypes.PRE_KEY, "2", PAIR);
        assertThat(health.check().status()).isEqualTo("UP");
    }

    @Test
    @DisplayName("an account that has used up its one-time Kyber pre-keys is a warning; one that never had any is not")
    void fewKyberPreKeys_isWarning() {
        KeyType<byte[]> oneTimeKyber = KeyType.ofBytes("libsignal-one-time-kyber-pre-key");
        SignalKeyStore alice = database.forContext("alice");
        alice.put(KeyTypes.SIGNED_PRE_KEY, "1", new SignedPreKey(PAIR, new byte[64], 0));
        alice.put(KeyTypes.PRE_KEY, "1", PAIR);
        alice.put(KeyTypes.PRE_KEY, "2", PAIR);
        assertThat(health.check().status()).isEqualTo("UP");

        alice.put(oneTimeKyber, "1", new byte[0]);
        alice.put(oneTimeKyber, "2", new byte[0]);
        assertThat(health.check().status()).isEqualTo("UP");
        alice.delete(oneTimeKyber, "1");
        assertThat(health.check().status()).isEqualTo(KeystoreHealth.WARNING);
        alice.delete(oneTimeKyber, "2");
        assertThat(health.check().details()).containsEntry("contextsWithFewPreKeys", 1L);
    }

    @Test
    @DisplayName(
            "one-time Kyber pre-keys are noticed while an account has few others, and missed once they are used up")
    void fewKyberPreKeys_noticedWhileOthersAreFew_isWarning() {
        KeyType<byte[]> oneTimeKyber = KeyType.ofBytes("libsignal-one-time-kyber-pre-key");
        SignalKeyStore alice = database.forContext("alice");
        alice.put(KeyTypes.SIGNED_PRE_KEY, "1", new SignedPreKey(PAIR, new byte[64], 0));
        alice.put(oneTimeKyber, "1", new byte[0]);
        alice.put(oneTimeKyber, "2", new byte[0]);
        assertThat(health.check().status()).isEqualTo(KeystoreHealth.WARNING);

        alice.delete(oneTimeKyber, "1");
        alice.delete(oneTimeKyber, "2");
        alice.put(KeyTypes.PRE_KEY, "1", PAIR);
        alice.put(KeyTypes.PRE_KEY, "2", PAIR);

        assertThat(health.check().status()).isEqualTo(KeystoreHealth.WARNING);
    }

    @Test
    @DisplayName("an account whose last upload is nearly used up is a warning, although replaced pre-keys are stored")
    void fewPreKeysOfLastUpload_isWarning() {
        SignalKeyStore alice = database.forContext("alice");
        SignalAccount account = SignalAccount.create(
                alice, AccountOptions.builder().preKeyBatch(3).preKeyFloor(3).build());
        account.confirmUpload(account.preKeys().replenish(0, 0).orElseThrow());
        PreKeyUpload upload = account.preKeys().replenish(0, 0).orElseThrow();
        account.confirmUpload(upload);
        account.newPreKeyBundle(1);
        assertThat(health.check().status()).isEqualTo("UP");

        alice.delete(KeyTypes.PRE_KEY, String.valueOf(upload.preKeys().get(0).getId()));
        assertThat(account.preKeys().counts().preKeys()).isEqualTo(2);
        assertThat(health.check().status()).isEqualTo("UP");
        alice.delete(KeyTypes.PRE_KEY, String.valueOf(upload.preKeys().get(1).getId()));

        assertThat(account.preKeys().counts().preKeys()).isEqualTo(1);
        assertThat(health.check().status()).isEqualTo(KeystoreHealth.WARNING);
        assertThat(health.check().details()).containsEntry("contextsWithFewPreKeys", 1L);
    }

    @Test
    @DisplayName("the number of contexts with few pre-keys is shown, even if there is no time to count the rest")
    void preKeys_countedInPart_areShown() {
        for (String context : new String[] {"a", "b"}) {
            database.forContext(context).put(KeyTypes.SIGNED_PRE_KEY, "1", new SignedPreKey(PAIR, new byte[64], 0));
        }
        faults.on(Operation.LIST)
                .forever()
                .run(Moment.BEFORE, () -> nanoTime.addAndGet(KeystoreHealth.BUDGET.toNanos()));

        Checked checked = health.check();

        assertThat(checked.status()).isEqualTo(KeystoreHealth.WARNING);
        assertThat(checked.details())
                .containsEntry(
                        "contextsWithFewPreKeys", "at least 1; the rest is not counted: it takes more than 2 seconds");
    }

    @Test
    @DisplayName("pre-keys are counted for at most two seconds, and the details say so")
    void preKeys_ofASlowBackend_areNotCounted() {
        database.forContext("alice");
        database.forContext("bob");
        faults.on(Operation.LIST).run(Moment.BEFORE, () -> nanoTime.addAndGet(KeystoreHealth.BUDGET.toNanos() + 1));

        Checked checked = health.check();

        assertThat(checked.status()).isEqualTo("UP");
        assertThat(checked.details())
                .containsEntry("contextsWithFewPreKeys", "not counted: it takes more than 2 seconds");
        assertThat(faults.calls(Operation.LIST)).hasSize(1);
        assertThat(health.check().details()).containsEntry("contextsWithFewPreKeys", 0L);
    }

    @Test
    @DisplayName("pre-keys are not counted if more contexts are open than the maximum, and the details say so")
    void preKeys_ofManyContexts_areNotCounted() {
        for (String context : new String[] {"a", "b", "c", "d"}) {
            database.forContext(context).put(KeyTypes.SIGNED_PRE_KEY, "1", new SignedPreKey(PAIR, new byte[64], 0));
        }
        faults.forgetCalls();
        Checked checked = health.check();

        assertThat(checked.status()).isEqualTo("UP");
        assertThat(checked.details().get("contextsWithFewPreKeys"))
                .asString()
                .contains("keystore.health.maximum-contexts");
        assertThat(faults.calls(Operation.LIST)).isEmpty();
    }

    @Test
    @DisplayName("R101 the details contain no name of a context and no id")
    void details_containNoNames() {
        SignalKeyStore alice = database.forContext("alice-4711");
        alice.put(KeyTypes.SIGNED_PRE_KEY, "4712", new SignedPreKey(PAIR, new byte[64], 0));

        assertThat(health.check().details().toString()).doesNotContain("4711", "4712");
    }
}
