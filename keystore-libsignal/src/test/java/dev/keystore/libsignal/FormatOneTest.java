package dev.keystore.libsignal;

import static dev.keystore.libsignal.TwoParties.BOB;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.EntryExistsException;
import dev.keystore.EntryId;
import dev.keystore.KeyPair;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.SignedPreKey;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.IdentityKey;
import org.signal.libsignal.protocol.ecc.ECKeyPair;
import org.signal.libsignal.protocol.state.PreKeyRecord;

@DisplayName("An account of format 1")
class FormatOneTest extends LibsignalTest {

    private static final List<String> MIGRATED = List.of(
            "credentials/credentials",
            "libsignal-account/identity",
            "libsignal-last-key-id/kyber-pre-key",
            "libsignal-last-key-id/pre-key",
            "libsignal-last-key-id/signed-pre-key");

    private final AccountIdentity identity = AccountIdentity.generate();
    private final byte[] formatOne = FormatOne.encode(identity, 101, 1, 0xFFFFFE, new byte[] {7, 8});
    private SignalKeyStore store;

    @BeforeEach
    void saveFormatOne() {
        store = parties.store("alice");
        store.clear();
        store.saveCredentials(formatOne);
        parties.reopen();
        parties.faults.forgetCalls();
        store = parties.store("alice");
    }

    @Test
    @DisplayName("R10 is converted to the current format when it is opened, in one commit and only once")
    void open_migratesInOneCommit() {
        SignalAccount alice = SignalAccount.open(store);
        SignalAccount.open(store);
        parties.reopen();
        SignalAccount.openOrCreate(parties.store("alice"));

        assertThat(parties.faults.calls(Operation.COMMIT))
                .singleElement()
                .satisfies(commit -> assertThat(commit.entries())
                        .extracting(EntryId::toString)
                        .containsExactlyInAnyOrderElementsOf(MIGRATED));
        assertThat(alice).isNotNull();
    }

    @Test
    @DisplayName("keeps its identity, its application data and its ids when it is opened")
    void open_keepsWhatItHeld() {
        for (String id : List.of("102", "1", "16777214")) {
            store.put(KeyTypes.PRE_KEY, id, new KeyPair(new byte[33], new byte[32]));
        }
        SignalAccount alice = SignalAccount.openOrCreate(store);

        assertThat(alice.identityKey()).isEqualTo(identity.keyPair().getPublicKey());
        assertThat(alice.registrationId()).isEqualTo(identity.registrationId());
        assertThat(alice.applicationData()).containsExactly(7, 8);
        assertThat(alice.generatePreKeys(2)).extracting(PreKeyRecord::getId).containsExactly(101, 103);
        assertThat(alice.generateSignedPreKey().getId()).isEqualTo(1);
        assertThat(alice.generateLastResortKyberPreKey().getId()).isEqualTo(0xFFFFFE);
        assertThat(alice.generateLastResortKyberPreKey().getId()).isEqualTo(1);
    }

    @Test
    @DisplayName("keeps its newest signed pre-key for new bundles")
    void open_keepsNewestSignedPreKey() {
        ECKeyPair pair = ECKeyPair.generate();
        store.put(KeyTypes.SIGNED_PRE_KEY, "4", new SignedPreKey(PreKeys.toStore(pair), new byte[64], 1));
        store.saveCredentials(FormatOne.encode(identity, 1, 5, 1, new byte[0]));

        assertThat(SignalAccount.open(store).newPreKeyBundle(1).getSignedPreKeyId())
                .isEqualTo(4);
    }

    @Test
    @DisplayName("R24 is opened by many threads concurrently, in one commit")
    @SuppressWarnings("unchecked")
    void open_raced_migratesOnce() throws Exception {
        Callable<IdentityKey> open = () -> SignalAccount.open(store).identityKey();

        List<IdentityKey> identities =
                Race.of(Stream.generate(() -> open).limit(16).toArray(Callable[]::new));

        assertThat(identities).containsOnly(identity.keyPair().getPublicKey());
        assertThat(parties.faults.count(Operation.COMMIT)).isOne();
    }

    @Test
    @DisplayName("R12 is unchanged if the commit fails, and can be opened later")
    void open_commitFails_changesNothing() {
        parties.faults.on(Operation.COMMIT).fail(Moment.MIDWAY, BackendException.Kind.PERMANENT);

        assertThatThrownBy(() -> SignalAccount.open(store)).isInstanceOf(CommitFailedException.class);

        parties.reopen();
        store = parties.store("alice");
        assertThat(store.credentials()).hasValue(formatOne);
        assertThat(store.ids(AccountIdentity.TYPE, "")).isEmpty();
        assertThat(store.ids(PreKeyIds.LAST, "")).isEmpty();
        assertThat(SignalAccount.open(store).applicationData()).containsExactly(7, 8);
    }

    @Test
    @DisplayName("R58 is an account, so that no other is created in its place")
    void create_isRefused() {
        assertThatThrownBy(() -> SignalAccount.create(store)).isInstanceOf(EntryExistsException.class);

        assertThat(store.credentials()).hasValue(formatOne);
    }

    @Test
    @DisplayName("is read by a transaction's work without being changed")
    void work_readsAndDoesNotMigrate() {
        IdentityKey read = store.transaction(SignalAccount.lockKey(BOB), tx -> {
            tx.put(KeyTypes.DEVICE_LIST, "bob", List.of("1"));
            return new KeystoreSignalProtocolStore(tx).getIdentityKeyPair().getPublicKey();
        });

        assertThat(read).isEqualTo(identity.keyPair().getPublicKey());
        assertThat(store.credentials()).hasValue(formatOne);
    }
}
