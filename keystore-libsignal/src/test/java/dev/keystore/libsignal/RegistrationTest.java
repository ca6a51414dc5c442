package dev.keystore.libsignal;

import static dev.keystore.libsignal.TwoParties.ALICE;
import static dev.keystore.libsignal.TwoParties.BOB;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.keystore.CommitFailedException;
import dev.keystore.EntryExistsException;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.LockTimeoutException;
import dev.keystore.SignalKeyStore;
import dev.keystore.TransactionConflictException;
import dev.keystore.core.SignalKeyDatabase;
import dev.keystore.spi.BackendException;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import dev.keystore.testkit.MemoryBackend;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.IdentityKeyPair;
import org.signal.libsignal.protocol.NoSessionException;
import org.signal.libsignal.protocol.SessionCipher;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.groups.GroupSessionBuilder;
import org.signal.libsignal.protocol.message.PreKeySignalMessage;
import org.signal.libsignal.protocol.state.PreKeyBundle;
import org.signal.libsignal.protocol.state.PreKeyRecord;

@DisplayName("The registration of an account")
class RegistrationTest extends LibsignalTest {

    private static final NextKeyIds NEXT = new NextKeyIds(501, 7, 301);

    private final IdentityKeyPair identity = IdentityKeyPair.generate();

    @Test
    @DisplayName("R58 is imported with its identity, and its ids continue; the example of import")
    void importAccount_goesOnWithIdentityAndIds() {
        SignalKeyStore store = parties.store("carol");
        AccountOptions options = AccountOptions.builder()
                .localAddress(new SignalProtocolAddress("carol", 2))
                .build();

        SignalAccount carol = SignalAccount.importAccount(store, options, identity, 4711, NEXT);

        assertThat(carol.options().localAddress()).hasValue(new SignalProtocolAddress("carol", 2));
        parties.reopen();
        carol = SignalAccount.open(parties.store("carol"), options);
        assertThat(carol.identityKey()).isEqualTo(identity.getPublicKey());
        assertThat(carol.registrationId()).isEqualTo(4711);
        assertThat(carol.needsUpload()).isFalse();
        assertThat(carol.generatePreKeys(2)).extracting(PreKeyRecord::getId).containsExactly(501, 502);
        assertThat(carol.generateSignedPreKey().getId()).isEqualTo(7);
        assertThat(carol.generateKyberPreKeys(1).get(0).getId()).isEqualTo(301);
    }

    @Test
    @DisplayName("R58 is not imported over an account, nor with a number out of range")
    void importAccount_overAnAccountOrOutOfRange_isRefused() {
        SignalKeyStore store = parties.store("alice");
        int registrationId = parties.alice().registrationId();

        assertThatThrownBy(() -> SignalAccount.importAccount(store, AccountOptions.DEFAULT, identity, 1, NEXT))
                .isInstanceOf(EntryExistsException.class);
        for (int wrong : new int[] {0, -1, 0x4000}) {
            assertThatThrownBy(() -> SignalAccount.importAccount(
                            parties.store("carol"), AccountOptions.DEFAULT, identity, wrong, NEXT))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("registrationId")
                    .hasMessageContaining(Integer.toString(wrong));
        }
        assertThatThrownBy(() -> new NextKeyIds(1, 0, 1)).hasMessageContaining("signedPreKey");
        assertThatThrownBy(() -> new NextKeyIds(1, 1, 0xFFFFFF)).hasMessageContaining("kyberPreKey");

        assertThat(parties.alice().registrationId()).isEqualTo(registrationId);
        assertThat(parties.store("carol").credentials()).isEmpty();
    }

    @Test
    @DisplayName("is uploaded after a change even if an upload of the former identity is confirmed afterwards")
    void changeIdentity_formerUploadConfirmed_stillNeedsUpload() {
        SignalAccount alice = parties.alice();
        PreKeyUpload former = alice.generateUpload(2);
        alice.changeIdentity(identity, 4711);

        alice.confirmUpload(former);
        assertThat(alice.needsUpload()).isTrue();

        PreKeyUpload upload = alice.preKeys().replenish().orElseThrow();
        alice.confirmUpload(former);
        assertThat(alice.needsUpload()).isTrue();
        assertThat(alice.preKeys().pendingUpload()).isPresent();
        alice.confirmUpload(upload);
        assertThat(alice.needsUpload()).isFalse();
        assertThat(alice.preKeys().pendingUpload()).isEmpty();
    }

    @Test
    @DisplayName("R10 is replaced in one commit that deletes what belongs to the former identity, and nothing else")
    void changeIdentity_deletesWhatIsOfTheFormerOne() throws Exception {
        parties.converse();
        SignalAccount alice = parties.alice();
        SignalKeyStore store = parties.store("alice");
        alice.saveApplicationData("phone number".getBytes(UTF_8));
        alice.generatePreKeys(3);
        alice.generateKyberPreKeys(2);
        alice.generateLastResortKyberPreKey();
        alice.generateSignedPreKey();
        UUID group = UUID.randomUUID();
        alice.transaction(group, ALICE, (signal, tx) -> new GroupSessionBuilder(signal).create(ALICE, group));
        store.put(KeyTypes.SENDER_KEY_MEMORY, group.toString(), Map.of("bob.1", true));
        store.put(KeyTypes.LID_MAPPING, "bob", "lid");
        parties.faults.forgetCalls();

        alice.changeIdentity(identity, 4711);

        assertThat(parties.faults.count(Operation.COMMIT)).isOne();
        parties.reopen();
        SignalKeyStore after = parties.store("alice");
        for (KeyType<?> type : List.of(
                KeyTypes.SESSION,
                KeyTypes.PRE_KEY,
                KeyTypes.SIGNED_PRE_KEY,
                KeyTypes.KYBER_PRE_KEY,
                KyberPreKeys.ONE_TIME,
                KeyTypes.SENDER_KEY,
                KeyTypes.SENDER_KEY_MEMORY)) {
            try (Stream<String> ids = after.ids(type, "")) {
                assertThat(ids).as(type.name()).isEmpty();
            }
        }
        SignalAccount changed = SignalAccount.open(after);
        assertThat(changed.identityKey()).isEqualTo(identity.getPublicKey());
        assertThat(changed.registrationId()).isEqualTo(4711);
        assertThat(changed.applicationData()).asString().isEqualTo("phone number");
        assertThat(after.find(KeyTypes.IDENTITY_KEY, "bob.1")).isPresent();
        assertThat(after.find(KeyTypes.LID_MAPPING, "bob")).hasValue("lid");
        assertThat(changed.needsUpload()).isTrue();
        assertThat(changed.generatePreKeys(1)).extracting(PreKeyRecord::getId).containsExactly(4);
    }

    @Test
    @DisplayName("R12 is not replaced if the commit fails")
    void changeIdentity_commitFails_changesNothing() throws Exception {
        parties.converse();
        SignalAccount alice = parties.alice();
        int registrationId = alice.registrationId();
        parties.faults.on(Operation.COMMIT).fail(Moment.MIDWAY, BackendException.Kind.PERMANENT);

        assertThatThrownBy(() -> alice.changeIdentity(identity, 4711)).isInstanceOf(CommitFailedException.class);

        parties.reopen();
        assertThat(parties.alice().registrationId()).isEqualTo(registrationId);
        assertThat(parties.bob().decrypt(ALICE, parties.alice().encrypt(BOB, "still".getBytes(UTF_8))))
                .asString()
                .isEqualTo("still");
    }

    @Test
    @DisplayName("R24 is replaced, and a message that read the former identity is not committed after it")
    void changeIdentity_duringStartOfSession_conflicts() throws Exception {
        SignalAccount alice = parties.alice();
        PreKeyBundle bundle = parties.bob().newPreKeyBundle(1);

        assertThatThrownBy(() -> alice.transaction(BOB, (signal, tx) -> {
                    alice.sessionBuilder(signal, BOB).process(bundle);
                    Race.of(() -> {
                        alice.changeIdentity(identity, 4711);
                        return true;
                    });
                    return true;
                }))
                .isInstanceOf(TransactionConflictException.class);

        assertThatThrownBy(() -> alice.encrypt(BOB, new byte[1])).isInstanceOf(NoSessionException.class);
    }

    @Test
    @DisplayName("R24 is replaced, and a session that began while the sessions were listed is deleted, too")
    void changeIdentity_sessionBeginsMeanwhile_isDeleted() throws Exception {
        SignalAccount alice = parties.alice();
        PreKeyBundle bundle = parties.bob().newPreKeyBundle(1);
        AtomicReference<IdentityStatus> started = new AtomicReference<>();
        parties.faults.on(Operation.LIST).nth(2).run(Moment.AFTER, () -> {
            try {
                started.set(Race.of(() -> alice.startSession(BOB, bundle)).get(0));
            } catch (Exception e) {
                throw new IllegalStateException("the session did not begin", e);
            }
        });

        alice.changeIdentity(identity, 4711);

        assertThat(started).hasValue(IdentityStatus.NEW);
        assertThat(alice.sessions().list()).isEmpty();
    }

    @Test
    @DisplayName("is not needed by an application that supplies the identity itself")
    void store_suppliedIdentity_needsNoAccount() throws Exception {
        SignalKeyStore store = parties.store("carol");
        SignalProtocolAddress carol = new SignalProtocolAddress("carol", 1);
        PreKeyBundle bundle = parties.bob().newPreKeyBundle(1);

        byte[] sealed = store.transaction(SignalAccount.lockKey(BOB), tx -> {
            var signal = new KeystoreSignalProtocolStore(tx, TrustPolicy.FIRST_USE, identity, 4711);
            parties.bob().sessionBuilder(signal, BOB).process(bundle);
            return new SessionCipher(signal, BOB)
                    .encrypt("no account".getBytes(UTF_8))
                    .serialize();
        });

        assertThat(store.credentials()).isEmpty();
        PreKeySignalMessage message = new PreKeySignalMessage(sealed);
        assertThat(message.getRegistrationId()).isEqualTo(4711);
        assertThat(message.getIdentityKey()).isEqualTo(identity.getPublicKey());
        assertThat(parties.bob().decrypt(carol, message)).asString().isEqualTo("no account");
    }

    @Test
    @DisplayName("R10 R26 goes with pre-keys that are generated in a transaction of the application")
    void preKeyFactory_isPartOfTheTransaction() {
        SignalAccount alice = parties.alice();
        SignalKeyStore store = parties.store("alice");
        RuntimeException failure = new RuntimeException("injected");

        assertThatThrownBy(() -> store.useTransaction(SignalAccount.preKeyLockKey(), tx -> {
                    alice.preKeyFactory(tx).preKeys(3);
                    throw failure;
                }))
                .isSameAs(failure);
        assertThat(parties.faults.count(Operation.COMMIT)).isOne();
        parties.faults.forgetCalls();

        List<PreKeyRecord> keys = store.transaction(SignalAccount.preKeyLockKey(), tx -> {
            PreKeyFactory factory = alice.preKeyFactory(tx);
            tx.put(KeyTypes.DEVICE_LIST, "outbox", List.of("upload"));
            factory.signedPreKey();
            factory.lastResortKyberPreKey();
            factory.oneTimeKyberPreKeys(2);
            return factory.preKeys(3);
        });

        assertThat(keys).extracting(PreKeyRecord::getId).containsExactly(1, 2, 3);
        assertThat(parties.faults.count(Operation.COMMIT)).isOne();
        assertThat(store.find(KeyTypes.DEVICE_LIST, "outbox")).isPresent();
    }

    @Test
    @DisplayName("R24 holds one lock key while application data is changed depending on what it was")
    @SuppressWarnings("unchecked")
    void accountLockKey_serializesReadAndSave() throws Exception {
        SignalAccount alice = parties.alice();
        SignalKeyStore store = parties.store("alice");
        Callable<Boolean> append = () -> store.transaction(SignalAccount.accountLockKey(), tx -> {
            String before = new String(alice.applicationData(tx), UTF_8);
            alice.saveApplicationData(tx, (before + "x").getBytes(UTF_8));
            return true;
        });

        Race.of(Stream.generate(() -> append).limit(8).toArray(Callable[]::new));

        assertThat(alice.applicationData()).asString().isEqualTo("xxxxxxxx");
    }

    @Test
    @DisplayName("R24 waits for transactions of the application that hold the lock key of what it does")
    void lockKeys_areThoseOfTheAccount() throws Exception {
        UUID group = UUID.randomUUID();
        SignalProtocolAddress local = new SignalProtocolAddress("alice", 1);
        AccountOptions options = AccountOptions.builder().localAddress(local).build();
        try (SignalKeyDatabase database = SignalKeyDatabase.builder()
                .backend(new MemoryBackend())
                .lockTimeout(Duration.ofMillis(20))
                .open()) {
            SignalKeyStore store = database.forContext("alice");
            SignalAccount alice = SignalAccount.create(store, options);
            SignalAccount bob = SignalAccount.create(database.forContext("bob"));
            alice.startSession(BOB, bob.newPreKeyBundle(1));
            Map<String, ThrowingCallable> calls = Map.of(
                    SignalAccount.accountLockKey(),
                    () -> alice.saveApplicationData(new byte[1]),
                    SignalAccount.preKeyLockKey(),
                    () -> alice.generatePreKeys(1),
                    SignalAccount.messageLockKey(),
                    () -> alice.outbox().confirm("1"),
                    SignalAccount.lockKey(BOB),
                    () -> alice.encrypt(BOB, new byte[1]),
                    SignalAccount.lockKey(group, local),
                    () -> alice.group(group).encrypt(List.of(), new byte[1]));
            for (String held : calls.keySet()) {
                for (Map.Entry<String, ThrowingCallable> call : calls.entrySet()) {
                    store.useTransaction(held, tx -> {
                        Throwable thrown = CompletableFuture.supplyAsync(() -> catchThrowable(call.getValue()))
                                .join();
                        if (call.getKey().equals(held)) {
                            assertThat(thrown).as(held).isInstanceOf(LockTimeoutException.class);
                        } else {
                            assertThat(thrown).as(call.getKey()).isNull();
                        }
                    });
                }
            }
        }
    }

    @Test
    @DisplayName("R24 leaves no sender key that is created while the identity changes")
    void changeIdentity_senderKeyMeanwhile_isDeleted() throws Exception {
        UUID group = UUID.randomUUID();
        AccountOptions options = AccountOptions.builder()
                .localAddress(new SignalProtocolAddress("alice", 1))
                .build();
        SignalAccount alice = SignalAccount.openOrCreate(parties.store("alice"), options);
        parties.faults
                .on(Operation.LIST)
                .nth(4)
                .run(
                        Moment.AFTER,
                        () -> CompletableFuture.runAsync(() -> assertThatCode(
                                                () -> alice.group(group).encrypt(List.of(), new byte[1]))
                                        .doesNotThrowAnyException())
                                .join());

        alice.changeIdentity(identity, 4711);

        try (Stream<String> ids = parties.store("alice").ids(KeyTypes.SENDER_KEY, "")) {
            assertThat(ids).isEmpty();
        }
    }

    @Test
    @DisplayName("R8 finds the ids of entries in both directions")
    void entryIds_bothWays() {
        UUID group = UUID.randomUUID();
        for (String name : List.of("bob", "bob.1", "", ".", "b:b", "\u0663", "49@s.net")) {
            for (int device : new int[] {1, 12, 127}) {
                SignalProtocolAddress address = new SignalProtocolAddress(name, device);
                assertThat(EntryIds.of(address)).isEqualTo(name + "." + device);
                assertThat(EntryIds.address(EntryIds.of(address))).hasValue(address);
                assertThat(EntryIds.senderKey(EntryIds.of(group, address)))
                        .hasValue(new EntryIds.SenderKeyId(group, address));
            }
        }
        assertThat(Stream.of("bob", "bob.", "bob.0", "bob.01", "bob.128", "bob.1x", "")
                        .map(EntryIds::address))
                .allMatch(Optional::isEmpty);
        assertThat(Stream.of(
                                group.toString(),
                                group + ":bob",
                                group + ".bob.1",
                                group.toString().toUpperCase(Locale.ROOT) + "A:bob.1",
                                "1-1-1-1-1:bob.1",
                                "0000000g" + group.toString().substring(8) + ":bob.1")
                        .map(EntryIds::senderKey))
                .allMatch(Optional::isEmpty);
    }
}
