package dev.keystore.libsignal;

import static dev.keystore.libsignal.TwoParties.ALICE;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.IdentityKey;
import org.signal.libsignal.protocol.state.KyberPreKeyRecord;
import org.signal.libsignal.protocol.state.PreKeyRecord;

@DisplayName("An account")
class SignalAccountTest extends LibsignalTest {

    @Test
    @DisplayName("is made by the first call and read by later ones (R19)")
    void of_calledAgain_readsTheSame() {
        SignalAccount first = parties.alice();
        IdentityKey identity = first.identityKey();
        int registrationId = first.registrationId();
        parties.reopen();

        assertThat(parties.alice().identityKey()).isEqualTo(identity);
        assertThat(parties.alice().registrationId()).isEqualTo(registrationId).isBetween(1, 16380);
        assertThat(parties.bob().identityKey()).isNotEqualTo(identity);
    }

    @Test
    @DisplayName("has one identity, however many calls race to make it (R19, R24)")
    @SuppressWarnings("unchecked")
    void of_raced_makesOneIdentity() throws Exception {
        Callable<IdentityKey> open = () -> parties.alice().identityKey();

        List<IdentityKey> identities =
                Race.of(Stream.generate(() -> open).limit(16).toArray(Callable[]::new));

        assertThat(identities).hasSize(16).containsOnly(identities.get(0));
        assertThat(parties.faults.count(Operation.COMMIT)).isOne();
    }

    @Test
    @DisplayName("gives out ids that rise, pre-keys and counter in one commit (R10)")
    void generatePreKeys_writesKeysAndCounterAtOnce() {
        SignalAccount alice = parties.alice();
        parties.faults.forgetCalls();

        assertThat(ids(alice.generatePreKeys(3))).containsExactly(1, 2, 3);
        assertThat(ids(alice.generatePreKeys(2))).containsExactly(4, 5);
        assertThat(alice.generateSignedPreKey().getId()).isEqualTo(1);
        assertThat(alice.generateSignedPreKey().getId()).isEqualTo(2);
        assertThat(alice.generateKyberPreKeys(2))
                .extracting(KyberPreKeyRecord::getId)
                .containsExactly(1, 2);
        assertThat(alice.generateLastResortKyberPreKey().getId()).isEqualTo(3);

        assertThat(parties.faults.calls(Operation.COMMIT))
                .hasSize(6)
                .allSatisfy(commit -> assertThat(commit.entries()).contains(new EntryId("credentials", "credentials")));
        assertThat(parties.store("alice").ids(KeyTypes.PRE_KEY, "")).containsExactlyInAnyOrder("1", "2", "3", "4", "5");
    }

    @Test
    @DisplayName("never gives out an id twice: not after a restart, deletes or clear (R17)")
    void generatePreKeys_afterRestartDeletesAndClear_goesOn() {
        parties.alice().generatePreKeys(5);
        parties.reopen();
        SignalKeyStore store = parties.store("alice");
        IntStream.rangeClosed(1, 5).forEach(id -> store.delete(KeyTypes.PRE_KEY, Integer.toString(id)));

        assertThat(ids(parties.alice().generatePreKeys(1))).containsExactly(6);

        IdentityKey identity = parties.alice().identityKey();
        store.clear();
        assertThat(ids(parties.alice().generatePreKeys(2))).containsExactly(7, 8);
        assertThat(parties.alice().identityKey()).isEqualTo(identity);
    }

    @Test
    @DisplayName("writes neither pre-keys nor counter when the commit fails (R12, R13)")
    void generatePreKeys_commitFails_writesNothing() {
        SignalAccount alice = parties.alice();
        parties.faults.on(Operation.COMMIT).fail(Moment.MIDWAY, BackendException.Kind.PERMANENT);

        assertThatThrownBy(() -> alice.generatePreKeys(3)).isInstanceOf(CommitFailedException.class);

        assertThat(parties.store("alice").ids(KeyTypes.PRE_KEY, "")).isEmpty();
        parties.reopen();
        assertThat(parties.store("alice").ids(KeyTypes.PRE_KEY, "")).isEmpty();
        assertThat(ids(parties.alice().generatePreKeys(3))).containsExactly(1, 2, 3);
    }

    @Test
    @DisplayName("never gives out an id twice when nobody knew whether the commit was written (R41)")
    void generatePreKeys_commitWrittenButUnknown_goesOnBehindIt() {
        SignalAccount alice = parties.alice();
        parties.faults.on(Operation.COMMIT).fail(Moment.AFTER, BackendException.Kind.OUTCOME_UNKNOWN);

        assertThatThrownBy(() -> alice.generatePreKeys(3)).isInstanceOf(CommitOutcomeUnknownException.class);

        assertThat(ids(alice.generatePreKeys(2))).containsExactly(4, 5);
        parties.reopen();
        assertThat(parties.store("alice").ids(KeyTypes.PRE_KEY, "")).hasSize(5);
    }

    @Test
    @DisplayName("gives 8 threads 200 different ids (R24)")
    @SuppressWarnings("unchecked")
    void generatePreKeys_raced_idsDiffer() throws Exception {
        SignalAccount alice = parties.alice();
        Callable<List<Integer>> generate = () -> Stream.generate(() -> alice.generatePreKeys(5))
                .limit(5)
                .flatMap(records -> ids(records).stream())
                .toList();

        List<List<Integer>> given =
                Race.of(Stream.generate(() -> generate).limit(8).toArray(Callable[]::new));

        assertThat(given.stream().flatMap(List::stream))
                .containsExactlyInAnyOrderElementsOf(
                        IntStream.rangeClosed(1, 200).boxed().toList());
    }

    @Test
    @DisplayName("begins again at 1 after the last 24-bit id, and passes over ids that are in use")
    void generatePreKeys_atTheLastId_wraps() {
        SignalAccount alice = parties.alice();
        alice.generatePreKeys(2);
        SignalKeyStore store = parties.store("alice");
        AccountRecord nearTheEnd = AccountRecord.load(store).withNextPreKeyId(Ids.MAX_KEY_ID - 1);
        store.saveCredentials(nearTheEnd.encode());
        store.delete(KeyTypes.PRE_KEY, "1");

        assertThat(ids(alice.generatePreKeys(5))).containsExactly(0xFFFFFD, 0xFFFFFE, 1, 3, 4);
        assertThat(ids(alice.generatePreKeys(1))).containsExactly(5);
    }

    @Test
    @DisplayName("keeps the application's own bytes with its identity, over clear and pre-keys (R5, R17)")
    void saveApplicationData_survivesClear() {
        SignalAccount alice = parties.alice();
        byte[] data = {1, 2, 3};
        alice.saveApplicationData(data);
        data[0] = 9;
        alice.applicationData()[1] = 9;
        alice.generatePreKeys(1);
        parties.store("alice").clear();
        parties.reopen();

        assertThat(parties.alice().applicationData()).containsExactly(1, 2, 3);
        assertThat(parties.bob().applicationData()).isEmpty();
    }

    @Test
    @DisplayName("is gone after erase, and what needs it says so (R18)")
    void erase_removesTheAccount() {
        SignalAccount alice = parties.alice();
        IdentityKey identity = alice.identityKey();
        parties.store("alice").erase();

        assertThatThrownBy(alice::registrationId)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("\"alice\"");
        assertThatThrownBy(() -> alice.generatePreKeys(1)).isInstanceOf(IllegalStateException.class);
        assertThat(parties.alice().identityKey()).isNotEqualTo(identity);
    }

    @Test
    @DisplayName("refuses credentials that are not exactly its own, and leaves them as they are (R43, R45)")
    void of_otherCredentials_isRefused() {
        SignalKeyStore store = parties.store("alice");
        parties.alice();
        byte[] good = store.credentials().orElseThrow();
        List<byte[]> bad = Stream.concat(
                        IntStream.range(0, good.length).mapToObj(length -> Arrays.copyOf(good, length)),
                        Stream.of(Arrays.copyOf(good, good.length + 1), changed(good, 0), changed(good, 4)))
                .toList();

        for (byte[] credentials : bad) {
            store.saveCredentials(credentials);
            assertThatThrownBy(parties::alice)
                    .isInstanceOf(CorruptEntryException.class)
                    .hasMessageContaining("alice");
            assertThat(store.credentials()).hasValue(credentials);
        }
        store.saveCredentials(good);
        assertThat(parties.alice().applicationData()).isEmpty();
        assertThat(AccountRecord.load(store))
                .hasToString("AccountRecord[registration " + parties.alice().registrationId() + "]");
    }

    @Test
    @DisplayName("makes bundles that never share a one-time pre-key, and share the signed one until it is removed")
    void newPreKeyBundle_twice_sharesNoOneTimeKey() throws Exception {
        SignalAccount alice = parties.alice();
        var first = alice.newPreKeyBundle(1);
        var second = alice.newPreKeyBundle(1);

        assertThat(first.getPreKeyId()).isNotEqualTo(second.getPreKeyId());
        assertThat(first.getKyberPreKeyId()).isNotEqualTo(second.getKyberPreKeyId());
        assertThat(first.getSignedPreKeyId()).isEqualTo(second.getSignedPreKeyId());

        alice.transaction(ALICE, (signal, tx) -> {
            signal.removeSignedPreKey(first.getSignedPreKeyId());
            return true;
        });
        assertThat(alice.newPreKeyBundle(1).getSignedPreKeyId()).isGreaterThan(first.getSignedPreKeyId());
    }

    @Test
    @DisplayName("refuses to make no pre-keys, and to be used inside a transaction of its store (R26)")
    void misuse_isRefused() {
        SignalAccount alice = parties.alice();

        assertThatThrownBy(() -> alice.generatePreKeys(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("count");
        assertThatThrownBy(() -> alice.transaction(ALICE, (signal, tx) -> alice.generatePreKeys(1)))
                .isInstanceOf(IllegalStateException.class);
    }

    private static byte[] changed(byte[] bytes, int index) {
        byte[] changed = bytes.clone();
        changed[index]++;
        return changed;
    }

    private static List<Integer> ids(List<PreKeyRecord> records) {
        return records.stream().map(PreKeyRecord::getId).toList();
    }
}
