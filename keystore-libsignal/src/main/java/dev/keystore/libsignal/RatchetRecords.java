package dev.keystore.libsignal;

import dev.keystore.CorruptEntryException;
import dev.keystore.KeyType;
import dev.keystore.TamperedEntryException;
import dev.keystore.Transaction;
import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.signal.libsignal.protocol.InvalidMessageException;
import org.signal.libsignal.protocol.InvalidSessionException;
import org.signal.libsignal.protocol.groups.InvalidSenderKeySessionException;

/** The records of sessions, or of sender keys, that a transaction reads. */
final class RatchetRecords<R> {

    private final Transaction tx;
    private final KeyType<byte[]> type;
    private final Parser<R> parser;

    /** Whether a damaged record counts as absent, for work that stores a new one. */
    private boolean replacesDamaged;

    /** The ids of the records that were loaded, and so are not new when they are stored. */
    private final Set<String> loaded = new HashSet<>();

    RatchetRecords(Transaction tx, KeyType<byte[]> type, Parser<R> parser) {
        this.tx = tx;
        this.type = type;
        this.parser = parser;
    }

    /** Creates a record of libsignal from its bytes. */
    interface Parser<R> {
        R parse(byte[] bytes) throws InvalidMessageException;
    }

    void replaceDamaged() {
        replacesDamaged = true;
    }

    /** Returns whether a record was loaded by {@link #load}. */
    boolean isLoaded(String id) {
        return loaded.contains(id);
    }

    /** Treats a record that was deleted as new when it is stored. */
    void forget(String id) {
        loaded.remove(id);
    }

    /** Loads a record; returns null if there is none, or if it is damaged and is to be replaced. */
    @Nullable
    R load(String id) {
        try {
            byte[] bytes = tx.find(type, id).orElse(null);
            if (bytes == null) {
                return null;
            }
            R record = parse(id, bytes);
            loaded.add(id);
            return record;
        } catch (CorruptEntryException | TamperedEntryException e) {
            if (replacesDamaged) {
                return null;
            }
            throw e;
        }
    }

    /**
     * Creates a record from the bytes of an entry.
     *
     * @throws CorruptEntryException if libsignal does not accept them
     */
    R parse(String id, byte[] bytes) {
        try {
            return parser.parse(bytes);
        } catch (InvalidMessageException | InvalidSessionException | InvalidSenderKeySessionException e) {
            throw Ids.unreadable(tx, type, id, e);
        }
    }
}
