package dev.keystore.libsignal;

import dev.keystore.CorruptEntryException;
import dev.keystore.KeyTypes;
import dev.keystore.TamperedEntryException;
import dev.keystore.Transaction;
import dev.keystore.UnreadableEntryException;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
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

    /** Whether a damaged sender key counts as absent, for work that stores a new one. */
    private boolean replacesDamaged;

    /** The sender keys that were loaded, and so are not new when they are stored. */
    private final Set<String> loaded = new HashSet<>();

    SenderKeys(Transaction tx) {
        this.tx = tx;
    }

    void replaceDamaged() {
        replacesDamaged = true;
    }

    @Override
    public void storeSenderKey(SignalProtocolAddress sender, UUID distributionId, SenderKeyRecord record) {
        String id = Ids.of(distributionId, sender);
        if (!loaded.contains(id)) {
            SessionStarts.noteStart(tx);
        }
        tx.put(KeyTypes.SENDER_KEY, id, record.serialize());
    }

    @Override
    public @Nullable SenderKeyRecord loadSenderKey(SignalProtocolAddress sender, UUID distributionId) {
        String id = Ids.of(distributionId, sender);
        try {
            byte[] senderKey = tx.find(KeyTypes.SENDER_KEY, id).orElse(null);
            if (senderKey == null) {
                return null;
            }
            SenderKeyRecord record = read(id, senderKey);
            loaded.add(id);
            return record;
        } catch (CorruptEntryException | TamperedEntryException e) {
            if (replacesDamaged) {
                return null;
            }
            throw e;
        }
    }

    private SenderKeyRecord read(String id, byte[] senderKey) {
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
