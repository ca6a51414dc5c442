package dev.keystore.libsignal;

import dev.keystore.KeyTypes;
import dev.keystore.Transaction;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.stream.Stream;
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

    Sessions(Transaction tx) {
        this.tx = tx;
    }

    @Override
    public @Nullable SessionRecord loadSession(SignalProtocolAddress address) {
        String id = Ids.of(address);
        byte[] session = tx.find(KeyTypes.SESSION, id).orElse(null);
        return session == null ? null : read(id, session);
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
        return devices(name).stream().filter(device -> device != PRIMARY_DEVICE).toList();
    }

    @Override
    public void storeSession(SignalProtocolAddress address, SessionRecord record) {
        tx.put(KeyTypes.SESSION, Ids.of(address), record.serialize());
    }

    @Override
    public boolean containsSession(SignalProtocolAddress address) {
        return tx.find(KeyTypes.SESSION, Ids.of(address)).isPresent();
    }

    @Override
    public void deleteSession(SignalProtocolAddress address) {
        tx.delete(KeyTypes.SESSION, Ids.of(address));
    }

    @Override
    public void deleteAllSessions(String name) {
        devices(name).forEach(device -> tx.delete(KeyTypes.SESSION, Ids.devicesOf(name) + device));
    }

    private List<Integer> devices(String name) {
        try (Stream<String> ids = tx.ids(KeyTypes.SESSION, Ids.devicesOf(name))) {
            return ids.map(id -> Ids.deviceOf(name, id))
                    .filter(OptionalInt::isPresent)
                    .map(OptionalInt::getAsInt)
                    .sorted()
                    .toList();
        }
    }

    private SessionRecord read(String id, byte[] session) {
        try {
            return new SessionRecord(session);
        } catch (InvalidMessageException | InvalidSessionException e) {
            throw Ids.unreadable(tx, KeyTypes.SESSION, id, e);
        }
    }
}
