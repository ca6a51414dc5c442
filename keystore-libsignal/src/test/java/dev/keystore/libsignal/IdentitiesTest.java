package dev.keystore.libsignal;

import static dev.keystore.libsignal.TwoParties.ALICE;
import static dev.keystore.libsignal.TwoParties.BOB;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyTypes;
import dev.keystore.testkit.Call.Operation;
import java.util.Map;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.IdentityKey;
import org.signal.libsignal.protocol.IdentityKeyPair;
import org.signal.libsignal.protocol.NoSessionException;
import org.signal.libsignal.protocol.ServiceId;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.UntrustedIdentityException;
import org.signal.libsignal.protocol.fingerprint.NumericFingerprintGenerator;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.state.IdentityKeyStore.Direction;
import org.signal.libsignal.protocol.state.IdentityKeyStore.IdentityChange;
import org.signal.libsignal.protocol.state.PreKeyBundle;

@DisplayName("Identities")
class IdentitiesTest extends LibsignalTest {

    private final IdentityKey first = IdentityKeyPair.generate().getPublicKey();
    private final IdentityKey second = IdentityKeyPair.generate().getPublicKey();

    @Test
    @DisplayName("are trusted on first use, and afterwards only the same key")
    void isTrustedIdentity_afterFirstUse_trustsThatKeyAlone() {
        in(signal -> {
            assertThat(signal.isTrustedIdentity(BOB, first, Direction.SENDING)).isTrue();
            assertThat(signal.getIdentity(BOB)).isNull();
            assertThat(signal.saveIdentity(BOB, first)).isEqualTo(IdentityChange.NEW_OR_UNCHANGED);
        });
        parties.reopen();
        in(signal -> {
            assertThat(signal.getIdentity(BOB)).isEqualTo(first);
            for (Direction direction : Direction.values()) {
                assertThat(signal.isTrustedIdentity(BOB, first, direction)).isTrue();
                assertThat(signal.isTrustedIdentity(BOB, second, direction)).isFalse();
            }
            assertThat(signal.isTrustedIdentity(ALICE, second, Direction.SENDING))
                    .isTrue();
        });
    }

    @Test
    @DisplayName("are not written again if unchanged")
    void saveIdentity_unchanged_writesNothing() {
        in(signal -> signal.saveIdentity(BOB, first));
        parties.faults.forgetCalls();

        in(signal -> assertThat(signal.saveIdentity(BOB, first)).isEqualTo(IdentityChange.NEW_OR_UNCHANGED));

        assertThat(parties.faults.count(Operation.COMMIT)).isZero();
    }

    @Test
    @DisplayName("are reported as replaced when another was saved before, and are trusted afterwards")
    void saveIdentity_changed_replaces() {
        in(signal -> signal.saveIdentity(BOB, first));

        in(signal -> assertThat(signal.saveIdentity(BOB, second)).isEqualTo(IdentityChange.REPLACED_EXISTING));

        in(signal -> {
            assertThat(signal.getIdentity(BOB)).isEqualTo(second);
            assertThat(signal.isTrustedIdentity(BOB, first, Direction.RECEIVING))
                    .isFalse();
        });
    }

    @Test
    @DisplayName("R22 that have changed make a message untrusted until they are saved, and nothing is written")
    void decrypt_changedIdentity_isUntrustedUntilSaved() throws Exception {
        parties.converse();
        parties.store("alice").erase();
        CiphertextMessage message = parties.firstMessage("new phone");
        byte[] session = parties.store("bob").find(KeyTypes.SESSION, "alice.1").orElseThrow();

        assertThatThrownBy(() -> parties.bob().decrypt(ALICE, message)).isInstanceOf(UntrustedIdentityException.class);
        assertThat(parties.store("bob").find(KeyTypes.SESSION, "alice.1")).hasValue(session);

        IdentityKey changed = parties.alice().identityKey();
        parties.bob().transaction(ALICE, (signal, tx) -> signal.saveIdentity(ALICE, changed));
        assertThat(parties.bob().decrypt(ALICE, message)).asString().isEqualTo("new phone");
    }

    @Test
    @DisplayName("are trusted according to the application's policy if it has one")
    void isTrustedIdentity_ownPolicy_isAsked() throws Exception {
        TrustPolicy whenReceiving = (address, known, offered, direction) -> direction == Direction.RECEIVING;
        SignalAccount wary = SignalAccount.openOrCreate(
                parties.store("alice"),
                AccountOptions.builder().trust(whenReceiving).build());
        var bundle = parties.bob().newPreKeyBundle(1);

        assertThatThrownBy(() -> wary.startSession(BOB, bundle)).isInstanceOf(UntrustedIdentityException.class);
        assertThat(parties.store("alice").find(KeyTypes.SESSION, "bob.1")).isEmpty();

        parties.alice().startSession(BOB, bundle);
        assertThatThrownBy(() -> wary.encrypt(BOB, "hello".getBytes(UTF_8)))
                .isInstanceOf(UntrustedIdentityException.class);
    }

    @Test
    @DisplayName("are reported with each message as new, unchanged or changed")
    void receive_saysWhatIsKnown() throws Exception {
        assertThat(parties.alice().startSession(BOB, parties.bob().newPreKeyBundle(1)))
                .isEqualTo(IdentityStatus.NEW);
        CiphertextMessage message = parties.alice().encrypt(BOB, "hello".getBytes(UTF_8));
        ReceivedMessage received = parties.bob().receive(ALICE, message);
        assertThat(received.plaintext()).asString().isEqualTo("hello");
        assertThat(received.identity()).isEqualTo(IdentityStatus.NEW);
        assertThat(received).hasToString("ReceivedMessage[5 bytes, identity NEW]");
        assertThat(parties.alice()
                        .receive(BOB, parties.bob().encrypt(ALICE, new byte[0]))
                        .identity())
                .isEqualTo(IdentityStatus.UNCHANGED);
        assertThat(parties.alice().startSession(BOB, parties.bob().newPreKeyBundle(1)))
                .isEqualTo(IdentityStatus.UNCHANGED);

        parties.store("alice").erase();
        CiphertextMessage changed = parties.firstMessage("new phone");
        SignalAccount trusting = SignalAccount.open(
                parties.store("bob"),
                AccountOptions.builder()
                        .trust((address, known, offered, direction) -> true)
                        .build());
        assertThat(trusting.receive(ALICE, changed).identity()).isEqualTo(IdentityStatus.CHANGED);
    }

    @Test
    @DisplayName("that are trusted are used at once, and a session with another one is archived; the example")
    void trust_identity_isUsedAtOnce() throws Exception {
        parties.converse();
        IdentityKey former = parties.alice().identityKey();
        parties.store("alice").erase();
        CiphertextMessage message = parties.firstMessage("new phone");
        IdentityKey changed = parties.alice().identityKey();
        SignalAccount bob = parties.bob();
        assertThatThrownBy(() -> bob.decrypt(ALICE, message)).isInstanceOf(UntrustedIdentityException.class);

        assertThat(bob.identities().trust(ALICE, changed)).isEqualTo(IdentityStatus.CHANGED);

        assertThatThrownBy(() -> bob.encrypt(ALICE, new byte[1])).isInstanceOf(NoSessionException.class);
        assertThat(bob.decrypt(ALICE, message)).asString().isEqualTo("new phone");
        assertThat(parties.alice().decrypt(BOB, bob.encrypt(ALICE, "hello".getBytes(UTF_8))))
                .asString()
                .isEqualTo("hello");
        assertThat(bob.identities().find(ALICE)).hasValue(changed);

        in(signal -> signal.saveIdentity(BOB, first));
        assertThatThrownBy(() -> parties.alice().encrypt(BOB, new byte[1]))
                .isInstanceOf(UntrustedIdentityException.class);
        parties.alice().identities().trust(BOB, bob.identityKey());
        assertThat(bob.decrypt(ALICE, parties.alice().encrypt(BOB, "at once".getBytes(UTF_8))))
                .asString()
                .isEqualTo("at once");
        assertThat(former).isNotEqualTo(changed);
    }

    @Test
    @DisplayName(
            "can be trusted by a policy that sees all devices of a name, and trusted for all of them in one commit")
    void onePerName_newDevice_needsTheSameKey() throws Exception {
        SignalAccount wary = SignalAccount.openOrCreate(
                parties.store("alice"),
                AccountOptions.builder().trust(TrustPolicy.ONE_PER_NAME).build());
        SignalAccount carol = SignalAccount.create(parties.store("carol"));
        SignalProtocolAddress second = new SignalProtocolAddress("bob", 2);
        wary.startSession(BOB, parties.bob().newPreKeyBundle(1));

        PreKeyBundle other = carol.newPreKeyBundle(2);
        assertThatThrownBy(() -> wary.startSession(second, other)).isInstanceOf(UntrustedIdentityException.class);
        wary.startSession(new SignalProtocolAddress("bob.1", 2), other);
        wary.startSession(second, parties.bob().newPreKeyBundle(2));
        wary.encrypt(second, new byte[1]);
        parties.faults.forgetCalls();

        wary.identities().trust("bob", carol.identityKey());

        assertThat(parties.faults.count(Operation.COMMIT)).isOne();
        assertThat(wary.identities().ofName("bob")).isEqualTo(Map.of(1, carol.identityKey(), 2, carol.identityKey()));
        assertThatThrownBy(() -> wary.encrypt(BOB, new byte[1])).isInstanceOf(NoSessionException.class);
        wary.startSession(BOB, other);
        wary.encrypt(BOB, new byte[1]);
        wary.identities().trust("nobody", carol.identityKey());
        assertThat(wary.identities().ofName("nobody")).isEmpty();
    }

    @Test
    @DisplayName("have a fingerprint that is the same on both sides, and another for another identity")
    void fingerprint_bothSides_isTheSame() throws Exception {
        parties.converse();
        String aci = "9d0652a3-dcc3-4d11-975f-74d61598733f";
        SignalProtocolAddress local = new SignalProtocolAddress(aci, 1);
        SignalAccount alice = SignalAccount.open(
                parties.store("alice"),
                AccountOptions.builder().localAddress(local).build());
        SignalAccount bob = SignalAccount.open(
                parties.store("bob"), AccountOptions.builder().localAddress(BOB).build());
        bob.identities().trust(local, alice.identityKey());

        String shown = alice.identities()
                .fingerprint(BOB)
                .orElseThrow()
                .getDisplayableFingerprint()
                .getDisplayText();

        assertThat(shown).hasSize(60).containsOnlyDigits();
        assertThat(bob.identities()
                        .fingerprint(local)
                        .orElseThrow()
                        .getDisplayableFingerprint()
                        .getDisplayText())
                .isEqualTo(shown);
        assertThat(alice.identities()
                        .fingerprint(BOB, first)
                        .getDisplayableFingerprint()
                        .getDisplayText())
                .isNotEqualTo(shown);
        byte[] expected = new NumericFingerprintGenerator(5200)
                .createFor(
                        2,
                        ServiceId.parseFromString(aci).toServiceIdBinary(),
                        alice.identityKey(),
                        "bob".getBytes(UTF_8),
                        bob.identityKey())
                .getScannableFingerprint()
                .getSerialized();
        assertThat(alice.identities()
                        .fingerprint(BOB)
                        .orElseThrow()
                        .getScannableFingerprint()
                        .getSerialized())
                .isEqualTo(expected);
        assertThat(alice.identities().fingerprint(new SignalProtocolAddress("nobody", 1)))
                .isEmpty();
        assertThatThrownBy(() -> parties.alice().identities().fingerprint(BOB))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("localAddress");
    }

    private void in(Check check) {
        parties.alice().transaction(BOB, (signal, tx) -> {
            check.run(signal);
            return true;
        });
    }

    private interface Check {
        void run(KeystoreSignalProtocolStore signal);
    }
}
