package dev.keystore.bench.commit;

import java.io.IOException;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * A store of a session and one other entry, 1 KiB each, for every id of a context.
 *
 * <p>Thread-safe, except that two threads must not commit to the same id concurrently.
 */
public interface CommitPeer extends AutoCloseable {

    /** Stores {@link Payload#first} as both entries of each id, durably. */
    void fill(String context, List<String> ids) throws Exception;

    /**
     * Reads the session of an id, and atomically writes {@link Payload#next} of it as both entries of the id. They are
     * durable on return, unless {@link CommitPeers#durability} of the peer says otherwise.
     */
    void commit(String context, String id) throws Exception;

    /** Returns the stored value, or {@code null} if there is none. */
    byte @Nullable [] find(EntryKind kind, String context, String id) throws Exception;

    /** Returns the stored values of the ids that have one. */
    default Map<String, byte[]> findAll(EntryKind kind, String context, List<String> ids) throws Exception {
        Map<String, byte[]> found = new HashMap<>();
        for (String id : ids) {
            byte[] value = find(kind, context, id);
            if (value != null) {
                found.put(id, value);
            }
        }
        return found;
    }

    /** Returns the number of fsyncs so far; empty if they are not counted. */
    default OptionalLong fsyncs() {
        return OptionalLong.empty();
    }

    @Override
    void close() throws IOException, SQLException;

    /** The two entries of an id. */
    enum EntryKind {
        /** Read and written by a transaction. */
        SESSION,
        /** Only written. */
        SENDER_KEY;

        /** Returns the name of the entry's type. */
        String type() {
            return this == SESSION ? "session" : "sender-key";
        }

        /** Returns the kind of a type's name. */
        static EntryKind ofType(String type) {
            return type.equals(SESSION.type()) ? SESSION : SENDER_KEY;
        }

        /** Returns the key for peers whose keys are single strings. */
        String key(String context, String id) {
            return context + '/' + type() + '/' + id;
        }
    }
}
