package dev.keystore.jdbc;

import dev.keystore.ContextOwnedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.spi.Batch;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.jdbi.v3.core.Handle;

/**
 * Who owns each context, the id of its last commit, and of the last one before it was taken over: one row for each, read
 * and changed within the transactions of those who write (R53, R54).
 *
 * <p>A context that nobody has taken over has no row, and no owner to be fenced: its batches carry the epoch 0.
 */
final class Ownership {

    private static final long NOBODY = 0;

    private final Dialect dialect;

    Ownership(Dialect dialect) {
        this.dialect = dialect;
    }

    /**
     * Checks the epochs of a group, and notes the id of each context's last batch.
     *
     * @return whether the group is to be written; if not, it was written before
     * @throws OwnershipLostException if a batch is of another epoch than its context; roll back
     */
    boolean admit(Handle handle, List<Batch> group) {
        Map<String, Batch> owned = new LinkedHashMap<>();
        for (Batch batch : group) {
            if (batch.epoch() == 0) {
                requireNoOwner(handle, batch);
            } else {
                Batch former = owned.put(batch.context(), batch);
                if (former != null && former.epoch() != batch.epoch()) {
                    throw lost(batch);
                }
            }
        }
        return owned.isEmpty() || admit(handle, owned);
    }

    private boolean admit(Handle handle, Map<String, Batch> lastOfContexts) {
        List<Batch> refused = dialect.advance(handle, List.copyOf(lastOfContexts.values()));
        if (refused.isEmpty()) {
            return true;
        }
        if (refused.stream().anyMatch(batch -> wasWritten(handle, batch))) {
            return false;
        }
        throw lost(refused.get(0));
    }

    private boolean wasWritten(Handle handle, Batch batch) {
        return lastCommit(handle, batch.context(), batch.epoch()).equals(OptionalLong.of(batch.sequence()));
    }

    /** Returns the sequence of the last commit of an epoch, 0 if it made none; empty if that is not known any more. */
    OptionalLong lastCommit(Handle handle, String context, long epoch) {
        return handle.createQuery("""
                        SELECT CASE WHEN commit_epoch < :epoch THEN 0
                            WHEN commit_epoch = :epoch THEN commit_sequence
                            WHEN former_epoch < :epoch THEN 0
                            WHEN former_epoch = :epoch THEN former_sequence END
                        FROM owner WHERE context = :context
                        """)
                .bind("epoch", epoch)
                .bind("context", dialect.stored(context))
                .mapTo(Long.class)
                .findOne()
                .map(OptionalLong::of)
                .orElseGet(OptionalLong::empty);
    }

    private void requireNoOwner(Handle handle, Batch batch) {
        boolean owned = handle.createQuery("SELECT epoch FROM owner WHERE context = ?")
                .bind(0, dialect.stored(batch.context()))
                .mapTo(long.class)
                .findOne()
                .isPresent();
        if (owned) {
            throw lost(batch);
        }
    }

    private static OwnershipLostException lost(Batch batch) {
        return new OwnershipLostException(batch.context(), batch.epoch());
    }

    /** Returns the epoch of a context and the id of its last commit; empty if it has no row. */
    List<Long> row(Handle handle, String context) {
        return handle.createQuery("SELECT epoch, commit_epoch, commit_sequence FROM owner WHERE context = ?")
                .bind(0, dialect.stored(context))
                .map((row, columns) -> List.of(row.getLong(1), row.getLong(2), row.getLong(3)))
                .findOne()
                .orElse(List.of());
    }

    /** Makes this process the owner of a context, and returns the new epoch. */
    long takeOver(Handle handle, String context) {
        return handle.createQuery("""
                        INSERT INTO owner (context, epoch, holder, host, process, since)
                        VALUES (:context, 1, :holder, :host, :process, :since)
                        ON CONFLICT (context) DO UPDATE SET epoch = owner.epoch + 1,
                            former_epoch = owner.commit_epoch, former_sequence = owner.commit_sequence,
                            holder = excluded.holder, host = excluded.host, process = excluded.process,
                            since = excluded.since
                        RETURNING epoch
                        """)
                .bind("context", dialect.stored(context))
                .bind("holder", dialect.holder)
                .bind("host", Host.NAME)
                .bind("process", Long.toString(ProcessHandle.current().pid()))
                .bind("since", Instant.now().toString())
                .mapTo(long.class)
                .one();
    }

    /**
     * Keeps everybody else from taking a context over until the transaction ends.
     *
     * @throws ContextOwnedException if another owner of it lives; roll back
     */
    void requireNoOtherLives(Handle handle, String context) {
        Row owner = lock(handle, context);
        if (owner.holder != dialect.holder && owner.holder != NOBODY && dialect.lives(handle, owner.holder)) {
            throw new ContextOwnedException(
                    context,
                    owner.host,
                    owner.process,
                    Instant.parse(owner.since),
                    JdbcBackend.isOpenHere(owner.holder));
        }
    }

    private record Row(long holder, String host, String process, String since) {}

    /** Locks the row of a context; it gets one first where it has none, since two may come for that at once. */
    private Row lock(Handle handle, String context) {
        return handle.createQuery("""
                        INSERT INTO owner (context, epoch, holder, host, process, since) VALUES (?, 0, 0, '', '', '')
                        ON CONFLICT (context) DO UPDATE SET epoch = owner.epoch
                        RETURNING holder, host, process, since
                        """)
                .bind(0, dialect.stored(context))
                .map((row, columns) -> new Row(row.getLong(1), row.getString(2), row.getString(3), row.getString(4)))
                .one();
    }

    /** Looked up once: it may ask a name server. */
    private static final class Host {

        static final String NAME = name();

        private static String name() {
            try {
                return InetAddress.getLocalHost().getHostName();
            } catch (UnknownHostException e) {
                return "unknown";
            }
        }
    }
}
