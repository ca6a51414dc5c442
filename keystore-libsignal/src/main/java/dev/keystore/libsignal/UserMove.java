package dev.keystore.libsignal;

import dev.keystore.EntryExistsException;
import dev.keystore.EntryId;
import dev.keystore.KeyOperations.OnExisting;
import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import dev.keystore.KeyTypes;
import dev.keystore.Transaction;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.signal.libsignal.protocol.SignalProtocolAddress;

/** Moves what is stored for one user to another name, within one transaction. */
final class UserMove {

    private final String from;
    private final String to;
    private final List<EntryIds.SenderKeyId> senderKeys;

    UserMove(String from, String to, List<EntryIds.SenderKeyId> senderKeys) {
        this.from = from;
        this.to = to;
        this.senderKeys = senderKeys;
    }

    /** Returns the lock keys of all devices and sender keys of both names. */
    Set<String> lockKeys(KeyReader keys) {
        Set<String> lockKeys = new HashSet<>();
        Set<Integer> devices = devices(keys);
        senderKeys.forEach(key -> devices.add(key.sender().getDeviceId()));
        devices.add(1);
        for (int device : devices) {
            lockKeys.add(LockKeys.ofDevice(of(from, device)));
            lockKeys.add(LockKeys.ofDevice(of(to, device)));
        }
        for (EntryIds.SenderKeyId key : senderKeys) {
            lockKeys.add(LockKeys.ofSenderKey(key.distributionId(), key.sender()));
            lockKeys.add(LockKeys.ofSenderKey(
                    key.distributionId(), of(to, key.sender().getDeviceId())));
        }
        return lockKeys;
    }

    /** Moves the entries and returns how many were moved. */
    int run(Transaction tx) {
        SessionStarts.conflictWithStarts(tx);
        int moved = 0;
        for (int device : devices(tx)) {
            moved += moveDevice(tx, Ids.of(of(from, device)), Ids.of(of(to, device)));
        }
        for (EntryIds.SenderKeyId key : senderKeys) {
            UUID group = key.distributionId();
            SignalProtocolAddress target = of(to, key.sender().getDeviceId());
            moved += move(
                    tx, KeyTypes.SENDER_KEY, Ids.of(group, key.sender()), Ids.of(group, target), OnExisting.REFUSE);
        }
        moved += move(tx, KeyTypes.DEVICE_LIST, from, to, OnExisting.REFUSE);
        map(tx, from, to);
        map(tx, to, from);
        return moved;
    }

    private static int moveDevice(Transaction tx, String source, String target) {
        Optional<Instant> former = SessionStarts.find(tx, target);
        Optional<Instant> moving = SessionStarts.find(tx, source);
        boolean isOlder =
                former.isPresent() && moving.isPresent() && former.get().isBefore(moving.get());
        OnExisting onExisting = isOlder ? OnExisting.REPLACE : OnExisting.REFUSE;
        int moved = move(tx, KeyTypes.SESSION, source, target, onExisting);
        if (moved > 0) {
            SessionStarts.noteStart(tx);
        }
        move(tx, SessionStarts.TYPE, source, target, OnExisting.REPLACE);
        return moved + move(tx, KeyTypes.IDENTITY_KEY, source, target, onExisting);
    }

    private static <V> int move(Transaction tx, KeyType<V> type, String source, String target, OnExisting onExisting) {
        Optional<V> moving = tx.find(type, source);
        if (moving.isEmpty()) {
            return 0;
        }
        if (tx.find(type, target)
                .filter(found -> isEqual(type, found, moving.get()))
                .isPresent()) {
            tx.delete(type, source);
            return 0;
        }
        return tx.move(type, source, target, onExisting) ? 1 : 0;
    }

    private static <V> boolean isEqual(KeyType<V> type, V first, V second) {
        return Arrays.equals(type.codec().encode(first), type.codec().encode(second));
    }

    private static void map(Transaction tx, String name, String mapped) {
        Optional<String> found = tx.find(KeyTypes.LID_MAPPING, name);
        if (found.isEmpty()) {
            tx.put(KeyTypes.LID_MAPPING, name, mapped);
        } else if (!found.get().equals(mapped)) {
            throw new EntryExistsException(tx.context(), new EntryId(KeyTypes.LID_MAPPING.name(), name));
        }
    }

    /** Returns the devices of the former name that have a session or an identity key. */
    private Set<Integer> devices(KeyReader keys) {
        Set<Integer> devices = new TreeSet<>();
        devices.addAll(Ids.devices(keys, KeyTypes.SESSION, from));
        devices.addAll(Ids.devices(keys, KeyTypes.IDENTITY_KEY, from));
        return devices;
    }

    private static SignalProtocolAddress of(String name, int device) {
        return new SignalProtocolAddress(name, device);
    }
}
