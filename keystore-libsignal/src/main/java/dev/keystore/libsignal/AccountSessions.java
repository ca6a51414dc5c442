package dev.keystore.libsignal;

import dev.keystore.CorruptEntryException;
import dev.keystore.EntryExistsException;
import dev.keystore.KeyTypes;
import dev.keystore.TransactionConflictException;
import dev.keystore.UnreadableEntryException;
import dev.keystore.libsignal.StoredSession.State;
import java.time.Instant;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.signal.libsignal.protocol.InvalidMessageException;
import org.signal.libsignal.protocol.SignalProtocolAddress;
import org.signal.libsignal.protocol.state.SessionRecord;

/**
 * The sessions of an account: listed, archived, deleted, and moved to another name.
 *
 * <pre>{@code
 * for (StoredSession session : account.sessions().list()) {
 *     if (session.state() == StoredSession.State.DAMAGED) {
 *         account.sessions().delete(session.address());
 *     }
 * }
 * }</pre>
 *
 * <p>Names are compared exactly: no operation on {@code bob} affects {@code bob.1} or {@code bobby}.
 */
public final class AccountSessions {

    private static final Comparator<SignalProtocolAddress> BY_NAME_AND_DEVICE =
            Comparator.comparing(SignalProtocolAddress::getName).thenComparingInt(SignalProtocolAddress::getDeviceId);

    private final AccountStore store;
    private final Messages messages;

    AccountSessions(AccountStore store, Messages messages) {
        this.store = store;
        this.messages = messages;
    }

    /**
     * Returns all sessions, sorted by name and device. Sessions that are stored during the call may be missing.
     *
     * @return the sessions
     */
    public List<StoredSession> list() {
        return describe(addresses(""));
    }

    /**
     * Returns the sessions with all devices of a name, including device 1, sorted by device.
     *
     * @param name the name
     * @return the sessions
     */
    public List<StoredSession> list(String name) {
        return describe(addressesOf(name));
    }

    /**
     * Archives the session with a device, in one commit: messages in transit can still be decrypted, and a new session
     * has to be started before the next message is encrypted.
     *
     * @param remote the address of the device
     * @return whether there was a session
     * @throws CorruptEntryException if the session is damaged; nothing was written
     */
    public boolean archive(SignalProtocolAddress remote) {
        return archiveInOneCommit(List.of(remote)) > 0;
    }

    /**
     * Archives the sessions with all devices of a name, in one commit.
     *
     * @param name the name
     * @return the number of sessions
     * @throws CorruptEntryException if one of the sessions is damaged; nothing was written
     */
    public int archiveAll(String name) {
        return archiveInOneCommit(addressesOf(name));
    }

    /**
     * Archives all sessions, each in one commit. If this method throws, it can be called again. Damaged sessions are
     * left as they are.
     *
     * @return the number of sessions
     */
    public int archiveAll() {
        return addresses("").stream().mapToInt(this::archiveUnlessDamaged).sum();
    }

    private int archiveUnlessDamaged(SignalProtocolAddress address) {
        try {
            return archiveInOneCommit(List.of(address));
        } catch (UnreadableEntryException e) {
            return 0; // no message can be encrypted in it anyway
        }
    }

    /**
     * Deletes the session with a device, damaged or not, in one commit. Messages in transit cannot be decrypted.
     *
     * @param remote the address of the device
     * @return whether there was a session
     */
    public boolean delete(SignalProtocolAddress remote) {
        return deleteInOneCommit(List.of(remote)) > 0;
    }

    /**
     * Deletes the sessions with all devices of a name, including device 1, in one commit.
     *
     * @param name the name
     * @return the number of sessions
     */
    public int deleteAll(String name) {
        return deleteInOneCommit(addressesOf(name));
    }

    /**
     * Moves what is stored for a user to another name, in one commit: the sessions and identity keys of all devices,
     * the sender keys, and the device list. {@link KeyTypes#LID_MAPPING} then holds the mapping of the names in both
     * directions.
     *
     * <p>What the new name has already is replaced only if it is known to be older: a session that began earlier, with
     * its identity key. Otherwise nothing is moved; delete the one that is obsolete and call this method again. Equal
     * entries are not moved but deleted under the former name. Sender-key memory is not changed, so devices receive the
     * sender key again under their new name.
     *
     * @param from the former name
     * @param to the new name
     * @return the number of entries that were moved; 0 if all were moved before
     * @throws EntryExistsException if the new name has an entry that may be newer, which the exception names; nothing
     *     was written
     * @throws IllegalArgumentException if the names are equal
     */
    public int moveUser(String from, String to) {
        return moveUsers(Map.of(Objects.requireNonNull(from, "from"), Objects.requireNonNull(to, "to")));
    }

    /**
     * Moves many users like {@link #moveUser}, each in one commit. If this method throws, those that were moved stay
     * so, and it can be called again with the same names.
     *
     * <p>A user that cannot be moved does not keep the others from being moved: the exception is thrown at the end,
     * with those of further users as suppressed ones. A failure of the store is thrown at once. Sender keys that are
     * received under a former name during the call are moved as well. Decrypt messages of a user that was moved under
     * the new name.
     *
     * @param names the new names by the former ones
     * @return the number of entries that were moved
     * @throws EntryExistsException if a new name has an entry that may be newer, which the exception names
     * @throws UnreadableEntryException if an entry of a user is damaged, which the exception names
     * @throws TransactionConflictException if what is stored for a user changed in each of 5 attempts to move it
     * @throws IllegalArgumentException if a new name is also a former one; nothing was written
     */
    public int moveUsers(Map<String, String> names) {
        Map<String, String> moves = new TreeMap<>(Map.copyOf(names));
        moves.forEach((from, to) -> {
            if (from.equals(to)) {
                throw new IllegalArgumentException("from and to must differ, were both \"" + from + "\"");
            }
            if (moves.containsKey(to)) {
                throw new IllegalArgumentException("a name cannot be a former and a new one, was \"" + to + "\"");
            }
        });
        Map<String, RuntimeException> failures = new LinkedHashMap<>();
        Map<String, List<EntryIds.SenderKeyId>> senderKeys = senderKeysOf(moves.keySet());
        int moved = 0;
        for (Set<String> left = moves.keySet(); !left.isEmpty(); left = senderKeys.keySet()) {
            for (Map.Entry<String, String> each : moves.entrySet()) {
                String from = each.getKey();
                if (!left.contains(from)) {
                    continue;
                }
                UserMove move = new UserMove(from, each.getValue(), senderKeys.getOrDefault(from, List.of()));
                try {
                    moved += store.transaction(move.lockKeys(store.reader()), AccountStore.RETRY, move::run);
                } catch (EntryExistsException | UnreadableEntryException | TransactionConflictException e) {
                    failures.put(from, e);
                }
            }
            Set<String> done = new HashSet<>(moves.keySet());
            done.removeAll(failures.keySet());
            senderKeys = senderKeysOf(done); // that were received meanwhile
        }
        throwFirst(failures.values());
        return moved;
    }

    private static void throwFirst(Collection<RuntimeException> failures) {
        failures.stream()
                .reduce((first, other) -> {
                    first.addSuppressed(other);
                    return first;
                })
                .ifPresent(first -> {
                    throw first;
                });
    }

    private Map<String, List<EntryIds.SenderKeyId>> senderKeysOf(Set<String> names) {
        try (Stream<String> ids = store.reader().ids(KeyTypes.SENDER_KEY, "")) {
            return ids.map(EntryIds::senderKey)
                    .flatMap(Optional::stream)
                    .filter(found -> names.contains(found.sender().getName()))
                    .collect(Collectors.groupingBy(found -> found.sender().getName()));
        }
    }

    private List<SignalProtocolAddress> addressesOf(String name) {
        return addresses(Ids.devicesOf(name)).stream()
                .filter(address -> address.getName().equals(name))
                .toList();
    }

    private List<SignalProtocolAddress> addresses(String prefix) {
        try (Stream<String> ids = store.reader().ids(KeyTypes.SESSION, prefix)) {
            return ids.map(EntryIds::address)
                    .flatMap(Optional::stream)
                    .sorted(BY_NAME_AND_DEVICE)
                    .toList();
        }
    }

    private List<StoredSession> describe(List<SignalProtocolAddress> addresses) {
        return addresses.stream().map(this::describe).flatMap(Optional::stream).toList();
    }

    private Optional<StoredSession> describe(SignalProtocolAddress address) {
        String id = Ids.of(address);
        Instant start = startOf(id);
        try {
            return store.reader()
                    .find(KeyTypes.SESSION, id)
                    .map(session -> new StoredSession(address, state(session), session.length, start));
        } catch (UnreadableEntryException e) {
            return Optional.of(new StoredSession(address, State.DAMAGED, 0, start));
        }
    }

    /** Returns when a session began, or null if no start is stored, or a damaged one. */
    private @Nullable Instant startOf(String id) {
        try {
            return SessionStarts.find(store.reader(), id).orElse(null);
        } catch (UnreadableEntryException e) {
            return null;
        }
    }

    private static State state(byte[] session) {
        try {
            return new SessionRecord(session).hasSenderChain() ? State.ACTIVE : State.ARCHIVED;
        } catch (InvalidMessageException | RuntimeException e) {
            return State.DAMAGED;
        }
    }

    private int archiveInOneCommit(Collection<SignalProtocolAddress> addresses) {
        return inOneCommit(addresses, (signal, address) -> {
            SessionRecord session = signal.loadSession(address);
            if (session == null) {
                return false;
            }
            session.archiveCurrentState();
            signal.storeSession(address, session);
            return true;
        });
    }

    private int deleteInOneCommit(Collection<SignalProtocolAddress> addresses) {
        return inOneCommit(addresses, (signal, address) -> {
            boolean exists = signal.hasSession(address);
            signal.deleteSession(address);
            return exists;
        });
    }

    private int inOneCommit(Collection<SignalProtocolAddress> addresses, Change change) {
        if (addresses.isEmpty()) {
            return 0;
        }
        Set<String> lockKeys = addresses.stream().map(LockKeys::ofDevice).collect(Collectors.toSet());
        return store.transaction(lockKeys, AccountStore.RETRY, tx -> {
            KeystoreSignalProtocolStore signal = messages.in(tx);
            int changed = 0;
            for (SignalProtocolAddress address : addresses) {
                changed += change.apply(signal, address) ? 1 : 0;
            }
            return changed;
        });
    }

    private interface Change {
        boolean apply(KeystoreSignalProtocolStore signal, SignalProtocolAddress address);
    }
}
