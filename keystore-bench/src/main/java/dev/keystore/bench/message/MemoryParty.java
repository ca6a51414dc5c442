package dev.keystore.bench.message;

import dev.keystore.bench.commit.RecordLog;
import org.signal.libsignal.protocol.IdentityKeyPair;
import org.signal.libsignal.protocol.SessionBuilder;
import org.signal.libsignal.protocol.SessionCipher;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.ecc.ECKeyPair;
import org.signal.libsignal.protocol.kem.KEMKeyPair;
import org.signal.libsignal.protocol.kem.KEMKeyType;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.message.PreKeySignalMessage;
import org.signal.libsignal.protocol.message.SignalMessage;
import org.signal.libsignal.protocol.state.KyberPreKeyRecord;
import org.signal.libsignal.protocol.state.PreKeyBundle;
import org.signal.libsignal.protocol.state.PreKeyRecord;
import org.signal.libsignal.protocol.state.SessionRecord;
import org.signal.libsignal.protocol.state.SignedPreKeyRecord;
import org.signal.libsignal.protocol.state.impl.InMemorySignalProtocolStore;

/** A party on libsignal's in-memory store, which is not transactional, and durable only if its sessions are logged. */
record MemoryParty(InMemorySignalProtocolStore store) implements MessageParty {

    private static final int REGISTRATION_ID = 1;

    static MemoryParty create() {
        return new MemoryParty(new InMemorySignalProtocolStore(IdentityKeyPair.generate(), REGISTRATION_ID));
    }

    static MemoryParty logging(String context, RecordLog log) {
        return new MemoryParty(new LoggedStore(context, log));
    }

    /** A store that writes each session durably as well. */
    private static final class LoggedStore extends InMemorySignalProtocolStore {

        private final String context;
        private final RecordLog log;

        LoggedStore(String context, RecordLog log) {
            super(IdentityKeyPair.generate(), REGISTRATION_ID);
            this.context = context;
            this.log = log;
        }

        @Override
        public void storeSession(SignalProtocolAddress address, SessionRecord session) {
            super.storeSession(address, session);
            try {
                log.write(context, address.toString(), session.serialize());
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        }
    }

    @Override
    public PreKeyBundle newBundle() throws Exception {
        ECKeyPair preKey = ECKeyPair.generate();
        ECKeyPair signedPreKey = ECKeyPair.generate();
        KEMKeyPair kyberPreKey = KEMKeyPair.generate(KEMKeyType.KYBER_1024);
        byte[] signature = sign(signedPreKey.getPublicKey().serialize());
        byte[] kyberSignature = sign(kyberPreKey.getPublicKey().serialize());
        store.storePreKey(1, new PreKeyRecord(1, preKey));
        store.storeSignedPreKey(1, new SignedPreKeyRecord(1, 0, signedPreKey, signature));
        store.storeKyberPreKey(1, new KyberPreKeyRecord(1, 0, kyberPreKey, kyberSignature));
        return new PreKeyBundle(
                REGISTRATION_ID,
                1,
                1,
                preKey.getPublicKey(),
                1,
                signedPreKey.getPublicKey(),
                signature,
                store.getIdentityKeyPair().getPublicKey(),
                1,
                kyberPreKey.getPublicKey(),
                kyberSignature);
    }

    private byte[] sign(byte[] publicKey) {
        return store.getIdentityKeyPair().getPrivateKey().calculateSignature(publicKey);
    }

    @Override
    public void startSession(SignalProtocolAddress remote, PreKeyBundle bundle) throws Exception {
        new SessionBuilder(store, remote).process(bundle);
    }

    @Override
    public CiphertextMessage encrypt(SignalProtocolAddress remote, byte[] plaintext) throws Exception {
        return new SessionCipher(store, remote).encrypt(plaintext);
    }

    @Override
    public byte[] decrypt(SignalProtocolAddress remote, CiphertextMessage message) throws Exception {
        SessionCipher cipher = new SessionCipher(store, remote);
        return message instanceof PreKeySignalMessage first
                ? cipher.decrypt(first)
                : cipher.decrypt((SignalMessage) message);
    }
}
