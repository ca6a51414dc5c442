package dev.keystore.libsignal;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.keystore.KeyTypes;
import dev.keystore.TransactionOptions;
import dev.keystore.testkit.Call.Operation;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import org.junit.jupiter.api.DisplayName;
import org.junit.jupiter.api.Test;
import org.signal.libsignal.metadata.SealedSessionCipher;
import org.signal.libsignal.metadata.certificate.CertificateValidator;
import org.signal.libsignal.metadata.certificate.SenderCertificate;
import org.signal.libsignal.metadata.certificate.ServerCertificate;
import org.signal.libsignal.metadata.protocol.UnidentifiedSenderMessageContent;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.ecc.ECKeyPair;
import org.signal.libsignal.protocol.groups.GroupCipher;
import org.signal.libsignal.protocol.groups.GroupSessionBuilder;
import org.signal.libsignal.protocol.message.SenderKeyDistributionMessage;

@DisplayName("Sealed senders")
class SealedSenderTest extends LibsignalTest {

    private static final String NAME = "9d0652a3-dcc3-4d11-975f-74d61598733f";
    private static final SignalProtocolAddress ALICE = new SignalProtocolAddress(NAME, 1);
    private static final SignalProtocolAddress BOB =
            new SignalProtocolAddress("6838237d-02f6-4098-b110-698253d15961", 1);
    private static final SignalProtocolAddress CAROL =
            new SignalProtocolAddress("3f0f4734-e331-4434-bd4f-6d8f6ea6dcc7", 1);
    private static final long EXPIRES = 31_337;

    private final ECKeyPair trustRoot = ECKeyPair.generate();
    private final ECKeyPair serverKey = ECKeyPair.generate();
    private IdentityStatus status;

    private SignalAccount account(SignalProtocolAddress address) {
        return SignalAccount.openOrCreate(
                parties.store(address.getName()),
                AccountOptions.builder().localAddress(address).build());
    }

    private SenderCertificate certificate() {
        return new ServerCertificate(trustRoot.getPrivateKey(), 1, serverKey.getPublicKey())
                .issue(
                        serverKey.getPrivateKey(),
                        NAME,
                        Optional.empty(),
                        1,
                        account(ALICE).identityKey().getPublicKey(),
                        EXPIRES);
    }

    private static SealedSessionCipher cipher(KeystoreSignalProtocolStore signal, SignalProtocolAddress local) {
        return new SealedSessionCipher(signal, UUID.fromString(local.getName()), null, local.getDeviceId());
    }

    /** The sender is not known before the message is decrypted, so the lock is that of the receiver's own device. */
    private SealedSessionCipher.DecryptionResult decrypt(SignalProtocolAddress to, byte[] message) throws Exception {
        return account(to).transaction(to, TransactionOptions.retryOnConflict(5), (signal, tx) -> {
            signal.replaceDamagedSessions();
            SealedSessionCipher.DecryptionResult result = cipher(signal, to)
                    .decrypt(new CertificateValidator(trustRoot.getPublicKey()), message, EXPIRES - 1);
            status = signal.identityStatus();
            return result;
        });
    }

    @Test
    @DisplayName("R10 send and receive a message in one commit each; the example")
    void encrypt_oneRecipient_isOneCommit() throws Exception {
        SenderCertificate certificate = certificate();
        account(ALICE).startSession(BOB, account(BOB).newPreKeyBundle(1));
        SignalAccount alice = account(ALICE);
        parties.faults.forgetCalls();

        byte[] message = alice.transaction(
                BOB, (signal, tx) -> cipher(signal, ALICE).encrypt(BOB, certificate, "hello".getBytes(UTF_8)));
        SealedSessionCipher.DecryptionResult received = decrypt(BOB, message);

        assertThat(parties.faults.count(Operation.COMMIT)).isEqualTo(2);
        assertThat(received.getPaddedMessage()).asString().isEqualTo("hello");
        assertThat(received.getSenderUuid()).isEqualTo(NAME);
        assertThat(status).isEqualTo(IdentityStatus.NEW);
        decrypt(BOB, sealed(certificate, "next"));
        assertThat(status).isEqualTo(IdentityStatus.UNCHANGED);
        assertThatThrownBy(() -> decrypt(BOB, message)).hasMessageContaining("old counter");
    }

    @Test
    @DisplayName("R43 replace a damaged session with that of a first message, and with nothing else")
    void decrypt_damagedSession_isReplacedByFirstMessage() throws Exception {
        SenderCertificate certificate = certificate();
        SignalAccount alice = account(ALICE);
        alice.startSession(BOB, account(BOB).newPreKeyBundle(1));
        byte[] first = sealed(certificate, "first");
        decrypt(BOB, first);
        account(BOB).encrypt(ALICE, new byte[1]);
        alice.decrypt(BOB, account(BOB).encrypt(ALICE, new byte[1]));
        byte[] later = sealed(certificate, "later");
        parties.damage(BOB.getName(), KeyTypes.SESSION, EntryIds.of(ALICE));
        assertThatThrownBy(() -> decrypt(BOB, later)).hasMessageContaining("session");
        assertThat(parties.store(BOB.getName()).verify()).hasSize(1);

        account(ALICE).startSession(BOB, account(BOB).newPreKeyBundle(1));
        byte[] message = sealed(certificate, "new session");

        assertThat(decrypt(BOB, message).getPaddedMessage()).asString().isEqualTo("new session");
        assertThat(parties.store(BOB.getName()).verify()).isEmpty();
        assertThat(account(BOB).encrypt(ALICE, new byte[1])).isNotNull();
    }

    private byte[] sealed(SenderCertificate certificate, String text) throws Exception {
        return account(ALICE)
                .transaction(
                        BOB, (signal, tx) -> cipher(signal, ALICE).encrypt(BOB, certificate, text.getBytes(UTF_8)));
    }

    @Test
    @DisplayName("R10 R25 send one message to several devices in one commit, and each device reads its part in one")
    void encrypt_manyRecipients_isOneCommit() throws Exception {
        SenderCertificate certificate = certificate();
        UUID group = UUID.randomUUID();
        List<SignalProtocolAddress> members = List.of(BOB, CAROL);
        SignalAccount alice = account(ALICE);
        byte[] senderKey = alice.transaction(
                group,
                ALICE,
                (signal, tx) ->
                        new GroupSessionBuilder(signal).create(ALICE, group).serialize());
        for (SignalProtocolAddress member : members) {
            alice.startSession(member, account(member).newPreKeyBundle(1));
            byte[] hello = alice.transaction(
                    member, (signal, tx) -> cipher(signal, ALICE).encrypt(member, certificate, new byte[] {1}));
            decrypt(member, hello);
            account(member).transaction(group, ALICE, (signal, tx) -> {
                new GroupSessionBuilder(signal).process(ALICE, new SenderKeyDistributionMessage(senderKey));
                return true;
            });
        }
        parties.faults.forgetCalls();

        byte[] message = alice.transaction(members, TransactionOptions.DEFAULT, (signal, tx) -> {
            var toGroup = new GroupCipher(signal, ALICE).encrypt(group, "to all".getBytes(UTF_8));
            return cipher(signal, ALICE)
                    .multiRecipientEncrypt(
                            members,
                            new UnidentifiedSenderMessageContent(
                                    toGroup,
                                    certificate,
                                    UnidentifiedSenderMessageContent.CONTENT_HINT_IMPLICIT,
                                    Optional.of(new byte[] {7})));
        });

        assertThat(parties.faults.count(Operation.COMMIT)).isOne();
        Map<String, byte[]> split = split(message);
        assertThat(split).containsOnlyKeys(BOB.getName(), CAROL.getName());
        parties.reopen();
        for (SignalProtocolAddress member : members) {
            parties.faults.forgetCalls();
            SealedSessionCipher.DecryptionResult received = decrypt(member, split.get(member.getName()));
            assertThat(parties.faults.count(Operation.COMMIT)).isOne();
            assertThat(received.getPaddedMessage()).asString().isEqualTo("to all");
            assertThat(received.getSenderUuid()).isEqualTo(NAME);
            assertThat(received.getGroupId()).hasValue(new byte[] {7});
            assertThatThrownBy(() -> decrypt(member, split.get(member.getName())))
                    .hasMessageContaining("old counter");
        }
        assertThatThrownBy(() -> decrypt(CAROL, split.get(BOB.getName()))).hasMessageContaining("essage");
        assertThatThrownBy(
                        () -> account(ALICE).transaction(List.of(), TransactionOptions.DEFAULT, (signal, tx) -> true))
                .isInstanceOf(IllegalArgumentException.class);
    }

    /**
     * Splits a message to many as the server does, into what each recipient gets, by name. The message has a version,
     * the number of recipients, for each its service id, its devices with their registration ids and 48 bytes, and then
     * what is the same for all.
     */
    private static Map<String, byte[]> split(byte[] message) {
        ByteBuffer all = ByteBuffer.wrap(message);
        assertThat(all.get()).isEqualTo((byte) 0x23);
        int recipients = all.get();
        Map<String, byte[]> parts = new LinkedHashMap<>();
        for (int i = 0; i < recipients; i++) {
            assertThat(all.get()).as("kind of service id: ACI").isZero();
            String name = new UUID(all.getLong(), all.getLong()).toString();
            assertThat(all.get()).as("device").isOne();
            assertThat(all.getShort()).as("registration id of the only device").isPositive();
            byte[] part = new byte[48];
            all.get(part);
            parts.put(name, part);
        }
        byte[] shared = new byte[all.remaining()];
        all.get(shared);
        parts.replaceAll((name, part) -> ByteBuffer.allocate(1 + part.length + shared.length)
                .put((byte) 0x22)
                .put(part)
                .put(shared)
                .array());
        return parts;
    }
}
