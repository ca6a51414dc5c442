package dev.keystore.bench.message;

import dev.keystore.SignalKeyStore;
import dev.keystore.libsignal.SignalAccount;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.state.PreKeyBundle;

/** A party whose encryptions and decryptions are transactions of a store. */
record KeystoreParty(SignalAccount account) implements MessageParty {

    static KeystoreParty of(SignalKeyStore store) {
        return new KeystoreParty(SignalAccount.create(store));
    }

    @Override
    public PreKeyBundle newBundle() {
        return account.newPreKeyBundle(1);
    }

    @Override
    public void startSession(SignalProtocolAddress remote, PreKeyBundle bundle) throws Exception {
        account.startSession(remote, bundle);
    }

    @Override
    public CiphertextMessage encrypt(SignalProtocolAddress remote, byte[] plaintext) throws Exception {
        return account.encrypt(remote, plaintext);
    }

    @Override
    public byte[] decrypt(SignalProtocolAddress remote, CiphertextMessage message) throws Exception {
        return account.decrypt(remote, message);
    }
}
