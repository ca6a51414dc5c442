package dev.keystore.libsignal;

import dev.keystore.EntryExistsException;
import dev.keystore.EntryId;
import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import dev.keystore.Transaction;
import dev.keystore.UnreadableEntryException;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.temporal.ChronoUnit;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.WeakHashMap;
import java.util.stream.Stream;
import org.signal.libsignal.protocol.SignalProtocolAddress;

/**
 * The messages of an inbox or an outbox, by the application's ids.
 *
 * <p>A counter in the store would make messages conflict with each other. So they are ordered by the clock and, within
 * a millisecond, in the order in which this process stored them.
 */
final class StoredMessages {

    /** By clock, the time of the message that this process has stored last, with its number in that millisecond. */
    private static final Map<InstantSource, Instant> LAST = Collections.synchronizedMap(new WeakHashMap<>());

    private final AccountStore store;
    private final AccountOptions options;
    private final KeyType<StoredMessage> type;

    StoredMessages(AccountStore store, AccountOptions options, KeyType<StoredMessage> type) {
        this.store = store;
        this.options = options;
        this.type = type;
    }

    Optional<StoredMessage> find(KeyReader keys, String id) {
        return keys.find(type, id).map(message -> message.withId(id));
    }

    /**
     * Returns the time of a message that is stored now, with its number in that millisecond as nanoseconds. It is later
     * than that of the one before, even if the clock was set back.
     */
    Instant now() {
        return LAST.compute(options.clock(), (clock, last) -> {
            Instant now = clock.instant().truncatedTo(ChronoUnit.MILLIS);
            return last == null || now.isAfter(last) ? now : last.plusNanos(1);
        });
    }

    /** Finds a message of the same id, which must be from, or for, the same device. */
    Optional<StoredMessage> findSame(KeyReader keys, String id, SignalProtocolAddress remote) {
        Optional<StoredMessage> found = find(keys, id);
        if (found.isPresent() && !found.get().remote().equals(remote)) {
            throw new EntryExistsException(keys.context(), new EntryId(type.name(), id));
        }
        return found;
    }

    /** Removes a message, readable or not. */
    boolean remove(String id) {
        return store.transaction(LockKeys.MESSAGES, AccountStore.RETRY, tx -> {
            try {
                return tx.take(type, id).isPresent();
            } catch (UnreadableEntryException e) {
                tx.delete(type, id);
                return true;
            }
        });
    }

    /** Removes a message that was listed, unless it was removed since, and returns whether it was not. */
    boolean removeSame(Transaction tx, StoredMessage message) {
        boolean isThere = find(tx, message.id())
                .filter(found -> found.stored().equals(message.stored())
                        && found.remote().equals(message.remote()))
                .isPresent();
        if (isThere) {
            tx.delete(type, message.id());
        }
        return isThere;
    }

    private Optional<StoredMessage> findReadable(KeyReader keys, String id) {
        try {
            return find(keys, id);
        } catch (UnreadableEntryException e) {
            return Optional.empty();
        }
    }

    /** Returns the messages that can be read, those stored first at the beginning. */
    List<StoredMessage> list() {
        KeyReader keys = store.reader();
        try (Stream<String> ids = keys.ids(type, "")) {
            return ids.map(id -> findReadable(keys, id))
                    .flatMap(Optional::stream)
                    .sorted(Comparator.comparing(StoredMessage::stored).thenComparing(StoredMessage::id))
                    .toList();
        }
    }

    /** Deletes the messages that were stored {@code age} ago or earlier, in one commit, and returns how many. */
    int expire(Duration age) {
        Instant latest = options.clock().instant().minus(age);
        List<StoredMessage> expired = list().stream()
                .filter(message ->
                        !message.stored().truncatedTo(ChronoUnit.MILLIS).isAfter(latest))
                .toList();
        return expired.isEmpty()
                ? 0
                : store.transaction(LockKeys.MESSAGES, AccountStore.RETRY, tx -> {
                    int deleted = 0;
                    for (StoredMessage message : expired) {
                        deleted += removeSame(tx, message) ? 1 : 0;
                    }
                    return deleted;
                });
    }
}
