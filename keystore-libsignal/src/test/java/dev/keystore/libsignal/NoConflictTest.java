package dev.keystore.libsignal;

import static dev.keystore.libsignal.TwoParties.ALICE;
import static dev.keystore.libsignal.TwoParties.BOB;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyTypes;
import dev.keystore.SignalKeyStore;
import dev.keystore.TransactionConflictException;
import dev.keystore.TransactionOptions;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.SessionBuilder;
import org.signal.libsignal.protocol.SessionCipher;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.message.PreKeySignalMessage;
import org.signal.libsignal.protocol.state.PreKeyBundle;

/**
 * Holds a transaction open after it has read and written, lets other threads commit, and then commits it. Transactions
 * run once, so that a conflict reaches the test.
 */
@DisplayName("R24 concurrent operations of one account do not conflict")
class NoConflictTest extends LibsignalTest {

    @Test
    @DisplayName("a first message does not conflict with generated pre-keys and saved application data")
    void firstMessage_othersCommitMeanwhile_commits() throws Exception {
        CiphertextMessage message = parties.firstMessage("hello");
        SignalAccount bob = parties.bob();

        byte[] text = bob.transaction(ALICE, (signal, tx) -> {
            signal.getIdentityKeyPair();
            byte[] decrypted = decrypt(signal, message);
            onAnotherThread(() -> makePreKeysAndSave(bob));
            signal.getLocalRegistrationId();
            return decrypted;
        });

        assertThat(text).asString().isEqualTo("hello");
        assertThat(bob.applicationData()).containsExactly(1, 2, 3);
        assertThat(bob.encrypt(ALICE, new byte[1])).isNotNull();
    }

    @Test
    @DisplayName("generating pre-keys does not conflict with decrypted first messages and saved application data")
    void preKeys_othersCommitMeanwhile_commit() throws Exception {
        CiphertextMessage message = parties.firstMessage("hello");
        SignalAccount bob = parties.bob();
        SignalKeyStore store = parties.store("bob");

        PreKeyBundle bundle = store.transaction("test", tx -> {
            PreKeyFactory factory = new PreKeyFactory(tx, store, InstantSource.system());
            factory.preKeys(5);
            factory.lastResortKyberPreKey();
            onAnotherThread(() -> {
                bob.decrypt(ALICE, message);
                bob.saveApplicationData(new byte[] {1, 2, 3});
            });
            return factory.newBundle(1);
        });

        assertThat(store.find(KeyTypes.PRE_KEY, Integer.toString(bundle.getPreKeyId())))
                .isPresent();
        assertThat(bob.applicationData()).containsExactly(1, 2, 3);
    }

    @Test
    @DisplayName(
            "generating pre-keys that skip an id in use does not conflict with the message that uses up that pre-key")
    void preKeys_skippedKeyUsedMeanwhile_commit() throws Exception {
        CiphertextMessage message = parties.firstMessage("hello");
        SignalAccount bob = parties.bob();
        SignalKeyStore store = parties.store("bob");
        store.put(PreKeyIds.LAST, KeyTypes.PRE_KEY.name(), Ids.MAX_KEY_ID);
        store.put(PreKeyIds.LAST, KeyTypes.KYBER_PRE_KEY.name(), Ids.MAX_KEY_ID);

        store.useTransaction("test", tx -> {
            PreKeyFactory factory = new PreKeyFactory(tx, store, InstantSource.system());
            assertThat(factory.preKeys(1).get(0).getId()).isEqualTo(2);
            assertThat(factory.lastResortKyberPreKey().getId()).isEqualTo(2);
            onAnotherThread(() -> bob.decrypt(ALICE, message));
        });

        assertThat(store.ids(KeyTypes.PRE_KEY, "")).containsExactly("2");
        assertThat(store.ids(KeyTypes.KYBER_PRE_KEY, "")).containsExactly("2");
    }

    @Test
    @DisplayName(
            "saving application data in a message's transaction conflicts with none of these; the last commit wins")
    void applicationData_othersCommitMeanwhile_commits() throws Exception {
        CiphertextMessage message = parties.firstMessage("hello");
        SignalAccount bob = parties.bob();

        bob.transaction(BOB, (signal, tx) -> {
            bob.saveApplicationData(tx, new byte[] {9});
            onAnotherThread(() -> {
                bob.decrypt(ALICE, message);
                makePreKeysAndSave(bob);
            });
            return true;
        });

        assertThat(bob.applicationData()).containsExactly(9);
        parties.reopen();
        assertThat(parties.bob().applicationData()).containsExactly(9);
    }

    @Test
    @DisplayName(
            "changing application data that was read conflicts with a concurrent save, but not with generated pre-keys")
    void applicationData_readAndSaved_conflictsWithSavesOnly() throws Exception {
        SignalAccount bob = parties.bob();

        bob.transaction(ALICE, (signal, tx) -> {
            byte[] before = bob.applicationData(tx);
            onAnotherThread(() -> bob.newPreKeyBundle(1));
            bob.saveApplicationData(tx, new byte[before.length + 1]);
            return true;
        });
        assertThatThrownBy(() -> bob.transaction(ALICE, (signal, tx) -> {
                    byte[] before = bob.applicationData(tx);
                    onAnotherThread(() -> bob.saveApplicationData(new byte[] {1, 2, 3}));
                    bob.saveApplicationData(tx, new byte[before.length + 1]);
                    return true;
                }))
                .isInstanceOf(TransactionConflictException.class);

        assertThat(bob.applicationData()).containsExactly(1, 2, 3);
    }

    @Test
    @DisplayName("R17 a session started after a clear does not conflict with saved application data")
    void afterClear_othersCommitMeanwhile_commits() throws Exception {
        SignalAccount alice = parties.alice();
        parties.store("alice").clear();
        PreKeyBundle bundle = parties.bob().newPreKeyBundle(1);

        alice.transaction(BOB, (signal, tx) -> {
            new SessionBuilder(signal, BOB).process(bundle);
            onAnotherThread(() -> makePreKeysAndSave(alice));
            return true;
        });

        assertThat(alice.encrypt(BOB, new byte[1])).isNotNull();
    }

    @Test
    @DisplayName("R18 a session started while the account is erased conflicts and leaves nothing behind")
    void erasedMeanwhile_conflicts() throws Exception {
        SignalAccount alice = parties.alice();
        PreKeyBundle bundle = parties.bob().newPreKeyBundle(1);
        SignalKeyStore store = parties.store("alice");

        assertThatThrownBy(() -> alice.transaction(BOB, (signal, tx) -> {
                    new SessionBuilder(signal, BOB).process(bundle);
                    onAnotherThread(store::erase);
                    return true;
                }))
                .isInstanceOf(TransactionConflictException.class);

        assertThat(store.ids(KeyTypes.SESSION, "")).isEmpty();
        assertThatThrownBy(() -> alice.startSession(BOB, bundle))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("\"alice\" holds no account");
    }

    @Test
    @DisplayName("R23 work that ends in a conflict is run again as often as its options allow, with new handles")
    void transaction_conflict_runsAgainAsAskedFor() {
        SignalAccount alice = parties.alice();
        SignalKeyStore store = parties.store("alice");
        UUID group = UUID.randomUUID();
        List<KeystoreSignalProtocolStore> handles = new ArrayList<>();
        ProtocolWork<Boolean, RuntimeException> meetsConflictTwice = (signal, tx) -> {
            handles.add(signal);
            tx.find(KeyTypes.LID_MAPPING, "bob");
            if (handles.size() < 3) {
                onAnotherThread(() ->
                        store.put(KeyTypes.LID_MAPPING, "bob", UUID.randomUUID().toString()));
            }
            tx.put(KeyTypes.DEVICE_LIST, "bob", List.of("1"));
            return true;
        };

        assertThatThrownBy(() -> alice.transaction(BOB, meetsConflictTwice))
                .isInstanceOf(TransactionConflictException.class);
        assertThat(handles).hasSize(1);
        handles.clear();
        assertThatThrownBy(() -> alice.transaction(BOB, TransactionOptions.retryOnConflict(2), meetsConflictTwice))
                .isInstanceOf(TransactionConflictException.class);
        assertThat(handles).hasSize(2);
        assertThat(store.find(KeyTypes.DEVICE_LIST, "bob")).isEmpty();
        handles.clear();
        assertThat(alice.transaction(BOB, TransactionOptions.retryOnConflict(3), meetsConflictTwice))
                .isTrue();
        assertThat(handles).hasSize(3).doesNotHaveDuplicates();
        handles.clear();
        assertThat(alice.transaction(group, BOB, TransactionOptions.retryOnConflict(3), meetsConflictTwice))
                .isTrue();
        assertThat(handles).hasSize(3);
    }

    private static void makePreKeysAndSave(SignalAccount account) {
        account.newPreKeyBundle(1);
        account.generatePreKeys(3);
        account.generateKyberPreKeys(2);
        account.generateSignedPreKey();
        account.generateLastResortKyberPreKey();
        account.saveApplicationData(new byte[] {1, 2, 3});
    }

    private static byte[] decrypt(KeystoreSignalProtocolStore signal, CiphertextMessage message) throws Exception {
        return new SessionCipher(signal, ALICE).decrypt(new PreKeySignalMessage(message.serialize()));
    }

    /** Runs a task outside this thread's transaction and waits for it. */
    private static void onAnotherThread(Work work) {
        CompletableFuture.runAsync(() -> {
                    try {
                        work.run();
                    } catch (Exception e) {
                        throw new AssertionError(e);
                    }
                })
                .orTimeout(5, TimeUnit.MINUTES)
                .join();
    }

    private interface Work {
        void run() throws Exception;
    }
}
