package dev.keystore.libsignal;

import dev.keystore.KeyTypes;
import dev.keystore.Transaction;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.signal.libsignal.protocol.InvalidMessageException;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.groups.InvalidSenderKeySessionException;
import org.signal.libsignal.protocol.groups.state.SenderKeyRecord;
import org.signal.libsignal.protocol.groups.state.SenderKeyStore;

/** Sender keys, stored under the id {@code distributionId:name.deviceId}. */
final class SenderKeys implements SenderKeyStore {

    private final Transaction tx;

    SenderKeys(Transaction tx) {
        this.tx = tx;
    }

    @Override
    public void storeSenderKey(SignalProtocolAddress sender, UUID distributionId, SenderKeyRecord record) {
        tx.put(KeyTypes.SENDER_KEY, Ids.of(distributionId, sender), record.serialize());
    }

    @Override
    public @Nullable SenderKeyRecord loadSenderKey(SignalProtocolAddress sender, UUID distributionId) {
        String id = Ids.of(distributionId, sender);
        byte[] senderKey = tx.find(KeyTypes.SENDER_KEY, id).orElse(null);
        if (senderKey == null) {
            return null;
        }
        try {
            return new SenderKeyRecord(senderKey);
        } catch (InvalidMessageException | InvalidSenderKeySessionException e) {
            throw Ids.unreadable(tx, KeyTypes.SENDER_KEY, id, e);
        }
    }
}
