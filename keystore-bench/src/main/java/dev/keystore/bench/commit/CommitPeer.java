package dev.keystore.bench.commit;

import java.io.IOException;
import java.sql.SQLException;
import java.util.List;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Something that keeps, for each id of a context, a session and one other entry of 1 KiB each, in a folder.
 *
 * <p>Safe for use by any number of threads, but for two that commit to one id at once.
 */
public interface CommitPeer extends AutoCloseable {

    /** Stores the first session and the first other entry of each id, which are {@link Payload#first}. */
    void fill(String context, List<String> ids) throws Exception;

    /**
     * Reads the session of an id, and writes {@link Payload#next} of it as the id's session and as its other entry, both
     * or none. When this returns, they are durable, unless the peer's {@link CommitPeers#durability} says otherwise.
     */
    void commit(String context, String id) throws Exception;

    /** Returns a value as it is stored now, or null if there is none. */
    byte @Nullable [] find(Kind kind, String context, String id) throws Exception;

    /** Returns how often this has waited for the medium so far, where that is counted. */
    default OptionalLong fsyncs() {
        return OptionalLong.empty();
    }

    @Override
    void close() throws IOException, SQLException;

    /** The two entries of an id. */
    enum Kind {
        /** The one that a transaction reads and writes. */
        SESSION,
        /** The one that it writes beside it. */
        SENDER_KEY;

        /** Returns the name of the type. */
        String type() {
            return this == SESSION ? "session" : "sender-key";
        }

        /** Returns a key for peers whose keys are one string. */
        String key(String context, String id) {
            return context + '/' + type() + '/' + id;
        }
    }
}
