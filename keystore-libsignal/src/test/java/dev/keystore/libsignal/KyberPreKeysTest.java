package dev.keystore.libsignal;

import static dev.keystore.libsignal.TwoParties.ALICE;
import static dev.keystore.libsignal.TwoParties.BOB;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import java.util.stream.Stream;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.InvalidKeyIdException;
import org.signal.libsignal.protocol.ReusedBaseKeyException;
import org.signal.libsignal.protocol.ecc.ECKeyPair;
import org.signal.libsignal.protocol.ecc.ECPublicKey;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.state.KyberPreKeyRecord;
import org.signal.libsignal.protocol.state.SignedPreKeyRecord;

@DisplayName("Kyber pre-keys")
class KyberPreKeysTest extends LibsignalTest {

    private static final KeyType<byte[]> USED = KeyType.ofBytes("libsignal-used-base-key");

    private final ECPublicKey baseKey = ECKeyPair.generate().getPublicKey();

    @Test
    @DisplayName("R11 of last resort are kept when used, and refuse a base key used before, also after a restart")
    void markUsed_lastResort_refusesSameBaseKey() throws Exception {
        int id = parties.bob().generateLastResortKyberPreKey().getId();

        mark(id, 1, baseKey);
        parties.reopen();

        assertThatThrownBy(() -> mark(id, 1, baseKey)).isInstanceOf(ReusedBaseKeyException.class);
        mark(id, 1, ECKeyPair.generate().getPublicKey());
        mark(id, 2, baseKey);
        assertThat(parties.store("bob").find(KeyTypes.KYBER_PRE_KEY, Integer.toString(id)))
                .isPresent();
        assertThat(remembered()).isEqualTo(3);
    }

    @Test
    @DisplayName("for one-time use are deleted when used, together with their marks")
    void markUsed_oneTime_deletes() throws Exception {
        KyberPreKeyRecord record = parties.bob().generateKyberPreKeys(1).get(0);

        mark(record.getId(), 1, baseKey);
        parties.reopen();

        assertThatThrownBy(() -> mark(record.getId(), 1, baseKey)).isInstanceOf(ReusedBaseKeyException.class);
        parties.bob().transaction(ALICE, (signal, tx) -> {
            assertThat(signal.containsKyberPreKey(record.getId())).isFalse();
            assertThatThrownBy(() -> signal.loadKyberPreKey(record.getId())).isInstanceOf(InvalidKeyIdException.class);
            return true;
        });
        assertThat(remembered()).isZero();
    }

    @Test
    @DisplayName("stored through libsignal's interface are last-resort keys, even if they replace a one-time key")
    void storeKyberPreKey_overOneTime_isLastResort() throws Exception {
        KyberPreKeyRecord record = parties.bob().generateKyberPreKeys(1).get(0);

        parties.bob().transaction(ALICE, (signal, tx) -> {
            signal.storeKyberPreKey(record.getId(), record);
            return true;
        });
        mark(record.getId(), 1, baseKey);

        assertThat(parties.store("bob").find(KeyTypes.KYBER_PRE_KEY, "1")).isPresent();
        parties.bob().transaction(ALICE, (signal, tx) -> {
            signal.removeKyberPreKey(record.getId());
            signal.storeOneTimeKyberPreKey(record.getId(), record);
            signal.markKyberPreKeyUsed(record.getId(), 1, ECKeyPair.generate().getPublicKey());
            return true;
        });
        assertThat(parties.store("bob").find(KeyTypes.KYBER_PRE_KEY, "1")).isEmpty();
    }

    @Test
    @DisplayName("lose only their own records of base keys when they or the signed pre-key are removed")
    void remove_forgetsItsBaseKeys() throws Exception {
        for (int i = 0; i < 12; i++) {
            parties.bob().generateLastResortKyberPreKey();
        }
        mark(1, 2, baseKey);
        mark(12, 2, baseKey);
        mark(12, 1, baseKey);
        mark(2, 12, baseKey);
        mark(2, 1, baseKey);

        remove(signal -> signal.removeKyberPreKey(1));
        assertThat(remembered()).isEqualTo(4);
        remove(signal -> signal.removeSignedPreKey(2));
        assertThat(remembered()).isEqualTo(3);
        remove(signal -> signal.removeSignedPreKey(1));
        assertThat(remembered()).isEqualTo(1);
        assertThatThrownBy(() -> mark(2, 12, baseKey)).isInstanceOf(ReusedBaseKeyException.class);
    }

    @Test
    @DisplayName("of last resort prevent the replay of a first message after its session was deleted")
    void decrypt_replayAfterSessionDeleted_isRefused() throws Exception {
        SignalAccount bob = parties.bob();
        SignedPreKeyRecord signed = bob.generateSignedPreKey();
        KyberPreKeyRecord kyber = bob.generateLastResortKyberPreKey();
        parties.alice().startSession(BOB, bob.preKeyBundle(1, null, signed, kyber));
        CiphertextMessage message = parties.alice().encrypt(BOB, "pay 100".getBytes(UTF_8));
        assertThat(bob.decrypt(ALICE, message)).asString().isEqualTo("pay 100");
        parties.store("bob").delete(KeyTypes.SESSION, "alice.1");
        parties.reopen();

        assertThatThrownBy(() -> parties.bob().decrypt(ALICE, message)).isInstanceOf(ReusedBaseKeyException.class);

        assertThat(parties.store("bob").find(KeyTypes.SESSION, "alice.1")).isEmpty();
    }

    @Test
    @DisplayName("are listed as stored, and so are signed pre-keys")
    void loadAll_returnsWhatWasStored() throws Exception {
        SignalAccount bob = parties.bob();
        KyberPreKeyRecord oneTime = bob.generateKyberPreKeys(1).get(0);
        KyberPreKeyRecord lastResort = bob.generateLastResortKyberPreKey();
        SignedPreKeyRecord signed = bob.generateSignedPreKey();
        parties.reopen();

        parties.bob().transaction(ALICE, (signal, tx) -> {
            assertThat(signal.loadKyberPreKeys())
                    .extracting(KyberPreKeyRecord::serialize)
                    .containsExactly(oneTime.serialize(), lastResort.serialize());
            assertThat(signal.loadSignedPreKeys())
                    .extracting(SignedPreKeyRecord::serialize)
                    .containsExactly(signed.serialize());
            assertThat(signal.loadSignedPreKey(signed.getId()).serialize()).isEqualTo(signed.serialize());
            return true;
        });
    }

    private void mark(int kyberPreKeyId, int signedPreKeyId, ECPublicKey key) throws ReusedBaseKeyException {
        parties.bob().<Boolean, ReusedBaseKeyException>transaction(ALICE, (signal, tx) -> {
            signal.markKyberPreKeyUsed(kyberPreKeyId, signedPreKeyId, key);
            return true;
        });
    }

    private void remove(Removal removal) {
        parties.bob().transaction(ALICE, (signal, tx) -> {
            removal.from(signal);
            return true;
        });
    }

    private long remembered() {
        try (Stream<String> ids = parties.store("bob").ids(USED, "")) {
            return ids.count();
        }
    }

    private interface Removal {
        void from(KeystoreSignalProtocolStore signal);
    }
}
