package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.CompactionFailedException;
import dev.keystore.ContextMovedException;
import dev.keystore.ContextOwnedException;
import dev.keystore.EntryKeyMissingException;
import dev.keystore.KeyOperations;
import dev.keystore.KeyStoreException;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.KeyUnavailableException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.RewriteIncompleteException;
import dev.keystore.SignalKeyStore;
import dev.keystore.StoreOpenException;
import dev.keystore.TamperedEntryException;
import dev.keystore.core.Fixture.Kind;
import dev.keystore.encryption.Encryption;
import dev.keystore.encryption.KeyFile;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.ContextSealing;
import dev.keystore.spi.StoreSealing;
import dev.keystore.spi.StoreSealing.Phase;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.Faults;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.Gate;
import dev.keystore.testkit.MemoryBackend;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

@Timeout(120)
class StoreEncryptionTest {

    private static final Encryption ENCRYPTION = TestEncryption.create();
    private static final Consumer<EncryptionProgress> NO_LISTENER = progress -> {};
    private static final KeyType<byte[]> OTHER = KeyType.ofBytes("other");
    private static final int ENTRIES = 150;
    private static final String SECRET = "a value that is long enough to be recognized ";

    private enum Job {
        ENCRYPT,
        ROTATE,
        DECRYPT;

        EncryptionProgress run(SignalKeyDatabase database) {
            return switch (this) {
                case ENCRYPT -> database.encryption().encrypt(NO_LISTENER);
                case ROTATE -> database.encryption().rotate(NO_LISTENER);
                case DECRYPT -> database.encryption().decrypt(NO_LISTENER);
            };
        }

        /** Returns what opens the store before the job, and while it is not completed. */
        UnaryOperator<SignalKeyDatabase.Builder> options() {
            return switch (this) {
                case ENCRYPT -> StoreEncryptionTest::encryptingExisting;
                case ROTATE -> StoreEncryptionTest::encrypted;
                case DECRYPT -> StoreEncryptionTest::decryptingExisting;
            };
        }
    }

    private static SignalKeyDatabase.Builder encrypted(SignalKeyDatabase.Builder builder) {
        return builder.encryption(ENCRYPTION);
    }

    private static SignalKeyDatabase.Builder encryptingExisting(SignalKeyDatabase.Builder builder) {
        return builder.encryption(ENCRYPTION).encryptExisting();
    }

    private static SignalKeyDatabase.Builder decryptingExisting(SignalKeyDatabase.Builder builder) {
        return builder.encryption(ENCRYPTION).decryptExisting();
    }

    /** Returns a store with entries of several types, and of two more contexts if the backend has contexts. */
    private static Fixture filled(Kind kind, UnaryOperator<SignalKeyDatabase.Builder> options) {
        Fixture fixture = Fixture.of(kind, options);
        for (SignalKeyStore store : stores(fixture)) {
            store.useTransaction("k", tx -> {
                for (int i = 0; i < ENTRIES; i++) {
                    tx.put(KeyTypes.SESSION, "bob." + i, bytes(SECRET + i));
                    tx.put(OTHER, "" + i, bytes(SECRET + i));
                }
                tx.saveCredentials(bytes(SECRET));
            });
        }
        return fixture;
    }

    private static List<SignalKeyStore> stores(Fixture fixture) {
        List<SignalKeyStore> stores = new ArrayList<>(List.of(fixture.alice));
        if (!fixture.context().equals(SignalKeyDatabase.DEFAULT_CONTEXT)) {
            stores.add(fixture.database.forContext("bob"));
            stores.add(fixture.database.forContext("carol"));
        }
        return stores;
    }

    private static Fixture closed(Fixture fixture) {
        fixture.close();
        return fixture;
    }

    private static void assertAllRead(Fixture fixture) {
        for (SignalKeyStore store : stores(fixture)) {
            for (int i = 0; i < ENTRIES; i++) {
                assertThat(Fixture.text(store.find(KeyTypes.SESSION, "bob." + i)))
                        .isEqualTo(SECRET + i);
                assertThat(Fixture.text(store.find(OTHER, "" + i))).isEqualTo(SECRET + i);
            }
            assertThat(Fixture.text(store.credentials())).isEqualTo(SECRET);
            assertThat(store.verify()).isEmpty();
        }
    }

    /** Runs transactions that count in each store until the job ends, and returns how many were committed. */
    private static EncryptionProgress runDuringCommits(Fixture fixture, Job job) throws Exception {
        AtomicBoolean done = new AtomicBoolean();
        CountDownLatch committing = new CountDownLatch(3);
        List<SignalKeyStore> stores = stores(fixture);
        List<Threads.Running<Long>> running = new ArrayList<>();
        for (int thread = 0; thread < 3; thread++) {
            SignalKeyStore store = stores.get(thread % stores.size());
            String counter = "counter." + thread;
            running.add(Threads.start(() -> {
                long count = 0;
                while (!done.get()) {
                    long next = count + 1;
                    store.useTransaction(counter, tx -> {
                        String found = Fixture.text(tx.find(KeyTypes.SESSION, counter));
                        assertThat(found).isEqualTo(next == 1 ? "absent" : "" + (next - 1));
                        tx.put(KeyTypes.SESSION, counter, bytes("" + next));
                        tx.take(OTHER, counter);
                        tx.put(OTHER, counter, bytes("" + next));
                    });
                    count = next;
                    if (count == 1) {
                        committing.countDown();
                    }
                }
                return count;
            }));
        }
        EncryptionProgress progress;
        try {
            assertThat(committing.await(30, TimeUnit.SECONDS)).isTrue();
            progress = job.run(fixture.database);
        } finally {
            done.set(true);
        }
        for (int thread = 0; thread < 3; thread++) {
            long count = running.get(thread).result();
            assertThat(count).isPositive();
            assertThat(Fixture.text(stores.get(thread % stores.size()).find(KeyTypes.SESSION, "counter." + thread)))
                    .isEqualTo("" + count);
        }
        return progress;
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"COMPLETE", "MINIMAL"})
    @DisplayName("R74 an existing store is encrypted while commits continue, and then refuses values that are not")
    void encrypt(Kind kind) throws Exception {
        try (Fixture fixture =
                closed(filled(kind, UnaryOperator.identity())).reopen(StoreEncryptionTest::encryptingExisting)) {
            byte[] record = fixture.stored(KeyTypes.SESSION, "bob.1").orElseThrow();
            assertThat(fixture.database.encryption().phase()).isEqualTo(Phase.ENCRYPTING);
            fixture.put("first", "1");
            assertAllRead(fixture);

            EncryptionProgress progress = runDuringCommits(fixture, Job.ENCRYPT);

            int contexts = stores(fixture).size();
            assertThat(progress.rewritten()).isEqualTo(contexts * (2L * ENTRIES + 1));
            assertThat(progress.contexts()).isEqualTo(contexts).isEqualTo(progress.allContexts());
            assertThat(progress.unreadable()).isZero();
            assertThat(fixture.database.encryption().phase()).isEqualTo(Phase.ENCRYPTED);
            assertAllRead(fixture);
            assertThat(fixture.database.encryption().entriesByKey(fixture.context()))
                    .hasSize(1)
                    .doesNotContainKeys("plain", "unreadable");
            try (Fixture reopened = fixture.reopen(StoreEncryptionTest::encrypted)) {
                assertAllRead(reopened);
                reopened.plant("session", "planted", record);
                assertThatThrownBy(() -> reopened.find("planted")).isInstanceOf(TamperedEntryException.class);
            }
            assertThatThrownBy(fixture::reopen).isInstanceOf(KeyUnavailableException.class);
            assertThat(Job.ENCRYPT.run(fixture.database).entries()).as("again").isZero();
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"COMPLETE", "MINIMAL"})
    @DisplayName("R74 keys are rotated while commits continue, and the former ones open nothing")
    void rotate(Kind kind) throws Exception {
        try (Fixture fixture = filled(kind, StoreEncryptionTest::encrypted)) {
            byte[] record = fixture.stored(KeyTypes.SESSION, "bob.1").orElseThrow();
            byte[] keys = fixture.storedKeys().orElseThrow();
            Map<String, Long> former = fixture.database.encryption().entriesByKey(fixture.context());

            EncryptionProgress progress = runDuringCommits(fixture, Job.ROTATE);

            assertThat(progress.rewritten())
                    .isGreaterThanOrEqualTo(stores(fixture).size() * (2L * ENTRIES + 1));
            Map<String, Long> after = fixture.database.encryption().entriesByKey(fixture.context());
            assertThat(after).hasSize(1).doesNotContainKeys("plain", "unreadable");
            assertThat(after.keySet()).doesNotContainAnyElementsOf(former.keySet());
            assertAllRead(fixture);
            try (Fixture reopened = fixture.reopen(StoreEncryptionTest::encrypted)) {
                assertAllRead(reopened);
                reopened.plant("session", "planted", record);
                assertThatThrownBy(() -> reopened.find("planted")).isInstanceOf(EntryKeyMissingException.class);
                reopened.plant("_keys", "data", keys);
            }
            try (Fixture reopened = fixture.reopen(StoreEncryptionTest::encrypted)) {
                assertThatThrownBy(() -> reopened.find("bob.1"))
                        .as("keys sealed with the former store key")
                        .isInstanceOf(EntryKeyMissingException.class);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Kind.class,
            names = {"COMPLETE", "MINIMAL"})
    @DisplayName("R74 a store is decrypted while commits continue, and then opens without a key")
    void decrypt(Kind kind) throws Exception {
        try (Fixture fixture = filled(kind, StoreEncryptionTest::encrypted)) {
            runDuringCommits(fixture, Job.DECRYPT);

            assertAllRead(fixture);
            fixture.put("last", "1");
            assertThat(fixture.storedKeys()).isEmpty();
            assertThat(Job.DECRYPT.run(fixture.database).entries()).as("again").isZero();
            for (Job other : List.of(Job.ENCRYPT, Job.ROTATE)) {
                assertThatThrownBy(() -> other.run(fixture.database))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("has been decrypted");
            }
            try (Fixture reopened = fixture.reopen()) {
                assertAllRead(reopened);
                assertThat(reopened.find("last")).isEqualTo("1");
            }
            assertThatThrownBy(() -> fixture.reopen(StoreEncryptionTest::encrypted))
                    .isInstanceOf(StoreOpenException.class)
                    .hasMessageContaining("encryptExisting");
        }
    }

    @Test
    @DisplayName("R27 R74 an interrupt ends a job; the message says what stays, and the next call continues")
    void job_interrupted_saysWhatStays() {
        try (Fixture fixture =
                closed(filled(Kind.COMPLETE, UnaryOperator.identity())).reopen(Job.ENCRYPT.options())) {
            assertThatThrownBy(() -> fixture.database.encryption().encrypt(progress -> {
                        if (progress.rewritten() > 0) {
                            Thread.currentThread().interrupt();
                        }
                    }))
                    .isInstanceOf(OperationInterruptedException.class)
                    .hasMessageContaining("those that were rewritten stay so; run the operation again");
            assertThat(Thread.interrupted()).isTrue();

            assertThat(Job.ENCRYPT.run(fixture.database).rewritten()).isPositive();
            assertAllRead(fixture);
        }
    }

    @ParameterizedTest
    @EnumSource(Job.class)
    @DisplayName("R74 a job that fails at any write is continued by calling it again, in this process or the next")
    void job_failsAtAnyWrite(Job job) {
        int faults = 0;
        boolean failed = true;
        for (int n = 1; failed; n++) {
            try (Fixture fixture = closed(small(job)).reopen(job.options())) {
                BackendException.Kind kind =
                        n % 3 == 0 ? BackendException.Kind.OUTCOME_UNKNOWN : BackendException.Kind.PERMANENT;
                Moment moment = n % 2 == 0 ? Moment.AFTER : Moment.BEFORE;
                fixture.faults.on(Operation.COMMIT).nth(n).fail(moment, kind);
                failed = false;
                try {
                    job.run(fixture.database);
                } catch (KeyStoreException e) {
                    failed = true;
                    faults++;
                }
                failed |= fixture.faults.count(Operation.COMMIT) >= n;
                fixture.faults.heal();
                assertSmallRead(fixture);
                fixture.put("later", "1");
                if (n % 4 < 2) {
                    job.run(fixture.database);
                    assertEnded(job, fixture);
                } else if (job == Job.DECRYPT && fixture.storedKeys().isEmpty() && isPlain(fixture)) {
                    assertEnded(job, fixture);
                } else {
                    try (Fixture reopened = closed(fixture).reopen(job.options())) {
                        assertSmallRead(reopened);
                        job.run(reopened.database);
                        assertEnded(job, reopened);
                    }
                }
            }
        }
        assertThat(faults).isGreaterThan(3);
    }

    private static SignalKeyDatabase open(MemoryBackend memory, UnaryOperator<SignalKeyDatabase.Builder> options) {
        return options.apply(SignalKeyDatabase.builder().backend(memory.reopen()))
                .open();
    }

    @ParameterizedTest
    @EnumSource
    @DisplayName("R74 R84 a job rewrites contexts that were moved away or have not arrived, and their moves continue")
    void job_movedAndArrivingContexts_areRewritten(Job job) {
        MemoryBackend memory = new MemoryBackend();
        MemoryBackend other = new MemoryBackend();
        Faults faults = new Faults();
        List<String> contexts = List.of("a", "arriving", "moved", "z");
        try (SignalKeyDatabase here =
                        open(memory, job == Job.ENCRYPT ? UnaryOperator.identity() : StoreEncryptionTest::encrypted);
                SignalKeyDatabase there = SignalKeyDatabase.builder()
                        .backend(FaultyBackend.complete(other.reopen(), faults))
                        .open()) {
            for (String context : contexts) {
                (context.equals("arriving") ? there : here).forContext(context).put(OTHER, "1", bytes(SECRET));
            }
            StoreMove.from(here).to(there, "there").contexts(Set.of("moved")).run();
            faults.on(Operation.COMMIT).forever().fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
            assertThatThrownBy(StoreMove.from(there).to(here, "here").contexts(Set.of("arriving"))::run)
                    .isInstanceOf(CopyIncompleteException.class);
            if (job == Job.ROTATE) {
                assertThat(job.run(here).rewritten()).isEqualTo(contexts.size()); // where they were open before
            }
        }

        try (SignalKeyDatabase here = open(memory, job.options())) {
            List<Map<String, Long>> former = entriesByKey(here, contexts);
            assertThat(job.run(here).rewritten()).isEqualTo(contexts.size());
            if (job == Job.DECRYPT) {
                assertThat(memory.load("_store", "_store", "mark")).isEmpty();
            } else {
                assertThat(entriesByKey(here, contexts))
                        .doesNotContainAnyElementsOf(former)
                        .allSatisfy(keys -> assertThat(keys).hasSize(1).doesNotContainKey("plain"));
            }
            for (String refused : List.of("arriving", "moved")) {
                assertThatThrownBy(() -> here.forContext(refused)).isInstanceOf(ContextMovedException.class);
            }
        }

        try (SignalKeyDatabase here =
                        open(memory, job == Job.DECRYPT ? UnaryOperator.identity() : StoreEncryptionTest::encrypted);
                SignalKeyDatabase there = open(other, UnaryOperator.identity())) {
            StoreMove.from(there).to(here, "here").run();
            for (String context : contexts) {
                assertThat(Fixture.text(here.forContext(context).find(OTHER, "1")))
                        .isEqualTo(SECRET);
            }
        }
    }

    private static List<Map<String, Long>> entriesByKey(SignalKeyDatabase database, List<String> contexts) {
        return contexts.stream().map(database.encryption()::entriesByKey).toList();
    }

    @ParameterizedTest
    @EnumSource(Job.class)
    @DisplayName("R74 a job reads an entry twice: to rewrite it, and to see that no other commit has changed it")
    void job_readsEachEntryTwice(Job job) {
        try (Fixture fixture = closed(small(job)).reopen(job.options())) {
            fixture.faults.forgetCalls();

            EncryptionProgress progress = job.run(fixture.database);

            assertThat(progress.rewritten()).isEqualTo(300);
            for (int i = 0; i < 150; i++) {
                assertThat(fixture.faults.loads("session", "bob." + i)).isEqualTo(2);
                assertThat(fixture.faults.loads("other", "" + i)).isEqualTo(2);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Job.class)
    @DisplayName("R74 an entry that another commit changes after a job has read it is left as that commit wrote it")
    void job_entryChangedMeanwhile(Job job) {
        try (Fixture fixture = closed(small(job)).reopen(job.options())) {
            fixture.faults
                    .on(Operation.LOAD)
                    .of("session", "bob.1")
                    .run(Moment.AFTER, () -> fixture.put("bob.1", "changed"));
            fixture.faults.forgetCalls();

            assertThat(job.run(fixture.database).rewritten()).isEqualTo(299);

            assertThat(fixture.faults.loads("session", "bob.1"))
                    .as("the batch is looked at once more")
                    .isEqualTo(3);
            assertThat(fixture.find("bob.1")).isEqualTo("changed");
            fixture.put("bob.1", "1");
            fixture.put("later", "1");
            assertEnded(job, fixture);
        }
    }

    @ParameterizedTest
    @EnumSource(Job.class)
    @DisplayName("R71 R74 an entry that a job rewrites after it was loaded is read, and not reported as unreadable")
    void job_alongsideReads(Job job) {
        List<Function<SignalKeyStore, Optional<byte[]>>> reads = List.of(
                store -> store.find(KeyTypes.SESSION, "bob.1"),
                store -> Optional.ofNullable(
                        store.get(KeyTypes.SESSION, List.of("bob.0", "bob.1")).get("bob.1")),
                store -> store.uncached().find(KeyTypes.SESSION, "bob.1"),
                store -> Optional.ofNullable(store.uncached()
                        .get(KeyTypes.SESSION, List.of("bob.0", "bob.1"))
                        .get("bob.1")));
        for (int i = 0; i < reads.size(); i++) {
            RecordedEvents events = new RecordedEvents();
            try (Fixture fixture = closed(small(job))
                    .reopen(builder -> job.options().apply(builder).listener(events))) {
                fixture.find("bob.2"); // loads the data keys
                fixture.faults
                        .on(Operation.LOAD)
                        .of("session", "bob.1")
                        .run(Moment.AFTER, () -> job.run(fixture.database));

                assertThat(Fixture.text(reads.get(i).apply(fixture.alice)))
                        .as("read %s", i)
                        .isEqualTo("1");

                assertThat(events.take()).noneMatch(event -> event.startsWith("unreadable"));
                assertThat(fixture.find("bob.1")).isEqualTo("1");
            }
        }
    }

    @Test
    @DisplayName("R74 an encryption whose compaction failed has not ended; the next call compacts again, and ends it")
    void encrypt_compactionFails() {
        try (Fixture fixture = closed(small(Job.ENCRYPT)).reopen(StoreEncryptionTest::encryptingExisting)) {
            fixture.faults.on(Operation.COMPACT).fail(Moment.BEFORE, BackendException.Kind.PERMANENT);

            assertThatThrownBy(() -> Job.ENCRYPT.run(fixture.database)).isInstanceOf(CompactionFailedException.class);

            assertThat(fixture.database.encryption().phase()).isEqualTo(Phase.ENCRYPTING);
            assertThatThrownBy(() -> fixture.reopen(StoreEncryptionTest::encrypted))
                    .isExactlyInstanceOf(StoreOpenException.class)
                    .hasMessageContaining("encryptExisting()");
            assertSmallRead(fixture);
            fixture.put("later", "1");

            assertThat(Job.ENCRYPT.run(fixture.database).rewritten()).isZero();

            assertThat(fixture.faults.count(Operation.COMPACT)).isEqualTo(2);
            assertThat(fixture.database.encryption().phase()).isEqualTo(Phase.ENCRYPTED);
            assertEnded(Job.ENCRYPT, fixture);
        }
    }

    @Test
    @DisplayName("R74 a rotation whose compaction failed has dropped the former keys; compact() alone does the rest")
    void rotate_compactionFails() {
        try (Fixture fixture = small(Job.ROTATE)) {
            byte[] keys = fixture.storedKeys().orElseThrow();
            fixture.faults.on(Operation.COMPACT).fail(Moment.BEFORE, BackendException.Kind.PERMANENT);

            assertThatThrownBy(() -> Job.ROTATE.run(fixture.database)).isInstanceOf(CompactionFailedException.class);

            fixture.put("later", "1");
            assertEnded(Job.ROTATE, fixture);
            fixture.database.compact();
            assertThat(fixture.faults.count(Operation.COMPACT)).isEqualTo(2);
            fixture.plant("_keys", "data", keys);
            try (Fixture reopened = fixture.reopen(StoreEncryptionTest::encrypted)) {
                assertThatThrownBy(() -> reopened.find("bob.1")).isInstanceOf(EntryKeyMissingException.class);
            }
        }
    }

    private static boolean isPlain(Fixture fixture) {
        try (Fixture reopened = fixture.reopen()) {
            return reopened.alice != null;
        } catch (KeyUnavailableException e) {
            return false;
        }
    }

    private static Fixture small(Job job) {
        Fixture fixture = Fixture.of(
                Kind.COMPLETE, job == Job.ENCRYPT ? UnaryOperator.identity() : StoreEncryptionTest::encrypted);
        fill(fixture, fixture.database.forContext("bob"));
        return fixture;
    }

    private static void fill(Fixture fixture, SignalKeyStore bob) {
        for (int i = 0; i < 150; i++) {
            fixture.put("bob." + i, "1");
            bob.put(OTHER, "" + i, bytes("1"));
        }
    }

    private static void assertSmallRead(Fixture fixture) {
        SignalKeyStore bob = fixture.database.forContext("bob");
        for (int i = 0; i < 150; i++) {
            assertThat(fixture.find("bob." + i)).isEqualTo("1");
            assertThat(Fixture.text(bob.find(OTHER, "" + i))).isEqualTo("1");
        }
        assertThat(bob.verify()).isEmpty();
        assertThat(fixture.alice.verify()).isEmpty();
    }

    private static void assertEnded(Job job, Fixture fixture) {
        assertThat(fixture.find("later")).isEqualTo("1");
        UnaryOperator<SignalKeyDatabase.Builder> options =
                job == Job.DECRYPT ? UnaryOperator.identity() : StoreEncryptionTest::encrypted;
        try (Fixture reopened = fixture.reopen(options)) {
            assertSmallRead(reopened);
            assertThat(reopened.find("later")).isEqualTo("1");
            if (job != Job.DECRYPT) {
                assertThat(reopened.database.encryption().phase()).isEqualTo(Phase.ENCRYPTED);
                for (String context : List.of("alice", "bob")) {
                    assertThat(reopened.database.encryption().entriesByKey(context))
                            .hasSize(1)
                            .doesNotContainKeys("plain", "unreadable");
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Job.class)
    @DisplayName("R74 an entry that cannot be read keeps its keys and the phase; once it is deleted, the job completes")
    void job_unreadableEntry(Job job) {
        try (Fixture fixture = closed(small(job)).reopen(job.options())) {
            Map<String, Long> before = fixture.database.encryption().entriesByKey("alice");
            byte[] record = fixture.stored(KeyTypes.SESSION, "bob.1").orElseThrow();
            byte[] damaged = damaged(record);
            fixture.plant("session", "bob.1", damaged);

            assertThatThrownBy(() -> job.run(fixture.database))
                    .isInstanceOfSatisfying(RewriteIncompleteException.class, e -> {
                        assertThat(e.unreadable()).isEqualTo(1);
                        assertThat(e.contexts()).containsExactly("alice");
                    })
                    .hasMessageContaining("verify()");

            Phase phase = switch (job) {
                case ENCRYPT -> Phase.ENCRYPTING;
                case ROTATE -> Phase.ENCRYPTED;
                case DECRYPT -> Phase.DECRYPTING;
            };
            assertThat(fixture.database.encryption().phase()).isEqualTo(phase);
            assertThat(fixture.storedKeys()).isPresent();
            try (Fixture reopened = closed(fixture).reopen(job.options())) {
                assertThat(reopened.database.encryption().phase()).isEqualTo(phase);
                assertThat(reopened.find("bob.2")).isEqualTo("1");
                reopened.plant("session", "bob.1", record);
                assertThat(reopened.find("bob.1")).as("with the key of before").isEqualTo("1");
                assertThat(before).hasSize(1);
                assertThat(reopened.database.encryption().entriesByKey("alice"))
                        .as("all others are rewritten")
                        .hasSize(2)
                        .containsEntry(before.keySet().iterator().next(), 1L);
                reopened.plant("session", "bob.1", damaged);
                reopened.alice.delete(KeyTypes.SESSION, "bob.1");
                job.run(reopened.database);
                assertThat(reopened.find("bob.1")).isEqualTo("absent");
                assertThat(reopened.find("bob.2")).isEqualTo("1");
                assertThat(reopened.database.encryption().entriesByKey("alice")).hasSize(1);
            }
        }
    }

    private static byte[] damaged(byte[] record) {
        byte[] damaged = record.clone();
        damaged[damaged.length - 1] ^= 1;
        return damaged;
    }

    private static byte[] storedMark(Fixture fixture) {
        return fixture.contents().load("_store", "_store", "mark").orElseThrow();
    }

    private static byte[] storedKeys(Fixture fixture, String context) {
        return fixture.contents().load(context, "_keys", "data").orElseThrow();
    }

    private static Consumer<EncryptionProgress> stoppingAt(int call) {
        AtomicLong calls = new AtomicLong();
        return progress -> {
            if (calls.incrementAndGet() == call) {
                throw new IllegalStateException("stop");
            }
        };
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3, 5})
    @DisplayName("R74 a rotation uses no key of one that did not end: its keys may be known with a former root key")
    void rotate_afterOneThatDidNotEnd_replacesItsKeys(int stop) {
        KeyFile known = TestEncryption.createKey();
        Encryption replacing = Encryption.with(TestEncryption.createKey()).replacing(known);
        try (Fixture fixture = Fixture.of(Kind.COMPLETE, options -> options.encryption(Encryption.with(known)))) {
            fill(fixture, fixture.database.forContext("bob"));
            byte[] record = fixture.stored(KeyTypes.SESSION, "bob.1").orElseThrow();
            if (stop == 0) { // stopped by an entry that cannot be read
                fixture.plant("session", "bob.1", damaged(record));
            }
            assertThatThrownBy(() -> fixture.database.encryption().rotate(stoppingAt(stop)))
                    .isInstanceOfAny(RewriteIncompleteException.class, IllegalStateException.class);
            if (stop == 0) {
                fixture.plant("session", "bob.1", record);
            }
            StoreSealing copied = Encryption.with(known).open(storedMark(fixture));
            Map<String, Long> former =
                    new HashMap<>(fixture.database.encryption().entriesByKey("alice"));
            former.putAll(fixture.database.encryption().entriesByKey("bob"));

            try (Fixture reopened = closed(fixture).reopen(options -> options.encryption(replacing))) {
                Job.ROTATE.run(reopened.database);

                for (String context : List.of("alice", "bob")) {
                    assertThatThrownBy(() -> copied.openContext(context, storedKeys(reopened, context)))
                            .as("keys of %s", context)
                            .isInstanceOf(EntryKeyMissingException.class);
                    assertThat(reopened.database.encryption().entriesByKey(context))
                            .hasSize(1)
                            .doesNotContainKeys(former.keySet().toArray(String[]::new));
                }
                assertThat(replacing.open(storedMark(reopened)).formerKeys()).isZero();
                assertSmallRead(reopened);
            }
        }
    }

    /** Replaces the root key and the other keys of a store, and returns each mark that it has had meanwhile. */
    private static List<byte[]> marksOfReplacing(Fixture fixture, KeyFile former, KeyFile next) {
        List<byte[]> marks = new ArrayList<>();
        Encryption replacing = Encryption.with(next).replacing(former);
        try (Fixture reopened = closed(fixture).reopen(options -> options.encryption(replacing))) {
            marks.add(storedMark(reopened));
            reopened.database.encryption().rotate(progress -> marks.add(storedMark(reopened)));
            marks.add(storedMark(reopened));
        }
        return marks;
    }

    @Test
    @DisplayName(
            "R72 R74 a mark kept from before a rotation ended brings its keys back; replacing them twice ends that")
    void keptMark_ofReplacing_untilReplacedTwice() {
        KeyFile known = TestEncryption.createKey();
        KeyFile second = TestEncryption.createKey();
        KeyFile third = TestEncryption.createKey();
        try (Fixture fixture = Fixture.of(Kind.COMPLETE, options -> options.encryption(Encryption.with(known)))) {
            fixture.put("bob.1", "1");
            StoreSealing copied = Encryption.with(known).open(storedMark(fixture));
            ContextSealing forging = copied.createContext("alice");
            byte[] keys = copied.sealKeys("alice", forging);
            byte[] record = forging.seal("session", "bob.1", new byte[] {'x'});
            List<byte[]> marks = marksOfReplacing(fixture, known, second);
            byte[] last = marks.remove(marks.size() - 1);
            Encryption now = Encryption.with(second);
            assertThatThrownBy(() -> now.open(last).openContext("alice", keys))
                    .isInstanceOf(EntryKeyMissingException.class);
            byte[] stored = storedKeys(fixture, "alice");

            for (byte[] mark : marks) { // what the page says is not detected
                assertThat(now.open(mark).openContext("alice", keys).open("session", "bob.1", record))
                        .isEqualTo(new byte[] {'x'});
            }
            assertThat(now.open(marks.get(1)).openContext("alice", stored).formerKeys())
                    .as("with a mark of the rotation, present keys open as well")
                    .isZero();

            List<byte[]> again = marksOfReplacing(fixture, second, third);
            StoreSealing running = Encryption.with(third).open(again.get(again.size() - 1));
            marks.add(last);
            for (byte[] mark : marks) {
                assertThat(running.reopened(mark)).isEmpty();
                assertThatThrownBy(() -> Encryption.with(third).open(mark)).isInstanceOf(KeyUnavailableException.class);
            }
            for (byte[] mark : again) {
                assertThatThrownBy(() -> Encryption.with(third).open(mark).openContext("alice", keys))
                        .isInstanceOf(EntryKeyMissingException.class);
            }
        }
    }

    @Test
    @DisplayName("R74 rotations that do not end leave a bounded number of keys, and one that can ends")
    void rotate_neverEnds_keysAreBounded() {
        try (Fixture fixture = small(Job.ROTATE)) {
            for (int i = 0; i < 20; i++) {
                assertThatThrownBy(() -> fixture.database.encryption().rotate(stoppingAt(1)))
                        .hasMessage("stop");
            }
            assertThat(ENCRYPTION.open(storedMark(fixture)).formerKeys()).isEqualTo(16);
            byte[] record = fixture.stored(KeyTypes.SESSION, "bob.1").orElseThrow();
            fixture.plant("session", "bob.1", damaged(record));
            for (int i = 0; i < 40; i++) {
                assertThatThrownBy(() -> Job.ROTATE.run(fixture.database))
                        .isInstanceOfSatisfying(
                                RewriteIncompleteException.class,
                                e -> assertThat(e.unreadable()).isEqualTo(1));
            }
            StoreSealing store = ENCRYPTION.open(storedMark(fixture));
            assertThat(store.formerKeys()).isEqualTo(16);
            assertThat(store.openContext("alice", storedKeys(fixture, "alice")).formerKeys())
                    .isEqualTo(16);
            assertThat(store.openContext("bob", storedKeys(fixture, "bob")).formerKeys())
                    .isZero();
            fixture.plant("session", "bob.1", record);
            assertThat(fixture.find("bob.1")).as("with its key of before").isEqualTo("1");

            Job.ROTATE.run(fixture.database);

            fixture.put("later", "1");
            assertEnded(Job.ROTATE, fixture);
            StoreSealing ended = ENCRYPTION.open(storedMark(fixture));
            assertThat(ended.formerKeys()).isZero();
            for (String context : List.of("alice", "bob")) {
                assertThatThrownBy(() -> store.openContext(context, storedKeys(fixture, context)))
                        .isInstanceOf(EntryKeyMissingException.class);
            }
        }
    }

    @RepeatedTest(3)
    @DisplayName("R74 values, deletes, clears and erases of other threads are neither lost nor undone by rotations")
    void rotate_alongsideChangesOfAllKinds() throws Exception {
        long seed = System.nanoTime();
        System.out.println("StoreEncryptionTest.rotate_alongsideChangesOfAllKinds from seed " + seed);
        try (Fixture fixture = filled(Kind.COMPLETE, StoreEncryptionTest::encrypted)) {
            AtomicBoolean done = new AtomicBoolean();
            AtomicLong erased = new AtomicLong();
            SignalKeyStore bob = fixture.database.forContext("bob");
            Threads.Running<Map<String, String>> writer = Threads.start(() -> {
                Random random = new Random(seed);
                Map<String, String> expected = new HashMap<>();
                for (int i = 0; i < ENTRIES; i++) {
                    expected.put("bob." + i, SECRET + i);
                }
                while (!done.get()) {
                    int choice = random.nextInt(100);
                    String id = "bob." + random.nextInt(ENTRIES);
                    if (choice < 2) {
                        bob.erase();
                        erased.incrementAndGet();
                        expected.clear();
                    } else if (choice < 4) {
                        bob.clear();
                        expected.clear();
                    } else if (choice < 20) {
                        bob.delete(KeyTypes.SESSION, id);
                        expected.remove(id);
                    } else if (choice < 30) {
                        String to = "bob." + random.nextInt(ENTRIES);
                        if (!to.equals(id) && bob.move(KeyTypes.SESSION, id, to, KeyOperations.OnExisting.REPLACE)) {
                            expected.put(to, expected.remove(id));
                        }
                    } else {
                        String value = SECRET + random.nextInt();
                        bob.put(KeyTypes.SESSION, id, bytes(value));
                        expected.put(id, value);
                    }
                }
                return expected;
            });
            try {
                for (int i = 0; i < 5 || erased.get() == 0; i++) {
                    fixture.database.encryption().rotate(NO_LISTENER);
                }
            } finally {
                done.set(true);
            }
            Map<String, String> expected = writer.result();
            assertThat(erased).hasPositiveValue();
            try (Fixture reopened = fixture.reopen(StoreEncryptionTest::encrypted)) {
                SignalKeyStore store = reopened.database.forContext("bob");
                for (int i = 0; i < ENTRIES; i++) {
                    assertThat(Fixture.text(store.find(KeyTypes.SESSION, "bob." + i)))
                            .as("bob.%s", i)
                            .isEqualTo(expected.getOrDefault("bob." + i, "absent"));
                }
                assertThat(store.verify()).isEmpty();
            }
        }
    }

    @Test
    @DisplayName("R74 a second job, a rotation of a store that is not encrypted yet, and a missing key are refused")
    void refused() {
        try (Fixture plain = small(Job.ENCRYPT)) {
            assertThatThrownBy(() -> plain.database.encryption())
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("without encryption");
            assertThatThrownBy(() -> plain.reopen(SignalKeyDatabase.Builder::encryptExisting))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("set encryption");
            assertThatThrownBy(() -> plain.reopen(StoreEncryptionTest::encrypted))
                    .isInstanceOf(StoreOpenException.class)
                    .hasMessageContaining("encryptExisting");
            closed(plain);
            try (Fixture fixture = plain.reopen(StoreEncryptionTest::encryptingExisting)) {
                StoreEncryption encryption = fixture.database.encryption();
                assertThatThrownBy(() -> encryption.rotate(NO_LISTENER))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("ENCRYPTING");
                assertThatThrownBy(() -> encryption.encrypt(progress -> encryption.decrypt(NO_LISTENER)))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("another operation");
                encryption.encrypt(NO_LISTENER);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Job.class,
            names = {"ROTATE", "DECRYPT"})
    @DisplayName("R74 a job is refused before it changes the mark if the contexts of the backend cannot be listed")
    void job_contextsCannotBeListed(Job job) {
        try (Fixture fixture = Fixture.of(Kind.PLAIN, StoreEncryptionTest::encrypted)) {
            fixture.put("bob.1", "1");
            byte[] mark = storedMark(fixture);

            assertThatThrownBy(() -> job.run(fixture.database))
                    .isInstanceOf(UnsupportedOperationException.class)
                    .hasMessageContaining("does not implement dev.keystore.spi.ContextListing");

            assertThat(storedMark(fixture)).isEqualTo(mark);
            fixture.put("bob.2", "2");
            try (Fixture reopened = fixture.reopen(StoreEncryptionTest::encrypted)) {
                assertThat(reopened.find("bob.1")).isEqualTo("1");
                assertThat(reopened.find("bob.2")).isEqualTo("2");
            }
            assertThat(Job.ENCRYPT.run(fixture.database).entries())
                    .as("nothing to do")
                    .isZero();
        }
    }

    @Test
    @DisplayName("R74 a plain store whose contexts cannot be listed is not marked, since it could not be encrypted")
    void encryptExisting_contextsCannotBeListed() {
        try (Fixture fixture = Fixture.of(Kind.PLAIN)) {
            fixture.database.forContext(SignalKeyDatabase.DEFAULT_CONTEXT).put(KeyTypes.SESSION, "bob.1", bytes("1"));

            assertThatThrownBy(() -> fixture.reopen(StoreEncryptionTest::encryptingExisting))
                    .isExactlyInstanceOf(StoreOpenException.class)
                    .hasMessageContaining("does not implement dev.keystore.spi.ContextListing");

            assertThat(fixture.contents().load("_store", "_store", "mark")).isEmpty();
        }
    }

    @Test
    @DisplayName("R74 a decryption that was not completed can be turned back into encryption")
    void decrypt_turnedBack() {
        try (Fixture fixture = small(Job.DECRYPT)) {
            assertThatThrownBy(() -> fixture.database.encryption().decrypt(progress -> {
                        if (progress.rewritten() > 0) {
                            throw new IllegalStateException("stop");
                        }
                    }))
                    .hasMessage("stop");
            assertThat(fixture.database.encryption().phase()).isEqualTo(Phase.DECRYPTING);
            assertThat(Stream.of("alice", "bob")
                            .map(fixture.database.encryption()::entriesByKey)
                            .flatMap(counts -> counts.keySet().stream()))
                    .contains("plain")
                    .hasSizeGreaterThan(1);
            fixture.put("later", "1");

            Job.ENCRYPT.run(fixture.database);

            assertEnded(Job.ENCRYPT, fixture);
        }
    }

    @Test
    @DisplayName("R74 contexts of another owner that is alive are not taken over")
    void ownedElsewhere() {
        try (Fixture fixture = small(Job.ROTATE);
                Fixture other = fixture.reopen(StoreEncryptionTest::encrypted)) {
            assertThatThrownBy(() -> Job.ROTATE.run(other.database)).isInstanceOf(ContextOwnedException.class);
            fixture.database.forContext("bob").put(OTHER, "later", bytes("1"));
        }
    }

    @Test
    @DisplayName("R74 threads that open contexts after another process has changed the mark all follow it")
    void forContext_byTwoThreads_afterChangeOfMark() throws Exception {
        KeyFile known = TestEncryption.createKey();
        Encryption replacing = Encryption.with(TestEncryption.createKey()).replacing(known);
        try (Fixture fixture = Fixture.of(Kind.COMPLETE, options -> options.encryption(Encryption.with(known)))) {
            SignalKeyDatabase.builder()
                    .backend(fixture.contents())
                    .encryption(replacing)
                    .open()
                    .close();
            Gate gate = fixture.faults.on(Operation.LOAD).of("_store", "mark").hold(Moment.AFTER);
            Threads.Running<SignalKeyStore> late = Threads.start(() -> fixture.database.forContext("bob"));
            gate.awaitReached();
            fixture.database.forContext("carol").put(OTHER, "x", bytes("1"));
            gate.open();

            late.result().put(OTHER, "x", bytes("2"));

            assertThat(Fixture.text(fixture.database.forContext("bob").find(OTHER, "x")))
                    .isEqualTo("2");
        }
    }

    @Test
    @DisplayName("R74 what is read, verified or inspected while another process rotates the keys is not damaged")
    void rotate_whileAnotherProcessReads() {
        try (Fixture fixture = small(Job.ROTATE)) {
            Faults faults = new Faults();
            try (StoreInspection inspection = otherProcess(fixture, faults).openToInspect();
                    SignalKeyDatabase reading =
                            otherProcess(fixture, faults).readingOnly().open()) {
                SignalKeyStore alice = reading.forContext("alice");
                rotateAtLoad(fixture, faults, "bob.100");

                assertThat(inspection.inspect("alice").isIntact()).isTrue();
                assertThat(Fixture.text(alice.find(KeyTypes.SESSION, "bob.1"))).isEqualTo("1");

                rotateAtLoad(fixture, faults, "bob.100");
                assertThat(alice.verify()).isEmpty();
                Job.ROTATE.run(fixture.database);
                assertThat(Fixture.text(alice.find(KeyTypes.SESSION, "bob.2"))).isEqualTo("1");
            }
        }
    }

    @Test
    @DisplayName("R74 R100 what is verified while another process decrypts the store is not reported as damaged")
    void decrypt_whileAnotherProcessVerifies() {
        RecordedEvents events = new RecordedEvents();
        try (Fixture fixture = small(Job.DECRYPT)) {
            Faults faults = new Faults();
            try (SignalKeyDatabase reading = otherProcess(fixture, faults)
                    .decryptExisting()
                    .listener(events)
                    .readingOnly()
                    .open()) {
                SignalKeyStore alice = reading.forContext("alice");
                faults.on(Operation.LOAD).of("session", "bob.100").run(Moment.AFTER, () -> decryptInPart(fixture));

                assertThat(alice.verify()).isEmpty();
            }
        }
        assertThat(events.take()).noneMatch(event -> event.startsWith("unreadable"));
    }

    private static void decryptInPart(Fixture fixture) {
        Consumer<EncryptionProgress> stopping = progress -> {
            if (progress.rewritten() == 2 * 150) {
                throw new IllegalStateException("stop");
            }
        };
        assertThatThrownBy(() -> fixture.database.encryption().decrypt(stopping))
                .hasMessage("stop");
    }

    private static SignalKeyDatabase.Builder otherProcess(Fixture fixture, Faults faults) {
        return SignalKeyDatabase.builder()
                .backend(FaultyBackend.complete((MemoryBackend) fixture.contents(), faults))
                .encryption(ENCRYPTION);
    }

    /** Has another process rotate the keys once an entry has been loaded. */
    private static void rotateAtLoad(Fixture fixture, Faults faults, String id) {
        faults.on(Operation.LOAD)
                .of("session", id)
                .run(Moment.AFTER, () -> fixture.database.encryption().rotate(NO_LISTENER));
    }

    private static void stop(Job job, Fixture fixture) {
        Consumer<EncryptionProgress> stopping = progress -> {
            throw new IllegalStateException("stop");
        };
        StoreEncryption encryption = fixture.database.encryption();
        assertThatThrownBy(() -> {
                    if (job == Job.ENCRYPT) {
                        encryption.encrypt(stopping);
                    } else {
                        encryption.decrypt(stopping);
                    }
                })
                .hasMessage("stop");
    }

    @ParameterizedTest
    @EnumSource(
            value = Job.class,
            names = {"ENCRYPT", "DECRYPT"})
    @DisplayName("R72 R74 a store whose job has not ended is opened with the setting of that job only")
    void job_notEnded_isOpenedByItsSetting(Job job) {
        Job other = job == Job.ENCRYPT ? Job.DECRYPT : Job.ENCRYPT;
        try (Fixture fixture = closed(small(job)).reopen(job.options())) {
            stop(job, fixture);
            closed(fixture);
            List<UnaryOperator<SignalKeyDatabase.Builder>> refused =
                    List.of(StoreEncryptionTest::encrypted, other.options());
            for (UnaryOperator<SignalKeyDatabase.Builder> options : refused) {
                assertThatThrownBy(() -> fixture.reopen(options))
                        .isExactlyInstanceOf(StoreOpenException.class)
                        .hasMessageContaining(job == Job.ENCRYPT ? "encryptExisting()" : "decryptExisting()");
            }
            try (Fixture reopened = fixture.reopen(job.options())) {
                reopened.put("later", "1");
                job.run(reopened.database);
                assertEnded(job, reopened);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = Job.class,
            names = {"ENCRYPT", "DECRYPT"})
    @DisplayName("R72 a mark kept from the time of a job does not make a store accept plaintext, opened or open")
    void keptMark_isRefused(Job job) {
        try (Fixture fixture = closed(small(job)).reopen(job.options())) {
            stop(job, fixture);
            ContextAwareBackend contents = fixture.contents();
            byte[] kept = contents.load("_store", "_store", "mark").orElseThrow();
            byte[] plain = new Envelope("alice").seal("session", "planted", bytes("planted"));
            Job.ENCRYPT.run(fixture.database);

            try (Fixture open = closed(fixture).reopen(StoreEncryptionTest::encrypted)) {
                contents.save("_store", "_store", "mark", kept);
                contents.delete("alice", "_keys", "data");
                contents.save("alice", "session", "planted", plain);

                assertThatThrownBy(() -> open.database.forContext("bob")).isInstanceOf(StoreOpenException.class);
                assertThatThrownBy(() -> open.find("planted")).isInstanceOf(TamperedEntryException.class);
                assertThatThrownBy(() -> Job.ROTATE.run(open.database)).isInstanceOf(StoreOpenException.class);
            }
            assertThatThrownBy(() -> fixture.reopen(StoreEncryptionTest::encrypted))
                    .isInstanceOf(StoreOpenException.class);
        }
    }

    @Test
    @DisplayName("R72 with a mark kept from the time of a job, an inspection shows plaintext but returns none of it")
    void keptMark_isInspected() {
        try (Fixture fixture = closed(small(Job.ENCRYPT)).reopen(StoreEncryptionTest::encryptingExisting)) {
            byte[] kept = storedMark(fixture);
            Job.ENCRYPT.run(fixture.database);
            closed(fixture);
            fixture.contents().save("_store", "_store", "mark", kept);
            fixture.plant("session", "planted", new Envelope("alice").seal("session", "planted", bytes("planted")));

            assertThatThrownBy(() ->
                            otherProcess(fixture, new Faults()).readingOnly().open())
                    .isExactlyInstanceOf(StoreOpenException.class)
                    .hasMessageContaining("encryptExisting()");
            try (StoreInspection inspection =
                    otherProcess(fixture, new Faults()).openToInspect()) {
                assertThat(inspection.encryption()).hasValue(Phase.ENCRYPTING);
                assertThat(inspection.inspect("alice").entriesByKey()).containsEntry("plain", 1L);
                assertThatThrownBy(() ->
                                inspection.<Object>read("alice", reader -> reader.find(KeyTypes.SESSION, "planted")))
                        .isExactlyInstanceOf(StoreOpenException.class)
                        .hasMessageContaining("encryptExisting()");
            }
            try (StoreInspection inspection =
                    otherProcess(fixture, new Faults()).encryptExisting().openToInspect()) {
                String read =
                        inspection.read("alice", reader -> Fixture.text(reader.find(KeyTypes.SESSION, "planted")));
                assertThat(read).isEqualTo("planted");
            }
        }
    }

    @Test
    @DisplayName("R74 once a job has encrypted the store, this process refuses the mark of the time before")
    void keptMark_afterTheJob() {
        try (Fixture fixture = closed(small(Job.ENCRYPT)).reopen(StoreEncryptionTest::encryptingExisting)) {
            byte[] kept = fixture.contents().load("_store", "_store", "mark").orElseThrow();
            Job.ENCRYPT.run(fixture.database);
            fixture.contents().save("_store", "_store", "mark", kept);

            assertThatThrownBy(() -> fixture.database.forContext("dave")).isInstanceOf(StoreOpenException.class);
        }
    }

    @Test
    @DisplayName(
            "R41 R74 after a change of the mark whose outcome was unknown, a job waits for commits that were sealed"
                    + " before it")
    void encrypt_markInDoubt_waitsForCommits() throws Exception {
        try (Fixture fixture = small(Job.DECRYPT)) {
            stop(Job.DECRYPT, fixture);
            fixture.faults.on(Operation.COMMIT).fail(Moment.AFTER, BackendException.Kind.OUTCOME_UNKNOWN);
            fixture.faults.on(Operation.COMMIT).nth(2).times(5).fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
            assertThatThrownBy(() -> Job.ENCRYPT.run(fixture.database))
                    .isInstanceOf(CommitOutcomeUnknownException.class);
            fixture.faults.heal();
            assertThat(fixture.database.encryption().phase()).isEqualTo(Phase.DECRYPTING);

            fixture.put("later", "1");
            SignalKeyStore first; // the one that the job looks at before any commit
            try (Stream<String> contexts = fixture.database.contexts()) {
                first = fixture.database.forContext(contexts.findFirst().orElseThrow());
            }
            Gate gate = fixture.faults.on(Operation.COMMIT).hold(Moment.BEFORE);
            Threads.Running<Boolean> plain = Threads.run(() -> first.put(KeyTypes.SESSION, "meanwhile", bytes("1")));
            gate.awaitReached();
            Threads.Running<EncryptionProgress> job = Threads.start(() -> Job.ENCRYPT.run(fixture.database));
            job.awaitCommitting();
            gate.open();
            plain.result();
            job.result();

            assertEnded(Job.ENCRYPT, fixture);
        }
    }

    @Test
    @DisplayName(
            "R76 store keys that were replaced are overwritten while the store is open, and so are those of an erase"
                    + " that failed once it is closed")
    void keys_ofNoUse_areOverwritten() {
        ObservedSealing observed = new ObservedSealing(ENCRYPTION);
        try (Fixture fixture = Fixture.of(Kind.COMPLETE, options -> options.encryption(observed))) {
            fixture.put("bob.1", "1");
            fixture.database.encryption().rotate(NO_LISTENER);
            assertThat(observed.retiredKeys())
                    .as("keys of the mark before, and of that with both")
                    .isEqualTo(2);
            fixture.put("bob.2", "2");
            assertThat(fixture.database.forContext("bob").find(OTHER, "x")).isEmpty();
            fixture.database.forContext("bob").put(OTHER, "x", bytes("1"));

            fixture.faults.on(Operation.COMMIT).fail(Moment.BEFORE, BackendException.Kind.PERMANENT);
            assertThatThrownBy(() -> fixture.alice.useTransaction("k", tx -> {
                        tx.erase();
                        tx.put(KeyTypes.SESSION, "bob.3", bytes("3"));
                    }))
                    .isInstanceOf(CommitFailedException.class);
            assertThat(fixture.find("bob.2")).isEqualTo("2");
        }
        assertThat(observed.openKeys()).isZero();
    }
}
