package dev.keystore.libsignal;

import dev.keystore.CorruptEntryException;
import dev.keystore.KeyTypes;
import dev.keystore.TamperedEntryException;
import dev.keystore.Transaction;
import dev.keystore.UnreadableEntryException;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.signal.libsignal.protocol.InvalidMessageException;
import org.signal.libsignal.protocol.InvalidSessionException;
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

    /** Whether a damaged session counts as absent, for work that starts a new one. */
    private boolean replacesDamaged;

    /** The sessions that were loaded, so that each message does not read its session again when it stores it. */
    private final Set<String> loaded = new HashSet<>();

    Sessions(Transaction tx, InstantSource clock) {
        this.tx = tx;
        this.clock = clock;
    }

    void replaceDamaged() {
        replacesDamaged = true;
    }

    @Override
    public @Nullable SessionRecord loadSession(SignalProtocolAddress address) {
        String id = Ids.of(address);
        try {
            byte[] session = tx.find(KeyTypes.SESSION, id).orElse(null);
            if (session == null) {
                return null;
            }
            SessionRecord record = read(id, session);
            loaded.add(id);
            return record;
        } catch (CorruptEntryException | TamperedEntryException e) {
            if (replacesDamaged) {
                return null;
            }
            throw e;
        }
    }

    @Override
    public List<SessionRecord> loadExistingSessions(List<SignalProtocolAddress> addresses) throws NoSessionException {
        Map<String, byte[]> sessions =
                tx.get(KeyTypes.SESSION, addresses.stream().map(Ids::of).toList());
        List<SessionRecord> records = new ArrayList<>(addresses.size());
        for (SignalProtocolAddress address : addresses) {
            byte[] session = sessions.get(Ids.of(address));
            if (session == null) {
                throw new NoSessionException(address, "no session with " + address + Ids.inContext(tx));
            }
            records.add(read(Ids.of(address), session));
        }
        return records;
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
        if (!loaded.contains(id) && !exists(id)) {
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
        loaded.remove(id);
        tx.delete(KeyTypes.SESSION, id);
        tx.delete(SessionStarts.TYPE, id);
    }

    private SessionRecord read(String id, byte[] session) {
        try {
            return new SessionRecord(session);
        } catch (InvalidMessageException | InvalidSessionException e) {
            throw Ids.unreadable(tx, KeyTypes.SESSION, id, e);
        }
    }
}
