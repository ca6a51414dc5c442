package dev.keystore.interop;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.UUID;
import org.signal.libsignal.protocol.IdentityKey;
import org.signal.libsignal.protocol.IdentityKeyPair;
import org.signal.libsignal.protocol.SessionCipher;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.ecc.ECPrivateKey;
import org.signal.libsignal.protocol.ecc.ECPublicKey;
import org.signal.libsignal.protocol.groups.GroupCipher;
import org.signal.libsignal.protocol.groups.state.SenderKeyRecord;
import org.signal.libsignal.protocol.message.PreKeySignalMessage;
import org.signal.libsignal.protocol.message.SignalMessage;
import org.signal.libsignal.protocol.state.SessionRecord;
import org.signal.libsignal.protocol.state.impl.InMemorySignalProtocolStore;

/** One side of a conversation in libsignal-client, which continues with records that were converted. */
final class Party {

    /** Any distribution id: records do not hold it. */
    static final UUID GROUP = UUID.nameUUIDFromBytes("120363000000000001@g.us".getBytes(UTF_8));

    private final InMemorySignalProtocolStore store;
    private final SignalProtocolAddress peer;

    /** Takes the identity from credentials of Baileys, and a session in the form of libsignal. */
    Party(JsonNode credentials, String peer, byte[] session) throws Exception {
        this.peer = new SignalProtocolAddress(peer, 7);
        JsonNode identity = credentials.get("signedIdentityKey");
        byte[] publicKey = Curve.withType(Buffers.read(identity.get("public")));
        ECPrivateKey privateKey = new ECPrivateKey(Buffers.read(identity.get("private")));
        store = new InMemorySignalProtocolStore(
                new IdentityKeyPair(new IdentityKey(new ECPublicKey(publicKey)), privateKey),
                credentials.get("registrationId").intValue());
        load(session);
    }

    void load(byte[] session) throws Exception {
        store.storeSession(peer, new SessionRecord(session));
    }

    byte[] session() {
        return store.loadSession(peer).serialize();
    }

    byte[] encrypt(String text) throws Exception {
        return new SessionCipher(store, peer).encrypt(text.getBytes(UTF_8)).serialize();
    }

    String decrypt(byte[] message) throws Exception {
        return new String(new SessionCipher(store, peer).decrypt(new SignalMessage(message)), UTF_8);
    }

    String decryptFirst(byte[] message) throws Exception {
        return new String(new SessionCipher(store, peer).decrypt(new PreKeySignalMessage(message)), UTF_8);
    }

    void loadSenderKey(SignalProtocolAddress sender, byte[] record) throws Exception {
        store.storeSenderKey(sender, GROUP, new SenderKeyRecord(record));
    }

    byte[] senderKey(SignalProtocolAddress sender) {
        return store.loadSenderKey(sender, GROUP).serialize();
    }

    byte[] encryptToGroup(SignalProtocolAddress sender, String text) throws Exception {
        return new GroupCipher(store, sender)
                .encrypt(GROUP, text.getBytes(UTF_8))
                .serialize();
    }

    String decryptFromGroup(SignalProtocolAddress sender, byte[] message) throws Exception {
        return new String(new GroupCipher(store, sender).decrypt(message), UTF_8);
    }
}
