package dev.keystore.libsignal;

import static dev.keystore.libsignal.TwoParties.ALICE;
import static dev.keystore.libsignal.TwoParties.BOB;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyTypes;
import dev.keystore.testkit.Call.Operation;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.IdentityKey;
import org.signal.libsignal.protocol.IdentityKeyPair;
import org.signal.libsignal.protocol.UntrustedIdentityException;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.state.IdentityKeyStore.Direction;
import org.signal.libsignal.protocol.state.IdentityKeyStore.IdentityChange;

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
