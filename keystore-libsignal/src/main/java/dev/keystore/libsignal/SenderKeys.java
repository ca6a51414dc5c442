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
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.groups.state.SenderKeyRecord;
import org.signal.libsignal.protocol.groups.state.SenderKeyStore;

/** Sender keys, stored under the id {@code distributionId:name.deviceId}. */
final class SenderKeys implements SenderKeyStore {

    private final Transaction tx;
    private final RatchetRecords<SenderKeyRecord> records;

    SenderKeys(Transaction tx) {
        this.tx = tx;
        this.records = new RatchetRecords<>(tx, KeyTypes.SENDER_KEY, SenderKeyRecord::new);
    }

    void replaceDamaged() {
        records.replaceDamaged();
    }

    @Override
    public void storeSenderKey(SignalProtocolAddress sender, UUID distributionId, SenderKeyRecord record) {
        String id = Ids.of(distributionId, sender);
        if (!records.isLoaded(id)) {
            SessionStarts.noteStart(tx);
        }
        tx.put(KeyTypes.SENDER_KEY, id, record.serialize());
    }

    @Override
    public @Nullable SenderKeyRecord loadSenderKey(SignalProtocolAddress sender, UUID distributionId) {
        return records.load(Ids.of(distributionId, sender));
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
