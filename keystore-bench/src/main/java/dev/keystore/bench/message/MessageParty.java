package dev.keystore.bench.message;

import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.message.CiphertextMessage;
import org.signal.libsignal.protocol.state.PreKeyBundle;

/** One side of a conversation, independent of its key store. */
interface MessageParty {

    PreKeyBundle newBundle() throws Exception;

    void startSession(SignalProtocolAddress remote, PreKeyBundle bundle) throws Exception;

    CiphertextMessage encrypt(SignalProtocolAddress remote, byte[] plaintext) throws Exception;

    byte[] decrypt(SignalProtocolAddress remote, CiphertextMessage message) throws Exception;
}
