package dev.keystore.libsignal;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.core.ContextInspection;
import dev.keystore.core.ContextInspection.SessionAge;
import dev.keystore.core.ContextInspection.SignedKey;
import dev.keystore.core.ContextInspection.Use;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.core.StoreInspection;
import dev.keystore.testkit.MemoryBackend;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.IdentityKeyPair;
import org.signal.libsignal.protocol.SignalProtocolAddress;

/** Looks at a real account with {@link StoreInspection}, which does not know libsignal. */
class AccountInspectionTest {

    private final MemoryBackend memory = new MemoryBackend();

    @Test
    @DisplayName(
            "the pre-keys of an account are counted, with the ages of signed and Kyber keys, and which are used once")
    void inspect_account_showsKeysAndAges() {
        Instant before = Instant.now().minus(Duration.ofSeconds(1));
        try (SignalKeyDatabase database =
                SignalKeyDatabase.builder().backend(memory.reopen()).open()) {
            SignalAccount account = SignalAccount.create(database.forContext("alice"));
            account.generatePreKeys(7);
            account.generateSignedPreKey();
            account.generateKyberPreKeys(3);
            account.generateLastResortKyberPreKey();
        }
        ContextInspection found;
        try (StoreInspection store =
                SignalKeyDatabase.builder().backend(memory.reopen()).openToInspect()) {
            found = store.inspect("alice");
        }

        assertThat(found.isIntact()).isTrue();
        assertThat(found.types().get("pre-key").entries()).isEqualTo(7);
        assertThat(keys(found, key -> key.entry().type().equals("signed-pre-key")))
                .hasSize(1);
        assertThat(keys(found, key -> key.use() == Use.ONCE)).hasSize(3);
        assertThat(keys(found, key -> key.use() == Use.MANY)).hasSize(2);
        assertThat(found.signedKeys())
                .hasSize(5)
                .allSatisfy(key -> assertThat(key.created())
                        .hasValueSatisfying(created -> assertThat(created).isBetween(before, Instant.now())));
    }

    @Test
    @DisplayName(
            "of pre-keys that an upload has replaced, or a contact received, none are left, also where ids begin at 1")
    void inspect_replacedPreKeys_areNotLeft() {
        try (SignalKeyDatabase database =
                SignalKeyDatabase.builder().backend(memory.reopen()).open()) {
            int next = Ids.MAX_KEY_ID - 3; // four more, and then 1
            SignalAccount account = SignalAccount.importAccount(
                    database.forContext("alice"),
                    AccountOptions.builder().preKeyBatch(3).preKeyFloor(3).build(),
                    IdentityKeyPair.generate(),
                    1,
                    new NextKeyIds(next, next, next));
            assertThat(left(database)).containsExactly(0L, 0L);
            account.confirmUpload(account.preKeys().replenish(0, 0).orElseThrow());
            assertThat(left(database)).containsExactly(3L, 3L);
            account.confirmUpload(account.preKeys().replenish(0, 0).orElseThrow());
            account.newPreKeyBundle(1);

            PreKeyCounts counts = account.preKeys().counts();
            assertThat(counts.preKeys()).isEqualTo(3);
            assertThat(left(database)).containsExactly((long) counts.preKeys(), (long) counts.kyberPreKeys());
            ContextInspection found = database.inspection().inspect("alice");
            assertThat(found.entries("pre-key")).isEqualTo(7);
            byte[] ofOlderVersion =
                    ByteBuffer.allocate(4).putInt(Ids.MAX_KEY_ID - 1).array();
            database.forContext("alice").put(PreKeyLog.REPLACED_UP_TO, "ONE_TIME", ofOlderVersion);
            assertThat(left(database)).containsExactly(4L, 3L);
        }
    }

    @Test
    @DisplayName("the sessions of an account are counted by age, and those without a recorded start as unknown")
    void inspect_sessions_areCountedByAge() throws Exception {
        Instant now = Instant.now();
        try (SignalKeyDatabase database =
                SignalKeyDatabase.builder().backend(memory.reopen()).open()) {
            SignalAccount bob = SignalAccount.create(database.forContext("bob"));
            SignalKeyStore store = database.forContext("alice");
            SignalAccount.create(store);
            int device = 0;
            for (int days : new int[] {-2, 0, 1, 6, 45, 364, 365, 4_000}) {
                device++;
                SignalAccount alice = SignalAccount.open(
                        store,
                        AccountOptions.builder()
                                .clock(() -> now.minus(Duration.ofDays(days)))
                                .build());
                alice.startSession(new SignalProtocolAddress("bob", device), bob.newPreKeyBundle(device));
            }
            store.put(KeyTypes.SESSION, "carol.1", new byte[] {1});
            store.put(KeyTypes.SESSION, "carol.2", new byte[] {1});

            ContextInspection found = database.inspection().inspect("alice");

            assertThat(found.entries("session")).isEqualTo(10);
            assertThat(found.sessionsByAge())
                    .containsExactly(
                            Map.entry(SessionAge.UNDER_A_DAY, 1L),
                            Map.entry(SessionAge.UNDER_A_WEEK, 2L),
                            Map.entry(SessionAge.UNDER_90_DAYS, 1L),
                            Map.entry(SessionAge.UNDER_A_YEAR, 1L),
                            Map.entry(SessionAge.A_YEAR_OR_MORE, 2L),
                            Map.entry(SessionAge.UNKNOWN, 3L));
            assertThat(database.inspection().inspect("bob").sessionsByAge()).isEmpty();
        }
    }

    private static List<Long> left(SignalKeyDatabase database) {
        ContextInspection found = database.inspection().inspect("alice");
        return List.of(found.preKeysLeft(), found.kyberPreKeysLeft());
    }

    private static List<SignedKey> keys(ContextInspection found, Predicate<SignedKey> wanted) {
        return found.signedKeys().stream().filter(wanted).toList();
    }
}
