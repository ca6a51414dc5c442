package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.KeyTypes;
import dev.keystore.core.ContextInspection.SessionAge;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.Map;

/**
 * Counts the sessions of a context by their age. Used by one thread.
 *
 * <p>{@code keystore-libsignal}, on which this module does not depend, records when a session began in a separate entry
 * with its id, and deletes both together. The age of other sessions is unknown.
 */
final class SessionAges {

    /** The start of a session, in milliseconds since 1970, in eight bytes. */
    private static final String START = "libsignal-session-start";

    private final Instant now;
    private final Map<SessionAge, Long> counts = new EnumMap<>(SessionAge.class);
    private long sessions;
    private long known;

    SessionAges(Instant now) {
        this.now = now;
    }

    /** Counts an entry, if it is of interest. */
    void add(EntryId entry, byte[] value) {
        if (entry.type().equals(KeyTypes.SESSION.name())) {
            sessions++;
        } else if (entry.type().equals(START) && value.length == Long.BYTES) {
            Instant start = Instant.ofEpochMilli(ByteBuffer.wrap(value).getLong());
            if (!start.isAfter(now)) {
                counts.merge(SessionAge.of(Duration.between(start, now)), 1L, Long::sum);
                known++;
            }
        }
    }

    /** Returns the counts of what was added. */
    Map<SessionAge, Long> counts() {
        Map<SessionAge, Long> all = new EnumMap<>(counts);
        if (sessions > known) {
            all.put(SessionAge.UNKNOWN, sessions - known);
        }
        return all;
    }
}
