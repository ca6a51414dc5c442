package dev.keystore.libsignal;

import dev.keystore.KeyTypes;
import dev.keystore.Transaction;
import dev.keystore.UnreadableEntryException;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.signal.libsignal.protocol.NoSessionException;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.state.SessionRecord;
import org.signal.libsignal.protocol.state.SessionStore;

/** Sessions, one for each remote device, stored under the id {@code name.deviceId}. */
final class Sessions implements SessionStore {

    /** The primary device of a name, which is not one of its sub-devices. */
    private static final int PRIMARY_DEVICE = 1;

    private final Transaction tx;
    private final InstantSource clock;

    private final RatchetRecords<SessionRecord> records;

    Sessions(Transaction tx, InstantSource clock) {
        this.tx = tx;
        this.clock = clock;
        this.records = new RatchetRecords<>(tx, KeyTypes.SESSION, SessionRecord::new);
    }

    void replaceDamaged() {
        records.replaceDamaged();
    }

    @Override
    public @Nullable SessionRecord loadSession(SignalProtocolAddress address) {
        return records.load(Ids.of(address));
    }

    @Override
    public List<SessionRecord> loadExistingSessions(List<SignalProtocolAddress> addresses) throws NoSessionException {
        Map<String, byte[]> sessions =
                tx.get(KeyTypes.SESSION, addresses.stream().map(Ids::of).toList());
        List<SessionRecord> found = new ArrayList<>(addresses.size());
        for (SignalProtocolAddress address : addresses) {
            byte[] session = sessions.get(Ids.of(address));
            if (session == null) {
                throw new NoSessionException(address, "no session with " + address + Ids.inContext(tx));
            }
            found.add(records.parse(Ids.of(address), session));
        }
        return found;
    }

    @Override
    public List<Integer> getSubDeviceSessions(String name) {
        return Ids.devices(tx, KeyTypes.SESSION, name).stream()
                .filter(device -> device != PRIMARY_DEVICE)
                .toList();
    }

    @Override
    public void storeSession(SignalProtocolAddress address, SessionRecord record) {
        String id = Ids.of(address);
        if (!records.isLoaded(id) && !exists(id)) {
            SessionStarts.add(tx, id, clock.instant());
        }
        tx.put(KeyTypes.SESSION, id, record.serialize());
    }

    /** Returns whether there is a session, damaged or not. */
    boolean exists(String id) {
        try {
            return tx.find(KeyTypes.SESSION, id).isPresent();
        } catch (UnreadableEntryException e) {
            return true;
        }
    }

    @Override
    public boolean containsSession(SignalProtocolAddress address) {
        return tx.find(KeyTypes.SESSION, Ids.of(address)).isPresent();
    }

    @Override
    public void deleteSession(SignalProtocolAddress address) {
        delete(Ids.of(address));
    }

    @Override
    public void deleteAllSessions(String name) {
        Ids.devices(tx, KeyTypes.SESSION, name).forEach(device -> delete(Ids.devicesOf(name) + device));
    }

    private void delete(String id) {
        records.forget(id);
        tx.delete(KeyTypes.SESSION, id);
        tx.delete(SessionStarts.TYPE, id);
    }
}
