package dev.keystore.libsignal;

import dev.keystore.KeyTypes;
import dev.keystore.Transaction;
import dev.keystore.UnreadableEntryException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
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

    /**
     * Forgets that a device has sender keys of this account, because it has another identity now. A memory that cannot
     * be read is deleted: all devices of its group then receive the sender key again.
     */
    void forget(SignalProtocolAddress device) {
        String id = Ids.of(device);
        for (String group : groups()) {
            try {
                Map<String, Boolean> memory = new LinkedHashMap<>(
                        tx.find(KeyTypes.SENDER_KEY_MEMORY, group).orElse(Map.of()));
                if (memory.remove(id) != null) {
                    tx.put(KeyTypes.SENDER_KEY_MEMORY, group, memory);
                }
            } catch (UnreadableEntryException e) {
                tx.delete(KeyTypes.SENDER_KEY_MEMORY, group);
            }
        }
    }

    private List<String> groups() {
        try (Stream<String> ids = tx.ids(KeyTypes.SENDER_KEY_MEMORY, "")) {
            return ids.toList();
        }
    }
}
