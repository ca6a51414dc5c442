package dev.keystore.libsignal;

import static dev.keystore.libsignal.TwoParties.ALICE;
import static dev.keystore.libsignal.TwoParties.BOB;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.CommitFailedException;
import dev.keystore.EntryExistsException;
import dev.keystore.KeyPair;
import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.SignedPreKey;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.KeyStoreListener;
import dev.keystore.testkit.Call.Operation;
import dev.keystore.testkit.Fault.Moment;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.message.PreKeySignalMessage;
import org.signal.libsignal.protocol.state.KyberPreKeyRecord;
import org.signal.libsignal.protocol.state.PreKeyBundle;
import org.signal.libsignal.protocol.state.PreKeyRecord;
import org.signal.libsignal.protocol.state.SignedPreKeyRecord;

@DisplayName("The upkeep of pre-keys")
class PreKeyUpkeepTest extends LibsignalTest {

    private final TestClock clock = new TestClock();
    private final List<PreKeyCounts> low = new ArrayList<>();

    private SignalAccount alice() {
        return SignalAccount.openOrCreate(
                parties.store("alice"),
                AccountOptions.builder()
                        .clock(clock)
                        .preKeyBatch(20)
                        .preKeyFloor(5)
                        .staleKept(30)
                        .onPreKeysLow(low::add)
                        .build());
    }

    /** Replenishes and confirms the upload. */
    private PreKeyUpload upload() {
        PreKeyUpload upload = alice().preKeys().replenish().orElseThrow();
        alice().confirmUpload(upload);
        return upload;
    }

    @Test
    @DisplayName("has the defaults of the page")
    void options_default() {
        assertThat(AccountOptions.DEFAULT.preKeyBatch()).isEqualTo(100);
        assertThat(AccountOptions.DEFAULT.preKeyFloor()).isEqualTo(10);
        assertThat(AccountOptions.DEFAULT.rotateAfter()).hasDays(30);
        assertThat(AccountOptions.DEFAULT.keepFormerFor()).hasDays(30);
        assertThat(AccountOptions.DEFAULT.staleAfter()).hasDays(90);
        assertThat(AccountOptions.DEFAULT.staleKept()).isEqualTo(200);
    }

    @Test
    @DisplayName("R10 begins with all kinds in one commit, and is done when the upload is confirmed; the example")
    void replenish_newAccount_generatesAllKinds() {
        SignalAccount account = alice();
        parties.faults.forgetCalls();

        Optional<PreKeyUpload> upload = account.preKeys().replenish(0, 0);

        assertThat(parties.faults.count(Operation.COMMIT)).isOne();
        assertThat(upload).hasValueSatisfying(found -> {
            assertThat(ids(found)).isEqualTo(numbers(1, 20));
            assertThat(kyberIds(found)).isEqualTo(numbers(2, 21));
        });
        assertThat(account.preKeys().uploadedUpTo(PreKeyKind.ONE_TIME)).hasValue(Ids.MAX_KEY_ID);
        account.confirmUpload(upload.orElseThrow());
        assertThat(account.preKeys().replenish(20, 20)).isEmpty();
        assertThat(account.preKeys().pendingUpload()).isEmpty();
        assertThat(account.preKeys().counts()).isEqualTo(new PreKeyCounts(20, 1, 20, 1));
        assertThat(account.preKeys().uploadedUpTo(PreKeyKind.ONE_TIME)).hasValue(20);
        assertThat(account.preKeys().uploadedUpTo(PreKeyKind.ONE_TIME_KYBER)).hasValue(21);
        assertThat(account.preKeys().uploadedUpTo(PreKeyKind.LAST_RESORT_KYBER)).hasValue(1);
        assertThat(account.preKeys().currentSignedPreKey())
                .hasValueSatisfying(key -> assertThat(key.getId()).isEqualTo(1));
        assertThat(account.preKeys().currentLastResortKyberPreKey())
                .hasValueSatisfying(key -> assertThat(key.getId()).isEqualTo(1));
    }

    @Test
    @DisplayName("never uploads one-time keys again that the server may have handed out, and counts on no more of them")
    void replenish_confirmationLost_uploadsNewKeys() {
        upload();
        PreKeyUpload lost = alice().preKeys().replenish(4, 4).orElseThrow();
        assertThat(ids(lost)).isEqualTo(numbers(21, 40));
        parties.reopen();

        assertThat(alice().preKeys().replenish(19, 19))
                .as("the server says that it has them")
                .isEmpty();
        PreKeyUpload next = alice().preKeys().replenish(4, 4).orElseThrow();
        PreKeyUpload last = alice().preKeys().replenish().orElseThrow();

        assertThat(ids(next)).isEqualTo(numbers(41, 60));
        assertThat(kyberIds(next)).isEqualTo(numbers(42, 61));
        assertThat(ids(last)).isEqualTo(numbers(61, 80));
        alice().confirmUpload(last);
        assertThat(alice().preKeys().counts()).isEqualTo(new PreKeyCounts(20, 1, 20, 1));
        assertThat(alice().preKeys().replenish()).isEmpty();
        assertThat(oneTimeIds()).as("for late messages").isEqualTo(numbers(1, 80));
    }

    @Test
    @DisplayName("calls the listener by the keys of the upload that reached the server, not by those of one before it")
    void generateUpload_repeated_firstIsNotLeft() throws Exception {
        alice().generateUpload(20);
        PreKeyUpload upload = alice().generateUpload(20);
        alice().confirmUpload(upload);
        for (int i = 0; i < 20; i++) {
            alice().newPreKeyBundle(1);
        }

        assertThat(alice().preKeys().counts()).isEqualTo(new PreKeyCounts(20, 2, 20, 2));
        IntStream.rangeClosed(21, 35)
                .forEach(id -> parties.store("alice").delete(KeyTypes.PRE_KEY, Integer.toString(id)));
        decryptFirstMessage(alice(), upload, 15);
        assertThat(low).containsExactly(alice().preKeys().counts());
        assertThat(ids(alice().preKeys().replenish().orElseThrow())).isEqualTo(numbers(61, 80));
    }

    @Test
    @DisplayName("calls the listener if only Kyber keys are few")
    void decrypt_fewKyberLeft_callsListener() throws Exception {
        PreKeyUpload upload = upload();
        alice().transaction(BOB, (signal, tx) -> {
            IntStream.rangeClosed(2, 16).forEach(signal::removeKyberPreKey);
            return true;
        });

        decryptFirstMessage(alice(), upload, 15);

        assertThat(low).containsExactly(new PreKeyCounts(19, 1, 4, 1));
    }

    @Test
    @DisplayName("R11 repeats an upload that has failed, with the same keys and no new ones, after a restart")
    void uploadFailed_isRepeated() {
        PreKeyUpload first = alice().preKeys().replenish().orElseThrow();
        alice().uploadFailed(first);
        parties.reopen();

        PreKeyUpload again = alice().preKeys().replenish(0, 0).orElseThrow();

        assertThat(ids(again)).isEqualTo(ids(first));
        assertThat(again.preKeys().get(0).serialize())
                .isEqualTo(first.preKeys().get(0).serialize());
        assertThat(kyberIds(again)).isEqualTo(kyberIds(first));
        assertThat(again.signedPreKey().serialize())
                .isEqualTo(first.signedPreKey().serialize());
        alice().uploadFailed(again);
        assertThat(alice().preKeys().pendingUpload())
                .hasValueSatisfying(found -> assertThat(ids(found)).isEqualTo(ids(first)));
        alice().confirmUpload(again);
        alice().confirmUpload(first);
        alice().uploadFailed(first); // it was confirmed
        assertThat(alice().preKeys().pendingUpload()).isEmpty();
        PreKeyUpload second = alice().preKeys().replenish(4, 5).orElseThrow();
        assertThat(ids(second)).isEqualTo(numbers(21, 40));
        assertThat(second.kyberPreKeys()).isEmpty();
        assertThat(ids(alice().preKeys().replenish(4, 5).orElseThrow())).isEqualTo(numbers(41, 60));
        alice().uploadFailed(second); // another one was returned since
        assertThat(ids(alice().preKeys().replenish(4, 5).orElseThrow())).isEqualTo(numbers(61, 80));
    }

    @Test
    @DisplayName("expects nothing of keys that the server has of before clear(), until both kinds were replaced")
    void replenish_cleared_ignoresNumbers() {
        upload();
        assertThat(alice().needsUpload()).isFalse();
        parties.store("alice").clear();

        PreKeyUpload upload = alice().preKeys().replenish(80, 80).orElseThrow();

        assertThat(upload.preKeys()).hasSize(20);
        assertThat(upload.kyberPreKeys()).hasSize(20);
        assertThat(alice().needsUpload()).isTrue();
        PreKeyUpload withoutKeys = alice().preKeys().pendingUpload().orElseThrow();
        assertThat(withoutKeys.preKeys()).isEmpty();
        alice().confirmUpload(withoutKeys);
        assertThat(alice().needsUpload()).isTrue();
        alice().confirmUpload(upload);
        assertThat(alice().needsUpload()).isFalse();
        assertThat(alice().preKeys().replenish(80, 80)).isEmpty();
    }

    @Test
    @DisplayName("never uploads a key of a bundle of existing keys, and does not count it")
    void preKeyBundle_isNotUploaded() {
        PreKeyUpload first = upload();
        PreKeyRecord preKey = alice().generatePreKeys(2).get(0);
        KyberPreKeyRecord kyberPreKey = alice().generateKyberPreKeys(2).get(1);

        alice().preKeyBundle(1, preKey, first.signedPreKey(), kyberPreKey);
        alice().preKeyBundle(1, preKey, first.signedPreKey(), kyberPreKey);
        alice().preKeyBundle(1, null, first.signedPreKey(), first.lastResortKyberPreKey());
        alice().preKeyBundle(
                        1,
                        first.preKeys().get(0),
                        first.signedPreKey(),
                        first.kyberPreKeys().get(0));

        assertThat(alice().preKeys().counts()).isEqualTo(new PreKeyCounts(21, 1, 21, 1));
        PreKeyUpload upload = alice().preKeys().pendingUpload().orElseThrow();
        assertThat(ids(upload)).containsExactly(22);
        assertThat(kyberIds(upload)).containsExactly(22);
        assertThat(parties.store("alice")
                        .find(PreKeyLog.TYPE, "ONE_TIME")
                        .orElseThrow()
                        .handedOut())
                .extracting(PreKeyLog.HandedOut::first)
                .containsExactly(21);
    }

    @Test
    @DisplayName("R43 creates bundles with a new signed key if the newest one is damaged")
    void newPreKeyBundle_damagedSignedKey_generatesOne() throws Exception {
        PreKeyUpload upload = upload();
        parties.damage("alice", KeyTypes.SIGNED_PRE_KEY, "1");

        PreKeyBundle bundle = alice().newPreKeyBundle(1);

        assertThat(upload.signedPreKey().getId()).isOne();
        assertThat(bundle.getSignedPreKeyId()).isEqualTo(2);
        SignalAccount bob = parties.bob();
        bob.startSession(ALICE, bundle);
        assertThat(alice().decrypt(BOB, bob.encrypt(ALICE, "hello".getBytes(UTF_8))))
                .asString()
                .isEqualTo("hello");
    }

    @Test
    @DisplayName("rotates and sweeps at the ages of the options")
    void replenish_otherAges_rotatesAndSweeps() {
        SignalAccount account = SignalAccount.openOrCreate(
                parties.store("alice"),
                AccountOptions.builder()
                        .clock(clock)
                        .preKeyBatch(3)
                        .preKeyFloor(1)
                        .rotateAfter(Duration.ofDays(3))
                        .keepFormerFor(Duration.ofDays(2))
                        .staleAfter(Duration.ofDays(4))
                        .staleKept(3)
                        .build());
        account.confirmUpload(account.preKeys().replenish(0, 0).orElseThrow());
        account.confirmUpload(account.preKeys().replenish(0, 0).orElseThrow());
        clock.advance(Duration.ofDays(3).minusMillis(1));
        assertThat(account.preKeys().replenish(3, 3)).isEmpty();
        clock.advance(Duration.ofMillis(1));
        account.confirmUpload(account.preKeys().replenish(3, 3).orElseThrow());
        assertThat(signedIds()).containsExactly(1, 2);
        clock.advance(Duration.ofDays(1).minusMillis(1));
        account.preKeys().replenish(3, 3);
        assertThat(oneTimeIds()).isEqualTo(numbers(1, 6));
        clock.advance(Duration.ofMillis(1));
        account.preKeys().replenish(3, 3);
        assertThat(oneTimeIds()).isEqualTo(numbers(4, 6));
        assertThat(signedIds()).containsExactly(1, 2);
        clock.advance(Duration.ofDays(1));
        account.preKeys().replenish(3, 3);
        assertThat(signedIds()).containsExactly(2);
    }

    @Test
    @DisplayName("R12 writes nothing if the commit fails")
    void replenish_commitFails_writesNothing() {
        SignalAccount account = alice();
        parties.faults.on(Operation.COMMIT).fail(Moment.MIDWAY, BackendException.Kind.PERMANENT);

        assertThatThrownBy(() -> account.preKeys().replenish()).isInstanceOf(CommitFailedException.class);

        parties.reopen();
        assertThat(alice().preKeys().counts()).isEqualTo(new PreKeyCounts(0, 0, 0, 0));
        assertThat(alice().preKeys().uploadedUpTo(PreKeyKind.SIGNED)).isEmpty();
    }

    @Test
    @DisplayName("never uploads a key of a bundle, which a contact has already, and loses none that is pending")
    void replenish_bundlesMeanwhile_areNotUploaded() {
        upload();
        PreKeyBundle idle = alice().newPreKeyBundle(1);
        assertThat(alice().preKeys().pendingUpload()).isEmpty();

        PreKeyUpload failed = alice().preKeys().replenish(0, 20).orElseThrow();
        List<Integer> first = ids(failed);
        PreKeyBundle meanwhile = alice().newPreKeyBundle(1);
        alice().generatePreKeys(1);
        alice().uploadFailed(failed);
        PreKeyUpload upload = alice().preKeys().replenish(0, 20).orElseThrow();

        assertThat(idle.getPreKeyId()).isEqualTo(21);
        assertThat(first).isEqualTo(numbers(22, 41));
        assertThat(meanwhile.getPreKeyId()).isEqualTo(42);
        assertThat(ids(upload)).containsAll(first).contains(43).hasSize(21);
        assertThat(upload.kyberPreKeys()).isEmpty();
        alice().confirmUpload(upload);
        assertThat(alice().preKeys().pendingUpload()).isEmpty();
    }

    @Test
    @DisplayName(
            "replaces signed and last-resort keys when they are 30 days old, and keeps the former ones 30 days more")
    void replenish_rotatesAndSweeps() {
        upload();
        clock.advance(Duration.ofDays(30).minusMillis(1));
        assertThat(alice().preKeys().replenish(20, 20)).isEmpty();

        clock.advance(Duration.ofMillis(1));
        PreKeyUpload second = alice().preKeys().replenish(20, 20).orElseThrow();
        assertThat(second.signedPreKey().getId()).isEqualTo(2);
        assertThat(second.lastResortKyberPreKey().getId()).isEqualTo(22);
        assertThat(second.preKeys()).isEmpty();

        clock.advance(Duration.ofDays(29));
        alice().confirmUpload(second); // late: the server has handed the former ones out until now
        clock.advance(Duration.ofDays(30).minusMillis(1));
        PreKeyUpload third = alice().preKeys().replenish(20, 20).orElseThrow();
        assertThat(signedIds()).containsExactly(1, 2, 3);

        clock.advance(Duration.ofMillis(1));
        alice().preKeys().replenish(20, 20);
        assertThat(signedIds()).containsExactly(2, 3);
        assertThat(kyberIds(PreKeyKind.LAST_RESORT_KYBER)).containsExactly(22, 23);
        assertThat(kyberIds(PreKeyKind.ONE_TIME_KYBER)).isEqualTo(numbers(2, 21));
        alice().confirmUpload(third);
        clock.advance(Duration.ofDays(30));
        alice().preKeys().replenish(20, 20);
        assertThat(signedIds()).containsExactly(3, 4);
    }

    @Test
    @DisplayName("deletes one-time keys 90 days after an upload replaced them, except the newest")
    void replenish_sweepsStaleOneTimeKeys() {
        upload();
        for (int i = 0; i < 2; i++) {
            alice().confirmUpload(alice().preKeys().replenish(0, 0).orElseThrow());
        }
        assertThat(alice().preKeys().counts().preKeys()).isEqualTo(20);
        assertThat(oneTimeIds()).isEqualTo(numbers(1, 60));

        clock.advance(Duration.ofDays(90).minusMillis(1));
        alice().preKeys().replenish(20, 20);
        assertThat(oneTimeIds()).isEqualTo(numbers(1, 60));
        clock.advance(Duration.ofMillis(1));
        alice().preKeys().replenish(20, 20);
        assertThat(oneTimeIds()).isEqualTo(numbers(31, 60));
        assertThat(kyberIds(PreKeyKind.ONE_TIME_KYBER)).hasSize(30);
    }

    @Test
    @DisplayName("continues across the largest id")
    void replenish_acrossTheLargestId() {
        alice();
        for (var type : List.of(KeyTypes.PRE_KEY, KeyTypes.KYBER_PRE_KEY)) {
            parties.store("alice").put(PreKeyIds.LAST, type.name(), Ids.MAX_KEY_ID - 10);
        }
        PreKeyUpload upload = upload();
        assertThat(ids(upload)).hasSize(20).contains(Ids.MAX_KEY_ID, 1, 10);
        assertThat(alice().preKeys().pendingUpload()).isEmpty();
        upload = alice().preKeys().replenish(0, 0).orElseThrow();
        assertThat(ids(upload)).isEqualTo(numbers(11, 30));
        alice().confirmUpload(upload);
        clock.advance(Duration.ofDays(90));
        alice().preKeys().replenish(20, 20);
        assertThat(oneTimeIds()).isEqualTo(numbers(1, 30));
    }

    @Test
    @DisplayName("calls the listener after a message that leaves fewer than the floor, whatever it throws")
    void decrypt_fewLeft_callsListener() throws Exception {
        SignalAccount account = alice();
        SignalKeyStore store = parties.store("alice");
        PreKeyUpload upload = account.preKeys().replenish().orElseThrow();
        IntStream.rangeClosed(1, 14).forEach(id -> store.delete(KeyTypes.PRE_KEY, Integer.toString(id)));

        for (int i = 14; i < 16; i++) {
            assertThat(low).isEmpty();
            decryptFirstMessage(account, upload, i);
        }

        assertThat(low).containsExactly(new PreKeyCounts(4, 1, 18, 1));
        List<Throwable> uncaught = new ArrayList<>();
        Thread.currentThread().setUncaughtExceptionHandler((thread, e) -> uncaught.add(e));
        try {
            SignalAccount failing = SignalAccount.open(
                    store,
                    AccountOptions.builder()
                            .onPreKeysLow(counts -> {
                                throw new IllegalStateException("injected");
                            })
                            .build());
            decryptFirstMessage(failing, upload, 16);
        } finally {
            Thread.currentThread().setUncaughtExceptionHandler(null);
        }
        assertThat(uncaught).singleElement().satisfies(e -> assertThat(e).hasMessage("injected"));
    }

    @Test
    @DisplayName(
            "calls the listener by the keys of the last upload, not by those that it replaced, also in a transaction")
    void decrypt_fewOfLastUploadLeft_callsListener() throws Exception {
        upload();
        PreKeyUpload second = alice().preKeys().replenish(0, 0).orElseThrow();
        alice().confirmUpload(second);
        IntStream.rangeClosed(21, 34)
                .forEach(id -> parties.store("alice").delete(KeyTypes.PRE_KEY, Integer.toString(id)));
        decryptFirstMessage(alice(), second, 14);
        assertThat(low).isEmpty();

        CiphertextMessage message = firstMessage(alice(), second, 15);
        alice().transaction(
                        BOB,
                        (signal, tx) -> alice().sessionCipher(signal, BOB)
                                .decrypt(new PreKeySignalMessage(message.serialize())));

        assertThat(oneTimeIds()).hasSize(24);
        assertThat(low).containsExactly(alice().preKeys().counts());
        assertThat(low.get(0).preKeys()).isEqualTo(4);
    }

    @Test
    @DisplayName("does not wait for upkeep to report, and an error of the listener does not replace the message")
    void decrypt_upkeepRuns_returns() throws Exception {
        List<Throwable> uncaught = new ArrayList<>();
        PreKeyUpload upload = alice().generateUpload(5);
        SignalAccount account = SignalAccount.open(
                parties.store("alice"),
                AccountOptions.builder()
                        .listener(new KeyStoreListener() {
                            @Override
                            public void onPreKeysCounted(
                                    int oneTime, int signed, int oneTimeKyber, int lastResortKyber) {
                                throw new AssertionError("injected");
                            }
                        })
                        .build());
        CiphertextMessage message = firstMessage(account, upload, 0);
        CountDownLatch held = new CountDownLatch(1);
        CountDownLatch release = new CountDownLatch(1);
        CompletableFuture<Void> upkeep = CompletableFuture.runAsync(() -> assertThatCode(() -> parties.store("alice")
                        .<InterruptedException>useTransaction(SignalAccount.preKeyLockKey(), tx -> {
                            held.countDown();
                            assertThat(release.await(60, TimeUnit.SECONDS)).isTrue();
                        }))
                .doesNotThrowAnyException());
        assertThat(held.await(60, TimeUnit.SECONDS)).isTrue();
        Thread.currentThread().setUncaughtExceptionHandler((thread, e) -> uncaught.add(e));
        try {
            assertThat(account.decrypt(BOB, message)).asString().isEqualTo("hello");
            assertThat(upkeep).isNotDone();
        } finally {
            Thread.currentThread().setUncaughtExceptionHandler(null);
            release.countDown();
        }
        upkeep.get();
        assertThat(uncaught).singleElement().satisfies(e -> assertThat(e).hasMessage("injected"));
    }

    @Test
    @DisplayName("deletes keys of bundles after 90 days, although no one-time keys are uploaded meanwhile")
    void replenish_bundlesOnly_areSwept() {
        upload();
        int most = 0;
        for (int day = 0; day < 15; day++) {
            for (int i = 0; i < 5; i++) {
                alice().newPreKeyBundle(1);
            }
            clock.advance(Duration.ofDays(10));
            alice().preKeys().replenish(20, 20).ifPresent(alice()::confirmUpload);
            most = Math.max(most, oneTimeIds().size());
            assertThat(alice().preKeys().pendingUpload()).isEmpty();
        }

        assertThat(most).isEqualTo(20 + 8 * 5);
        assertThat(kyberIds(PreKeyKind.ONE_TIME_KYBER)).hasSize(most);
        assertThat(oneTimeIds()).as("those that the server has stay").containsAll(numbers(1, 20));
        assertThat(PreKeyLog.TYPE
                        .codec()
                        .encode(parties.store("alice")
                                .find(PreKeyLog.TYPE, "ONE_TIME")
                                .orElseThrow()))
                .hasSizeLessThan(12 + 10 * 16);
    }

    @Test
    @DisplayName("R100 reports how many are left after each change, whatever the listener throws")
    void listener_receivesCounts() throws Exception {
        List<List<Integer>> counted = new ArrayList<>();
        SignalAccount account = SignalAccount.openOrCreate(
                parties.store("alice"),
                AccountOptions.builder()
                        .preKeyBatch(20)
                        .listener(new KeyStoreListener() {
                            @Override
                            public void onPreKeysCounted(
                                    int oneTime, int signed, int oneTimeKyber, int lastResortKyber) {
                                counted.add(List.of(oneTime, signed, oneTimeKyber, lastResortKyber));
                                throw new IllegalStateException("injected");
                            }
                        })
                        .build());
        List<Throwable> uncaught = new ArrayList<>();
        Thread.currentThread().setUncaughtExceptionHandler((thread, e) -> uncaught.add(e));
        try {
            PreKeyUpload upload = account.preKeys().replenish(0, 0).orElseThrow();
            account.confirmUpload(upload);
            decryptFirstMessage(account, upload, 0);
            account.generatePreKeys(3);
            account.generateUpload(2);
        } finally {
            Thread.currentThread().setUncaughtExceptionHandler(null);
        }

        assertThat(counted)
                .containsExactly(
                        List.of(20, 1, 20, 1),
                        List.of(20, 1, 20, 1),
                        List.of(19, 1, 19, 1),
                        List.of(22, 1, 19, 1),
                        List.of(24, 2, 21, 2));
        assertThat(uncaught).hasSize(counted.size());
    }

    private void decryptFirstMessage(SignalAccount account, PreKeyUpload upload, int key) throws Exception {
        CiphertextMessage message = firstMessage(account, upload, key);
        assertThat(account.decrypt(BOB, message)).asString().isEqualTo("hello");
    }

    private CiphertextMessage firstMessage(SignalAccount account, PreKeyUpload upload, int key) throws Exception {
        PreKeyBundle bundle = account.preKeyBundle(
                1,
                upload.preKeys().get(key),
                upload.signedPreKey(),
                upload.kyberPreKeys().get(key));
        SignalAccount bob = parties.bob();
        bob.startSession(ALICE, bundle);
        return bob.encrypt(ALICE, "hello".getBytes(UTF_8));
    }

    @Test
    @DisplayName("R84 generates new keys of all kinds after a restore, once, until the upload is confirmed")
    void replenish_restored_generatesOnce() {
        PreKeyUpload before = upload();
        parties.store("alice").useTransaction("test", Restored::set);
        for (PreKeyRecord key : before.preKeys()) {
            parties.store("alice").delete(KeyTypes.PRE_KEY, Integer.toString(key.getId()));
        }
        List<KyberPreKeyRecord> kyber = before.kyberPreKeys();
        alice().transaction(BOB, (signal, tx) -> {
            kyber.forEach(key -> signal.removeKyberPreKey(key.getId()));
            return true;
        });

        PreKeyUpload upload = alice().preKeys().replenish(20, 20).orElseThrow();
        assertThat(ids(upload)).as("instead of those that the server has").isEqualTo(numbers(21, 40));
        assertThat(upload.signedPreKey().getId()).isEqualTo(2);
        assertThat(upload.lastResortKyberPreKey().getId())
                .isNotEqualTo(before.lastResortKyberPreKey().getId());
        alice().uploadFailed(upload);
        PreKeyUpload again = alice().preKeys().replenish(0, 0).orElseThrow();
        alice().uploadFailed(again);
        PreKeyUpload third = alice().preKeys().replenish(0, 0).orElseThrow();

        assertThat(ids(third)).isEqualTo(ids(again)).isEqualTo(numbers(21, 40));
        assertThat(third.signedPreKey().getId()).isEqualTo(again.signedPreKey().getId());
        alice().confirmUpload(third);
        assertThat(alice().needsUpload()).isFalse();
        assertThat(alice().preKeys().pendingUpload()).isEmpty();
    }

    @Test
    @DisplayName("R84 generates signed and last-resort keys once after a restore, and one-time keys whatever the floor")
    void replenish_restoredWithoutFloor_generatesOnce() {
        upload();
        parties.store("alice").useTransaction("test", Restored::set);
        SignalAccount account = SignalAccount.open(
                parties.store("alice"),
                AccountOptions.builder()
                        .clock(clock)
                        .preKeyFloor(0)
                        .preKeyBatch(20)
                        .build());

        PreKeyUpload upload = account.preKeys().replenish(20, 20).orElseThrow();
        PreKeyUpload again = account.preKeys().replenish(20, 20).orElseThrow();

        assertThat(ids(upload)).isEqualTo(numbers(21, 40));
        assertThat(upload.kyberPreKeys()).hasSize(20);
        assertThat(upload.signedPreKey().getId()).isEqualTo(2);
        assertThat(again.signedPreKey().getId()).isEqualTo(2);
        assertThat(again.lastResortKyberPreKey().getId())
                .isEqualTo(upload.lastResortKyberPreKey().getId());
    }

    @Test
    @DisplayName("R43 leaves out a key whose record is damaged in the file")
    void load_damagedInTheFile_isLeftOut() {
        PreKeyUpload upload = upload();
        alice().generateSignedPreKey();
        parties.damage("alice", KeyTypes.SIGNED_PRE_KEY, "2");
        parties.damage("alice", KeyTypes.KYBER_PRE_KEY, "2");
        parties.damage("alice", KeyTypes.PRE_KEY, "1");
        assertThat(parties.store("alice").verify()).hasSize(3);

        assertThat(signedIds()).containsExactly(1);
        assertThat(kyberIds(PreKeyKind.ONE_TIME_KYBER)).isEqualTo(numbers(3, 21));
        assertThat(alice().preKeys().currentSignedPreKey())
                .hasValueSatisfying(key -> assertThat(key.getId()).isOne());
        assertThat(upload.preKeys()).hasSize(20);
    }

    @Test
    @DisplayName("R44 continues with what was recorded of uploads before offers were")
    void log_ofBeforeOffers_isRead() {
        upload();
        byte[] encoded = ByteBuffer.allocate(12 + 16 + 12)
                .putInt(20)
                .putInt(1)
                .putInt(1)
                .putInt(9)
                .putInt(2)
                .putLong(5)
                .putInt(3)
                .putLong(7)
                .array();
        PreKeyLog log =
                new PreKeyLog(20, 20, List.of(new PreKeyLog.HandedOut(9, 2, 5)), List.of(new PreKeyLog.Replaced(3, 7)));
        assertThat(PreKeyLog.TYPE.codec().decode(encoded)).isEqualTo(log);
        assertThat(PreKeyLog.TYPE.codec().encode(log)).isEqualTo(encoded);
        parties.store("alice").put(PreKeyLog.TYPE, "ONE_TIME", log);

        assertThat(alice().preKeys().counts()).isEqualTo(new PreKeyCounts(15, 1, 20, 1));
        assertThat(ids(alice().preKeys().replenish(0, 20).orElseThrow())).isEqualTo(numbers(21, 40));
    }

    @Test
    @DisplayName("R43 leaves out a damaged key, and R44 refuses to store over a last-resort key or under another id")
    void store_wrongIdOrLastResort_isRefused() throws Exception {
        SignalAccount account = alice();
        PreKeyUpload upload = account.preKeys().replenish().orElseThrow();
        KyberPreKeyRecord lastResort = upload.lastResortKyberPreKey();
        KyberPreKeyRecord oneTime = upload.kyberPreKeys().get(0);
        SignedPreKeyRecord signed = upload.signedPreKey();
        account.generateSignedPreKey();
        account.uploadFailed(upload);

        account.transaction(BOB, (signal, tx) -> {
            assertThatThrownBy(() -> signal.storeOneTimeKyberPreKey(lastResort.getId(), lastResort))
                    .isInstanceOf(EntryExistsException.class)
                    .hasMessageContaining("kyber-pre-key");
            assertThatThrownBy(() -> signal.storeKyberPreKey(lastResort.getId(), lastResort))
                    .isInstanceOf(EntryExistsException.class);
            assertThatThrownBy(() -> signal.storeKyberPreKey(7777, oneTime))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("record has id " + oneTime.getId() + ", but is to be stored as 7777");
            assertThatThrownBy(() -> signal.storeSignedPreKey(7777, signed))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> signal.storePreKey(7777, upload.preKeys().get(0)))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> signal.kyberPreKeys(PreKeyKind.SIGNED))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("SIGNED");
            return true;
        });
        byte[] damaged = {1};
        parties.store("alice")
                .put(KeyTypes.SIGNED_PRE_KEY, "1", new SignedPreKey(new KeyPair(damaged, damaged), damaged, 1));
        parties.store("alice").put(KeyTypes.KYBER_PRE_KEY, Integer.toString(oneTime.getId()), new byte[] {1});
        parties.reopen();

        assertThat(signedIds()).containsExactly(2);
        assertThat(kyberIds(PreKeyKind.ONE_TIME_KYBER)).isEqualTo(numbers(3, 21));
        assertThat(kyberIds(alice().preKeys().pendingUpload().orElseThrow())).isEqualTo(numbers(3, 21));
    }

    private List<Integer> signedIds() {
        return alice().transaction(
                        BOB,
                        (signal, tx) -> signal.loadSignedPreKeys().stream()
                                .map(SignedPreKeyRecord::getId)
                                .toList());
    }

    private List<Integer> kyberIds(PreKeyKind kind) {
        return alice().transaction(
                        BOB,
                        (signal, tx) -> signal.kyberPreKeys(kind).stream()
                                .map(KyberPreKeyRecord::getId)
                                .toList());
    }

    private List<Integer> oneTimeIds() {
        return Ids.numbers(parties.store("alice"), KeyTypes.PRE_KEY);
    }

    private static List<Integer> ids(PreKeyUpload upload) {
        return upload.preKeys().stream().map(PreKeyRecord::getId).toList();
    }

    private static List<Integer> kyberIds(PreKeyUpload upload) {
        return upload.kyberPreKeys().stream().map(KyberPreKeyRecord::getId).toList();
    }

    private static List<Integer> numbers(int first, int last) {
        return IntStream.rangeClosed(first, last).boxed().toList();
    }
}
