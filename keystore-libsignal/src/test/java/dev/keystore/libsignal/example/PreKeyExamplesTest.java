package dev.keystore.libsignal.example;

import static org.assertj.core.api.Assertions.assertThat;

import dev.keystore.SignalKeyStore;
import dev.keystore.libsignal.PreKeyCounts;
import dev.keystore.libsignal.PreKeyFactory;
import dev.keystore.libsignal.PreKeyKind;
import dev.keystore.libsignal.PreKeyUpkeep;
import dev.keystore.libsignal.PreKeyUpload;
import dev.keystore.libsignal.SignalAccount;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.state.KyberPreKeyRecord;
import org.signal.libsignal.protocol.state.PreKeyBundle;
import org.signal.libsignal.protocol.state.PreKeyRecord;
import org.signal.libsignal.protocol.state.SignedPreKeyRecord;

@DisplayName("The example of pre-keys")
class PreKeyExamplesTest extends Example {

    /** What a server has of an account. A kind whose list is empty in an upload keeps what the server has. */
    private static final class Server {

        private List<PreKeyRecord> preKeys = List.of();
        private List<KyberPreKeyRecord> kyberPreKeys = List.of();
        private SignedPreKeyRecord signedPreKey;
        private KyberPreKeyRecord lastResort;
        private boolean refuses;

        int preKeyCount() {
            return preKeys.size();
        }

        int kyberPreKeyCount() {
            return kyberPreKeys.size();
        }

        void upload(PreKeyUpload upload) throws RefusedException {
            if (refuses) {
                throw new RefusedException();
            }
            if (!upload.preKeys().isEmpty()) {
                preKeys = upload.preKeys();
            }
            if (!upload.kyberPreKeys().isEmpty()) {
                kyberPreKeys = upload.kyberPreKeys();
            }
            signedPreKey = upload.signedPreKey();
            lastResort = upload.lastResortKyberPreKey();
        }
    }

    /** What the server answers if it has not stored anything. */
    private static final class RefusedException extends Exception {
        private static final long serialVersionUID = 1L;
    }

    private static void upload(SignalAccount account, Server server) {
        Optional<PreKeyUpload> upload = account.preKeys().replenish(server.preKeyCount(), server.kyberPreKeyCount());
        if (upload.isPresent()) {
            try {
                server.upload(upload.get());
                account.confirmUpload(upload.get());
            } catch (RefusedException e) {
                account.uploadFailed(upload.get()); // not after a timeout: the server may have stored the upload
            }
        }
    }

    @Test
    @DisplayName("replenishes those of the server, and asks what is left")
    void replenish() throws Exception {
        SignalAccount account = account(aliceAddress);
        Server server = new Server();
        server.refuses = true;
        upload(account, server);
        assertThat(account.needsUpload()).isTrue();
        server.refuses = false;

        upload(account, server);
        assertThat(server.preKeyCount()).isEqualTo(100);
        PreKeyUpkeep upkeep = account.preKeys();
        PreKeyCounts left = upkeep.counts();
        assertThat(List.of(left.preKeys(), left.signedPreKeys(), left.kyberPreKeys(), left.lastResortKyberPreKeys()))
                .containsExactly(100, 1, 100, 1);
        assertThat(upkeep.uploadedUpTo(PreKeyKind.SIGNED))
                .hasValue(upkeep.currentSignedPreKey().orElseThrow().getId());
        assertThat(upkeep.currentLastResortKyberPreKey().orElseThrow().getId()).isEqualTo(server.lastResort.getId());
        assertThat(upkeep.currentSignedPreKey().orElseThrow().getId()).isEqualTo(server.signedPreKey.getId());
        assertThat(upkeep.replenish()).isEmpty();
        assertThat(upkeep.pendingUpload()).isEmpty();
    }

    @Test
    @DisplayName("replaces all that the server has, after a new registration")
    void upload() throws Exception {
        SignalAccount account = account(aliceAddress);
        Server server = new Server();

        PreKeyUpload upload = account.generateUpload(100);
        server.upload(upload);
        account.confirmUpload(upload);

        assertThat(account.needsUpload()).isFalse();
        assertThat(server.preKeyCount()).isEqualTo(100);
    }

    @Test
    @DisplayName("hands them out in bundles: of keys that exist, or of new ones")
    void bundles() throws Exception {
        SignalAccount alice = account(aliceAddress);
        PreKeyBundle bundle = alice.preKeyBundle(
                1,
                alice.generatePreKeys(1).get(0),
                alice.generateSignedPreKey(),
                alice.generateKyberPreKeys(1).get(0));

        account(bobAddress).startSession(aliceAddress, bundle);
        account(carolAddress).startSession(aliceAddress, alice.newPreKeyBundle(1));

        assertThat(text(alice.decrypt(bobAddress, account(bobAddress).encrypt(aliceAddress, bytes("hello")))))
                .isEqualTo("hello");
    }

    @Test
    @DisplayName("generates each kind separately")
    void generate() {
        SignalAccount account = account(aliceAddress);

        List<PreKeyRecord> preKeys = account.generatePreKeys(100);
        SignedPreKeyRecord signed = account.generateSignedPreKey();
        List<KyberPreKeyRecord> kyberPreKeys = account.generateKyberPreKeys(100);
        KyberPreKeyRecord lastResort = account.generateLastResortKyberPreKey();

        assertThat(account.preKeys().counts()).isEqualTo(new PreKeyCounts(100, 1, 100, 1));
        assertThat(preKeys).hasSameSizeAs(kyberPreKeys);
        assertThat(signed.getId()).isPositive();
        List<Integer> former = account.transaction(aliceAddress, (signal, tx) -> {
            List<Integer> ids = new ArrayList<>();
            for (KyberPreKeyRecord each : signal.kyberPreKeys(PreKeyKind.LAST_RESORT_KYBER)) {
                ids.add(each.getId());
                signal.removeKyberPreKey(each.getId());
            }
            return ids;
        });
        assertThat(former).containsExactly(lastResort.getId());
    }

    @Test
    @DisplayName("generates them in a transaction of the application")
    void factory() {
        SignalAccount account = account(aliceAddress);
        SignalKeyStore store = database.forContext("alice");

        List<PreKeyRecord> keys = store.transaction(SignalAccount.preKeyLockKey(), tx -> {
            PreKeyFactory factory = account.preKeyFactory(tx);
            List<PreKeyRecord> generated = factory.preKeys(100);
            tx.put(CHAT, "to upload", generated.size() + " pre-keys");
            return generated;
        });

        assertThat(store.find(CHAT, "to upload")).hasValue(keys.size() + " pre-keys");
        store.useTransaction(SignalAccount.preKeyLockKey(), tx -> {
            PreKeyFactory factory = account.preKeyFactory(tx);
            factory.signedPreKey();
            factory.lastResortKyberPreKey();
            KyberPreKeyRecord moved = factory.oneTimeKyberPreKeys(1).get(0);
            account.in(tx).removeKyberPreKey(moved.getId());
            account.in(tx).storeOneTimeKyberPreKey(moved.getId(), moved);
        });
        assertThat(account.preKeys().counts()).isEqualTo(new PreKeyCounts(100, 1, 1, 1));
    }
}
