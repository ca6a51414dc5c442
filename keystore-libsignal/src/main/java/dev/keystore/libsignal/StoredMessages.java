package dev.keystore.libsignal;

import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Stream;

/**
 * The messages of an inbox or an outbox, by the application's ids.
 *
 * <p>A counter in the store would make messages conflict with each other. So their order is that of the clock, and in a
 * millisecond, that of this process.
 */
final class StoredMessages {

    /** The time of the message that this process has stored last, with its number in that millisecond. */
    private static final AtomicReference<Instant> LAST = new AtomicReference<>(Instant.EPOCH);

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

    /** Returns the time of a message that is stored now, with its number in that millisecond as nanoseconds. */
    Instant now() {
        return LAST.updateAndGet(last -> {
            Instant now = options.clock().instant().truncatedTo(ChronoUnit.MILLIS);
            return now.equals(last.truncatedTo(ChronoUnit.MILLIS)) ? last.plusNanos(1) : now;
        });
    }

    /** Returns the messages, those stored first at the beginning. */
    List<StoredMessage> list() {
        KeyReader keys = store.reader();
        try (Stream<String> ids = keys.ids(type, "")) {
            return ids.map(id -> find(keys, id))
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
                        deleted += tx.take(type, message.id()).isPresent() ? 1 : 0;
                    }
                    return deleted;
                });
    }
}
