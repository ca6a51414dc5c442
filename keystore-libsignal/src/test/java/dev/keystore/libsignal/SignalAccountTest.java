package dev.keystore.libsignal;

import static dev.keystore.libsignal.TwoParties.ALICE;
import static dev.keystore.libsignal.TwoParties.BOB;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.CommitOutcomeUnknownException;
import dev.keystore.ContextNotFoundException;
import dev.keystore.CorruptEntryException;
import dev.keystore.EntryExistsException;
import dev.keystore.EntryId;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.UnsupportedFormatException;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.IdentityKey;
import org.signal.libsignal.protocol.IdentityKeyPair;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.UntrustedIdentityException;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.state.KyberPreKeyRecord;
import org.signal.libsignal.protocol.state.PreKeyBundle;
import org.signal.libsignal.protocol.state.PreKeyRecord;

@DisplayName("An account")
class SignalAccountTest extends LibsignalTest {

    @Test
    @DisplayName("R19 is created by the first call and read by later ones")
    void openOrCreate_calledAgain_readsTheSame() {
        SignalAccount first = parties.alice();
        IdentityKey identity = first.identityKey();
        int registrationId = first.registrationId();
        parties.reopen();

        assertThat(parties.alice().identityKey()).isEqualTo(identity);
        assertThat(parties.alice().registrationId()).isEqualTo(registrationId).isBetween(1, 16380);
        assertThat(parties.bob().identityKey()).isNotEqualTo(identity);
    }

    @Test
    @DisplayName("R19 R24 has one identity, however many calls race to create it")
    @SuppressWarnings("unchecked")
    void openOrCreate_raced_createsOneIdentity() throws Exception {
        Callable<IdentityKey> open = () -> parties.alice().identityKey();

        List<IdentityKey> identities =
                Race.of(Stream.generate(() -> open).limit(16).toArray(Callable[]::new));

        assertThat(identities).hasSize(16).containsOnly(identities.get(0));
        assertThat(parties.faults.count(Operation.COMMIT)).isOne();
    }

    @Test
    @DisplayName("R10 issues increasing ids and saves pre-keys and counter in one commit")
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
                .allSatisfy(commit -> assertThat(commit.entries())
                        .extracting(EntryId::type)
                        .contains("libsignal-last-key-id")
                        .doesNotContain("credentials"));
        assertThat(parties.store("alice").ids(KeyTypes.PRE_KEY, "")).containsExactlyInAnyOrder("1", "2", "3", "4", "5");
    }

    @Test
    @DisplayName("R11 continues its ids after a restart, even if pre-keys were deleted")
    void generatePreKeys_afterRestartAndDeletes_goesOn() {
        parties.alice().generatePreKeys(5);
        parties.reopen();
        SignalKeyStore store = parties.store("alice");
        IntStream.rangeClosed(1, 5).forEach(id -> store.delete(KeyTypes.PRE_KEY, Integer.toString(id)));

        assertThat(ids(parties.alice().generatePreKeys(1))).containsExactly(6);
    }

    @Test
    @DisplayName("R17 begins at a random id when it is new and after each clear, which keeps its identity")
    void generatePreKeys_newAndCleared_beginsAtRandomId() {
        SignalKeyStore store = parties.store("carol");
        SignalAccount carol = SignalAccount.create(store);
        IdentityKey identity = carol.identityKey();
        Set<Integer> firstIds = new HashSet<>();
        for (int i = 0; i < 8; i++) {
            List<Integer> ids = ids(carol.generatePreKeys(3));
            assertThat(ids).allSatisfy(id -> assertThat(id).isBetween(1, Ids.MAX_KEY_ID));
            firstIds.add(ids.get(0));
            store.clear();
            assertThat(carol.identityKey()).isEqualTo(identity);
        }

        // The probability that all ids are equal by chance is 16,777,214 to the power of -6.
        assertThat(firstIds).hasSizeGreaterThan(2);
        PreKeyBundle bundle = carol.newPreKeyBundle(1);
        assertThat(bundle.getIdentityKey()).isEqualTo(identity);
        assertThat(carol.newPreKeyBundle(1).getSignedPreKeyId()).isEqualTo(bundle.getSignedPreKeyId());
    }

    @Test
    @DisplayName("R12 R13 writes neither pre-keys nor counter if the commit fails")
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
    @DisplayName("R41 issues no id twice after a commit whose outcome was unknown")
    void generatePreKeys_commitWrittenButUnknown_goesOnBehindIt() {
        SignalAccount alice = parties.alice();
        parties.faults.on(Operation.COMMIT).fail(Moment.AFTER, BackendException.Kind.OUTCOME_UNKNOWN);

        assertThatThrownBy(() -> alice.generatePreKeys(3)).isInstanceOf(CommitOutcomeUnknownException.class);

        assertThat(ids(alice.generatePreKeys(2))).containsExactly(4, 5);
        parties.reopen();
        assertThat(parties.store("alice").ids(KeyTypes.PRE_KEY, "")).hasSize(5);
    }

    @Test
    @DisplayName("R24 issues 200 different ids to 8 threads")
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
    @DisplayName("continues at id 1 after the last 24-bit id, and skips ids in use")
    void generatePreKeys_atTheLastId_wraps() {
        SignalAccount alice = parties.alice();
        alice.generatePreKeys(2);
        SignalKeyStore store = parties.store("alice");
        store.put(PreKeyIds.LAST, KeyTypes.PRE_KEY.name(), Ids.MAX_KEY_ID - 2);
        store.delete(KeyTypes.PRE_KEY, "1");

        assertThat(ids(alice.generatePreKeys(5))).containsExactly(0xFFFFFD, 0xFFFFFE, 1, 3, 4);
        assertThat(ids(alice.generatePreKeys(1))).containsExactly(5);
    }

    @Test
    @DisplayName("R5 R17 keeps the application data and its identity through clear and new pre-keys")
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
    @DisplayName("R18 does not exist after erase, and methods that need it report that")
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
    @DisplayName("R58 is not created in a context that holds one, which stays unchanged")
    void create_accountExists_isRefused() {
        SignalAccount alice = SignalAccount.create(parties.store("alice"));
        IdentityKey identity = alice.identityKey();
        parties.faults.forgetCalls();

        assertThatThrownBy(() -> SignalAccount.create(parties.store("alice")))
                .isInstanceOfSatisfying(
                        EntryExistsException.class, e -> assertThat(e.context()).isEqualTo("alice"));

        assertThat(parties.faults.count(Operation.COMMIT)).isZero();
        assertThat(SignalAccount.open(parties.store("alice")).identityKey()).isEqualTo(identity);
    }

    @Test
    @DisplayName("R58 is created by one of many concurrent calls")
    @SuppressWarnings("unchecked")
    void create_raced_hasOneWinner() throws Exception {
        Callable<Boolean> create = () -> {
            try {
                SignalAccount.create(parties.store("alice"));
                return true;
            } catch (EntryExistsException e) {
                return false;
            }
        };

        List<Boolean> created = Race.of(Stream.generate(() -> create).limit(16).toArray(Callable[]::new));

        assertThat(created).containsOnlyOnce(true);
        assertThat(parties.faults.count(Operation.COMMIT)).isOne();
    }

    @Test
    @DisplayName("R58 is not opened if it does not exist, and nothing is created")
    void open_noAccount_isRefused() {
        SignalKeyStore store = parties.store("carol");

        assertThatThrownBy(() -> SignalAccount.open(store))
                .isInstanceOf(ContextNotFoundException.class)
                .hasMessageContaining("\"carol\"")
                .hasMessageContaining("an account");
        SignalAccount.create(store);
        store.erase();
        assertThatThrownBy(() -> SignalAccount.open(store)).isInstanceOf(ContextNotFoundException.class);

        assertThat(parties.faults.count(Operation.COMMIT)).isEqualTo(2);
        assertThat(store.credentials()).isEmpty();
    }

    @Test
    @DisplayName("R58 is opened without a commit, and uses the trust policy passed to open")
    void open_accountExists_writesNothing() throws Exception {
        IdentityKey identity = SignalAccount.create(parties.store("alice")).identityKey();
        PreKeyBundle bundle = parties.bob().newPreKeyBundle(1);
        parties.reopen();
        parties.faults.forgetCalls();

        SignalAccount trusting = SignalAccount.open(parties.store("alice"));
        SignalAccount wary = SignalAccount.open(
                parties.store("alice"),
                AccountOptions.builder()
                        .trust((address, known, offered, direction) -> false)
                        .build());

        assertThat(trusting.identityKey()).isEqualTo(identity);
        assertThat(parties.faults.count(Operation.COMMIT)).isZero();
        assertThatThrownBy(() -> wary.startSession(BOB, bundle)).isInstanceOf(UntrustedIdentityException.class);
        trusting.startSession(BOB, bundle);
    }

    @Test
    @DisplayName("R44 R45 refuses credentials saved by something else, and leaves them unchanged")
    void open_foreignCredentials_isRefused() {
        SignalKeyStore store = parties.store("carol");
        for (byte[] credentials : List.of(
                new byte[0],
                new byte[] {1, 2, 3},
                IdentityKeyPair.generate().serialize(),
                IdentityKeyPair.generate().getPublicKey().serialize(),
                new byte[64],
                "{\"registered\":true}".getBytes(UTF_8))) {
            store.saveCredentials(credentials);
            Stream.<Function<SignalKeyStore, SignalAccount>>of(
                            SignalAccount::create, SignalAccount::open, SignalAccount::openOrCreate)
                    .forEach(way -> assertThatThrownBy(() -> way.apply(store))
                            .isInstanceOf(UnsupportedFormatException.class)
                            .hasMessageStartingWith(
                                    "The credentials of context \"carol\" are not a SignalAccount's record: "
                                            + credentials.length + " bytes"));
            assertThatThrownBy(() ->
                            store.useTransaction("x", tx -> new KeystoreSignalProtocolStore(tx).getIdentityKeyPair()))
                    .isInstanceOf(UnsupportedFormatException.class);
            assertThat(store.credentials()).hasValue(credentials);
        }
    }

    @Test
    @DisplayName("R44 refuses to overwrite credentials that something else saved after it was opened")
    void saveApplicationData_foreignCredentials_isRefused() {
        SignalAccount alice = parties.alice();
        SignalKeyStore store = parties.store("alice");
        store.saveCredentials(new byte[64]);

        assertThatThrownBy(() -> alice.saveApplicationData(new byte[1])).isInstanceOf(UnsupportedFormatException.class);

        assertThat(store.credentials()).hasValue(new byte[64]);
    }

    @Test
    @DisplayName("R43 R45 reports a damaged record as damaged, and leaves it unchanged")
    void open_damagedRecord_isCorrupt() {
        SignalKeyStore store = parties.store("alice");
        parties.alice();
        byte[] good = store.credentials().orElseThrow();
        List<byte[]> damaged = Stream.concat(
                        IntStream.range(5, good.length).mapToObj(length -> Arrays.copyOf(good, length)),
                        Stream.of(Arrays.copyOf(good, good.length + 1), with(good, 4, 0), with(good, 4, 1)))
                .toList();

        for (byte[] credentials : damaged) {
            store.saveCredentials(credentials);
            assertThatThrownBy(parties::alice)
                    .isInstanceOf(CorruptEntryException.class)
                    .hasMessageContaining("credentials/credentials of context \"alice\" is damaged");
            assertThat(store.credentials()).hasValue(credentials);
        }
        store.saveCredentials(good);
        assertThat(parties.alice().applicationData()).isEmpty();
    }

    @Test
    @DisplayName("R44 refuses a record in a newer format, and leaves it unchanged")
    void open_newerRecord_isRefused() {
        SignalKeyStore store = parties.store("alice");
        parties.alice();
        byte[] good = store.credentials().orElseThrow();
        for (int format : new int[] {3, 127, 128, 255}) {
            byte[] newer = with(good, 4, format);
            store.saveCredentials(newer);

            assertThatThrownBy(parties::alice)
                    .isInstanceOf(UnsupportedFormatException.class)
                    .hasMessageContaining("\"alice\"")
                    .hasMessageContaining("format " + format);
            assertThat(store.credentials()).hasValue(newer);
        }
    }

    @Test
    @DisplayName("R43 restores a damaged identity entry from the credentials when it is opened")
    void open_damagedIdentityEntry_isRestored() {
        IdentityKey identity = parties.alice().identityKey();
        parties.reopen();
        SignalKeyStore store = parties.store("alice");
        store.put(KeyType.ofBytes(AccountIdentity.TYPE.name()), AccountIdentity.ID, new byte[] {1, 2, 3, 4, 5});
        parties.reopen();

        assertThat(parties.alice().identityKey()).isEqualTo(identity);

        parties.reopen();
        assertThat(parties.store("alice").find(AccountIdentity.TYPE, AccountIdentity.ID))
                .isPresent();
    }

    @Test
    @DisplayName("R45 shows no key in any toString")
    void toString_showsRegistrationIdOnly() {
        int registrationId = parties.alice().registrationId();
        AccountRecord record = AccountRecord.load(parties.store("alice"));

        assertThat(record).hasToString("AccountRecord[registration " + registrationId + "]");
        assertThat(record.identity()).hasToString("AccountIdentity[registration " + registrationId + "]");
    }

    @Test
    @DisplayName("generates bundles that never share a one-time pre-key, and share the signed one until it is removed")
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
    @DisplayName("R26 refuses to generate fewer than one pre-key, and to be used inside a transaction of its store")
    void misuse_isRefused() {
        SignalAccount alice = parties.alice();

        assertThatThrownBy(() -> alice.generatePreKeys(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("count");
        assertThatThrownBy(() -> alice.transaction(ALICE, (signal, tx) -> alice.generatePreKeys(1)))
                .isInstanceOf(IllegalStateException.class);
    }

    @Test
    @DisplayName("R8 names the argument that is null")
    void arguments_null_areNamed() throws Exception {
        SignalAccount alice = parties.alice();
        SignalKeyStore store = parties.store("alice");
        CiphertextMessage message = parties.firstMessage("hello");
        Map<String, ThrowingCallable> calls = new LinkedHashMap<>();
        calls.put("store", () -> SignalAccount.create(null));
        calls.put("store ", () -> SignalAccount.open(null));
        calls.put("store  ", () -> SignalAccount.openOrCreate(null));
        calls.put("options  ", () -> SignalAccount.open(store, null));
        calls.put("remote", () -> alice.decrypt(null, message));
        calls.put("remote ", () -> alice.transaction((SignalProtocolAddress) null, (signal, tx) -> 1));
        calls.put("message", () -> alice.decrypt(BOB, null));
        calls.put("plaintext", () -> alice.encrypt(BOB, null));
        calls.put("bundle", () -> alice.startSession(BOB, null));
        calls.put("signedPreKey", () -> alice.preKeyBundle(1, null, null, null));
        calls.put("work", () -> alice.transaction(BOB, null));
        calls.put("options", () -> alice.transaction(BOB, null, (signal, tx) -> 1));
        calls.put("distributionId", () -> alice.transaction((UUID) null, BOB, (signal, tx) -> 1));
        calls.put("sender", () -> alice.transaction(UUID.randomUUID(), null, (signal, tx) -> 1));
        calls.put("data", () -> alice.saveApplicationData(null));
        calls.put("keys", () -> alice.applicationData(null));
        calls.put("tx", () -> alice.in(null));
        calls.put("tx ", () -> alice.saveApplicationData(null, new byte[0]));
        calls.put("address", () -> alice.transaction(BOB, (signal, tx) -> signal.loadSession(null)));
        calls.put("name", () -> alice.transaction(BOB, (signal, tx) -> signal.getSubDeviceSessions(null)));
        calls.put(
                "record",
                () -> alice.transaction(BOB, (signal, tx) -> {
                    signal.storePreKey(1, null);
                    return 1;
                }));

        calls.forEach((argument, call) -> assertThatThrownBy(call)
                .isInstanceOf(NullPointerException.class)
                .hasMessage(argument.strip()));
    }

    private static byte[] with(byte[] bytes, int index, int value) {
        byte[] changed = bytes.clone();
        changed[index] = (byte) value;
        return changed;
    }

    private static List<Integer> ids(List<PreKeyRecord> records) {
        return records.stream().map(PreKeyRecord::getId).toList();
    }
}
