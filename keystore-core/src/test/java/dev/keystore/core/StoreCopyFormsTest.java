package dev.keystore.core;

import static dev.keystore.core.Fixture.bytes;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.keystore.EntryId;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.CopyReport.Outcome;
import dev.keystore.core.Fixture.Kind;
import dev.keystore.encryption.Encryption;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.StoreSealing;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.FaultyBackend;
import dev.keystore.testkit.MemoryBackend;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Copies between stores that are encrypted or not, hide names or not, on backends with all and with no capabilities.
 */
@Timeout(60)
class StoreCopyFormsTest extends CopiedDatabases {

    private enum Form implements UnaryOperator<SignalKeyDatabase.Builder> {
        PLAIN,
        ENCRYPTED,
        HIDING_NAMES;

        @Override
        public SignalKeyDatabase.Builder apply(SignalKeyDatabase.Builder builder) {
            Encryption encryption = TestEncryption.create();
            return switch (this) {
                case PLAIN -> builder;
                case ENCRYPTED -> builder.encryption(encryption);
                case HIDING_NAMES -> builder.encryption(encryption.hidingNames());
            };
        }
    }

    static Stream<Arguments> pairs() {
        return Stream.of(Form.values())
                .flatMap(from -> Stream.of(Form.values())
                        .flatMap(to -> Stream.of(Kind.values()).map(kind -> Arguments.of(from, to, kind))));
    }

    private void openBoth(Form from, Form to) {
        openSource(FaultyBackend.complete(sourceMemory.reopen(), sourceFaults), from);
        openTarget(FaultyBackend.complete(targetMemory.reopen(), targetFaults), to);
    }

    private static void assertHolds(SignalKeyStore store, String value) {
        for (int i = 0; i < 150; i++) {
            assertThat(Fixture.text(store.find(KeyTypes.SESSION, "bob." + i))).isEqualTo(value + i);
        }
        assertThat(Fixture.text(store.find(OTHER, "x"))).isEqualTo(value);
        assertThat(Fixture.text(store.find(OTHER, "/:%_. \ud83d\ude00"))).isEmpty();
        assertThat(Fixture.text(store.credentials())).isEqualTo(value);
        assertThat(store.verify()).isEmpty();
    }

    @ParameterizedTest
    @MethodSource("pairs")
    @DisplayName("R90 R91 R75 plain and encrypted stores, with true or hidden names, are copied into each other")
    void run_anyForms_copies(Form from, Form to, Kind kind) {
        try (Fixture sourceFixture = Fixture.of(kind, from);
                Fixture targetFixture = Fixture.of(kind, to)) {
            fill(sourceFixture.alice, "alice");
            StoreCopy copy = StoreCopy.from(sourceFixture.database)
                    .to(targetFixture.database)
                    .contexts(Set.of(sourceFixture.context()))
                    .onContext(result -> results.put(result.context(), result));

            assertThat(copy.run().contexts()).isEqualTo(Map.of(Outcome.COPIED, 1L));

            assertHolds(targetFixture.alice, "alice");
            assertThat(copy.run().contexts()).isEqualTo(Map.of(Outcome.ALREADY_THERE, 1L));
            targetFixture.alice.put(KeyTypes.SESSION, "bob.1", bytes("other"));
            assertThat(copy.dryRun().contexts()).isEqualTo(Map.of(Outcome.REFUSED, 1L));
            assertThat(copy.replacing().run().contexts()).isEqualTo(Map.of(Outcome.REPLACED, 1L));
            assertHolds(targetFixture.alice, "alice");
        }
    }

    @Test
    @DisplayName("R73 R90 the keys of a context are the target's own, also after it was replaced and opened again")
    void run_encrypted_targetHasItsOwnKeys() {
        Encryption of = TestEncryption.create();
        Encryption to = TestEncryption.create();
        openSource(FaultyBackend.complete(sourceMemory.reopen(), sourceFaults), builder -> builder.encryption(of));
        openTarget(FaultyBackend.complete(targetMemory.reopen(), targetFaults), builder -> builder.encryption(to));
        fill(source.forContext("alice"), "alice");
        fill(source.forContext("bob"), "bob");
        target.forContext("bob").put(KeyTypes.SESSION, "more", bytes("1"));
        byte[] replaced = keys(targetMemory, "bob");

        copy().replacing().run();

        assertThat(keys(targetMemory, "alice")).isNotEqualTo(keys(sourceMemory, "alice"));
        assertThat(keys(targetMemory, "bob"))
                .isNotEqualTo(keys(sourceMemory, "bob"))
                .isNotEqualTo(replaced);
        target.forContext("alice").put(KeyTypes.SESSION, "more", bytes("1"));
        target.forContext("bob").put(KeyTypes.SESSION, "more", bytes("1"));
        openTarget(targetMemory.reopen(), builder -> builder.encryption(to));
        assertHolds(target.forContext("alice"), "alice");
        assertHolds(target.forContext("bob"), "bob");
    }

    private static byte[] keys(MemoryBackend memory, String context) {
        return memory.reopen()
                .load(context, StoreSealing.KEYS.type(), StoreSealing.KEYS.id())
                .orElseThrow();
    }

    @Test
    @DisplayName("R72 R90 a copy that fails leaves the keys of the target as they were")
    void run_encryptedReplacementFails_keysStay() {
        openBoth(Form.PLAIN, Form.ENCRYPTED);
        fill(source.forContext("alice"), "alice");
        SignalKeyStore alice = target.forContext("alice");
        alice.put(KeyTypes.SESSION, "more", bytes("1"));
        byte[] keys = keys(targetMemory, "alice");
        targetFaults.on(Operation.COMMIT).fail(Moment.MIDWAY, BackendException.Kind.PERMANENT);

        assertThatThrownBy(copy().replacing()::run).isInstanceOf(CopyIncompleteException.class);

        assertThat(keys(targetMemory, "alice")).isEqualTo(keys);
        alice.put(KeyTypes.SESSION, "more", bytes("2"));
        assertThat(alice.verify()).isEmpty();
    }

    @Test
    @DisplayName("R54 R90 a replacement whose outcome is unknown at first is written once, and opens afterwards")
    void run_encryptedReplacementInDoubt_isResolved() {
        openBoth(Form.ENCRYPTED, Form.ENCRYPTED);
        fill(source.forContext("alice"), "alice");
        target.forContext("alice").put(KeyTypes.SESSION, "more", bytes("1"));
        targetFaults.on(Operation.COMMIT).fail(Moment.AFTER, BackendException.Kind.OUTCOME_UNKNOWN);

        copy().replacing().run();

        assertHolds(target.forContext("alice"), "alice");
    }

    @Test
    @DisplayName("R43 R71 R90 hidden names: a damaged entry is reported by its hidden name, a context by its own")
    void run_hiddenNames_damaged() {
        openBoth(Form.HIDING_NAMES, Form.PLAIN);
        fill(source.forContext("alice"), "alice");
        fill(source.forContext("bob"), "bob");
        String alice = source.engine().storage.names().context("alice");
        String bob = source.engine().storage.names().context("bob");
        EntryId damaged;
        try (Stream<EntryId> entries = sourceMemory.reopen().list(alice)) {
            damaged = entries.filter(entry -> !StoredNames.isReserved(entry.type()))
                    .findFirst()
                    .orElseThrow();
        }
        sourceMemory.reopen().save(alice, damaged.type(), damaged.id(), bytes("damaged"));
        sourceMemory.reopen().save(bob, StoreSealing.KEYS.type(), StoreSealing.KEYS.id(), bytes("damaged"));

        CopyReport report =
                catchThrowableOfType(CopyIncompleteException.class, copy()::run).report();

        assertThat(report.contexts()).isEqualTo(Map.of(Outcome.UNREADABLE, 2L));
        assertThat(results.get("alice").unreadable()).containsExactly(damaged);
        assertThat(results.get(bob).unreadable()).containsExactly(StoreSealing.KEYS);
        assertThat(contents(targetMemory)).isEmpty();
    }

    @Test
    @DisplayName("R43 R90 an encrypted target whose keys of a context are damaged is reported, and not changed")
    void run_targetKeysDamaged_isReported() {
        openBoth(Form.PLAIN, Form.ENCRYPTED);
        fill(source.forContext("alice"), "alice");
        targetMemory.reopen().save("alice", StoreSealing.KEYS.type(), StoreSealing.KEYS.id(), bytes("damaged"));

        CopyReport report =
                catchThrowableOfType(CopyIncompleteException.class, copy()::run).report();

        assertThat(report.contexts()).isEqualTo(Map.of(Outcome.NOT_WRITTEN, 1L));
        assertThat(results.get("alice").reason()).startsWith("target: ").contains(StoreSealing.KEYS.toString());
        assertThat(keys(targetMemory, "alice")).isEqualTo(bytes("damaged"));
    }

    @Test
    @DisplayName(
            "R53 R76 keys that were loaded before the target was taken over are closed then; new ones, if it fails")
    void run_replacing_keepsNoKeysFromBefore() {
        Encryption encryption = TestEncryption.create();
        openSource(FaultyBackend.complete(sourceMemory.reopen(), sourceFaults), UnaryOperator.identity());
        openTarget(targetMemory.reopen(), builder -> builder.encryption(encryption));
        fill(source.forContext("alice"), "alice");
        fill(target.forContext("alice"), "other"); // the same ids, so that values are compared
        ObservedSealing observed = new ObservedSealing(encryption);
        openTarget(
                FaultyBackend.complete(targetMemory.reopen(), targetFaults), builder -> builder.encryption(observed));
        int open = observed.openKeys();
        AtomicInteger atCommit = new AtomicInteger();
        targetFaults.on(Operation.COMMIT).fail(Moment.BEFORE, () -> {
            atCommit.set(observed.openKeys());
            return BackendException.permanent("injected", null);
        });

        assertThatThrownBy(copy().replacing()::run).isInstanceOf(CopyIncompleteException.class);
        assertThat(atCommit)
                .as("keys of the store, and new ones of the context")
                .hasValue(open + 1);
        assertThat(observed.openKeys()).as("after the failure").isEqualTo(open);

        copy().replacing().run();
        assertHolds(target.forContext("alice"), "alice");
    }

    @Test
    @DisplayName("R74 R90 a target whose keys are being replaced during the copy is sealed again")
    void run_sealerReplacedMeanwhile_sealsAgain() {
        Encryption encryption = TestEncryption.create();
        openSource(FaultyBackend.complete(sourceMemory.reopen(), sourceFaults), UnaryOperator.identity());
        openTarget(
                FaultyBackend.complete(targetMemory.reopen(), targetFaults),
                builder -> builder.encryption(encryption).encryptExisting());
        fill(source.forContext("alice"), "alice");
        SignalKeyStore alice = target.forContext("alice");
        alice.put(KeyTypes.SESSION, "x", bytes("1"));
        alice.delete(KeyTypes.SESSION, "x");
        // after the last page was sealed, another thread erases the target's context, and so replaces its keys
        sourceFaults.on(Operation.LOAD).of("session", "bob.99").run(Moment.AFTER, alice::erase);

        copy().run();

        assertThat(sourceFaults.loads("session", "bob.99"))
                .as("read, and read again")
                .isEqualTo(2);
        assertHolds(target.forContext("alice"), "alice");
        openTarget(targetMemory.reopen(), builder -> builder.encryption(encryption));
        assertHolds(target.forContext("alice"), "alice");
    }
}
