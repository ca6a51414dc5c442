package dev.keystore.libsignal.example;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.libsignal.AccountOptions;
import dev.keystore.libsignal.IdentityStatus;
import dev.keystore.libsignal.KnownIdentities;
import dev.keystore.libsignal.SignalAccount;
import dev.keystore.libsignal.StoredSession;
import dev.keystore.libsignal.TrustPolicy;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.protocol.IdentityKey;
import org.signal.libsignal.protocol.IdentityKeyPair;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.UntrustedIdentityException;
import org.signal.libsignal.protocol.fingerprint.Fingerprint;
import org.signal.libsignal.protocol.state.IdentityKeyStore.Direction;
import org.signal.libsignal.protocol.state.PreKeyBundle;

@DisplayName("The example of contacts")
class ContactExamplesTest extends Example {

    private final SignalProtocolAddress tablet = new SignalProtocolAddress("bob", 2);
    private SignalAccount account;

    @BeforeEach
    void startSessions() throws Exception {
        account = account(aliceAddress);
        account.startSession(bobAddress, account(bobAddress).newPreKeyBundle(1));
        account.startSession(tablet, account(bobAddress).newPreKeyBundle(2));
        account.startSession(carolAddress, account(carolAddress).newPreKeyBundle(1));
    }

    @Test
    @DisplayName("lists, archives and deletes sessions")
    void sessions() {
        Instant lastYear = Instant.now().minus(Duration.ofDays(365));

        for (StoredSession session : account.sessions().list()) {
            boolean isOld = session.start() != null && session.start().isBefore(lastYear);
            if (session.state() == StoredSession.State.DAMAGED || isOld) {
                account.sessions().delete(session.address());
            }
        }
        account.sessions().archive(bobAddress);

        assertThat(account.sessions().list("bob"))
                .extracting(StoredSession::state)
                .containsExactly(StoredSession.State.ARCHIVED, StoredSession.State.ACTIVE);
        assertThat(account.sessions().list()).allMatch(session -> session.bytes() > 0);
        assertThat(account.sessions().archiveAll("bob")).isEqualTo(2);
        assertThat(account.sessions().archiveAll()).isEqualTo(3);
        assertThat(account.sessions().deleteAll("bob")).isEqualTo(2);
    }

    @Test
    @DisplayName("moves what is stored for a user to another name")
    void moveUser() {
        account.sessions().moveUser("bob", "bob@lid");
        account.sessions().moveUsers(Map.of("carol", "carol@lid", "dave", "dave@lid"));

        assertThat(account.sessions().list("bob@lid")).hasSize(2);
        assertThat(account.sessions().list("carol@lid")).hasSize(1);
    }

    @Test
    @DisplayName("compares fingerprints before it trusts a changed identity")
    void trust() throws Exception {
        account(bobAddress).changeIdentity(IdentityKeyPair.generate(), 4711);
        PreKeyBundle bundle = account(bobAddress).newPreKeyBundle(1);
        String before = text(account.identities().fingerprint(bobAddress).orElseThrow());

        try {
            account.startSession(bobAddress, bundle);
        } catch (UntrustedIdentityException e) {
            Fingerprint shown = account.identities().fingerprint(bobAddress, bundle.getIdentityKey());
            if (confirms(text(shown))) {
                account.identities().trust(bobAddress, bundle.getIdentityKey());
                account.startSession(bobAddress, bundle);
            }
        }

        String after = text(account.identities().fingerprint(bobAddress).orElseThrow());
        assertThat(after).isNotEqualTo(before);
        assertThat(account.identities().find(bobAddress)).hasValue(bundle.getIdentityKey());
        assertThat(account.identities().ofName("bob")).containsOnlyKeys(1, 2);
        account.identities().trust("bob", bundle.getIdentityKey());
        assertThat(account.identities().ofName("bob")).containsEntry(2, bundle.getIdentityKey());
    }

    private static String text(Fingerprint fingerprint) {
        return fingerprint.getDisplayableFingerprint().getDisplayText();
    }

    /** Asks the user to compare. */
    private static boolean confirms(String shown) {
        return shown.length() == 60;
    }

    /** Trusts a new device only if its identity is that of device 1. */
    private static final class SameAsDeviceOne implements TrustPolicy {

        @Override
        public boolean isTrusted(
                SignalProtocolAddress address, IdentityKey known, IdentityKey offered, Direction direction) {
            return known == null || known.equals(offered);
        }

        @Override
        public boolean isTrustedAmong(
                SignalProtocolAddress address, IdentityKey offered, Direction direction, KnownIdentities known) {
            IdentityKey first = known.ofName(address.getName()).get(1);
            return isTrusted(address, known.of(address), offered, direction)
                    && (first == null || first.equals(offered));
        }
    }

    @Test
    @DisplayName("are trusted by policies of the application")
    void policies() throws Exception {
        TrustPolicy whenReceiving = (address, known, offered, direction) -> direction == Direction.RECEIVING;
        SignalAccount wary = SignalAccount.openOrCreate(
                database.forContext("dave"),
                AccountOptions.builder().trust(whenReceiving).build());
        SignalAccount strict = SignalAccount.openOrCreate(
                database.forContext("erin"),
                AccountOptions.builder().trust(new SameAsDeviceOne()).build());
        PreKeyBundle bundle = account(bobAddress).newPreKeyBundle(1);
        PreKeyBundle other = account(carolAddress).newPreKeyBundle(2);

        assertThatThrownBy(() -> wary.startSession(bobAddress, bundle)).isInstanceOf(UntrustedIdentityException.class);
        assertThat(strict.startSession(bobAddress, bundle)).isEqualTo(IdentityStatus.NEW);
        assertThatThrownBy(() -> strict.startSession(tablet, other)).isInstanceOf(UntrustedIdentityException.class);
    }
}
