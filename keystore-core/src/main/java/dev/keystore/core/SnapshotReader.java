package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.LoadFailedException;
import dev.keystore.spi.ContextSnapshots.EntryConsumer;
import dev.keystore.spi.Mutation;
import java.util.ConcurrentModificationException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads the records of contexts, each context as of one point in time, while commits continue (R80). All names are the
 * stored ones, and the entries that the engine stores for itself are included.
 *
 * <p>Where the backend has no {@link dev.keystore.spi.ContextSnapshots}, a context is read until two consecutive
 * readings are equal: then all entries were as read between the two. A value that was replaced and put back between
 * them would be missed; keys are never put back. If commits of this process prevent that, they wait for the last
 * attempt, in which the leader of a commit reads.
 */
final class SnapshotReader {

    private static final int ATTEMPTS = 3;

    /** Gets the records of a context. */
    interface Target extends EntryConsumer {

        /** Drops all records of the context so far, since they are not of one point in time. */
        void restart();
    }

    private final Engine engine;
    private final Storage storage;

    SnapshotReader(Engine engine) {
        this.engine = engine;
        this.storage = engine.storage;
    }

    /**
     * Reads a context. What the target throws is thrown as it is.
     *
     * @throws LoadFailedException if the backend failed, or other processes kept changing the context
     * @throws dev.keystore.OperationInterruptedException if the thread was interrupted
     */
    void read(String context, Target target) {
        if (storage.hasSnapshots()) {
            readSnapshot(context, target);
            return;
        }
        for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
            if (readTwice(context, target)) {
                return;
            }
            target.restart();
        }
        Exclusive exclusive = new Exclusive(context, target);
        engine.commit(
                new CommitRequest(exclusive, engine.options.commitTimeout().toNanos()));
        exclusive.throwUnlessRead();
    }

    private void readSnapshot(String context, Target target) {
        Recording recording = new Recording(target);
        try {
            storage.readSnapshot(context, recording);
        } catch (RuntimeException e) {
            if (recording.failure != null || e instanceof ClosedException) {
                throw recording.failure == null ? e : recording.failure;
            }
            RuntimeException interruption =
                    BackendFailures.asInterruption("a snapshot of context \"" + context + "\"", e);
            throw interruption != null
                    ? interruption
                    : new LoadFailedException(context, "all entries as of one point in time", e);
        }
    }

    /** Returns whether the two readings were equal. */
    private boolean readTwice(String context, Target target) {
        RecordDigest first = new RecordDigest();
        storage.readEach(context, (entry, record) -> {
            first.add(context, entry, record);
            target.accept(entry, record);
        });
        RecordDigest second = new RecordDigest();
        storage.readEach(context, (entry, record) -> second.add(context, entry, record));
        return first.isSameAs(second);
    }

    /** Keeps what the target threw, which must not be taken for a failure of the backend. */
    private static final class Recording implements EntryConsumer {

        private final EntryConsumer target;
        private volatile @Nullable RuntimeException failure;

        Recording(EntryConsumer target) {
            this.target = target;
        }

        @Override
        public void accept(EntryId entry, byte[] record) {
            try {
                target.accept(entry, record);
            } catch (RuntimeException e) {
                failure = e;
                throw e;
            }
        }
    }

    /** A commit without mutations, whose leader reads the context: no other commit of this process is written then. */
    private final class Exclusive implements StoredWrite {

        private final Context context;
        private final Target target;
        private volatile boolean read;
        private volatile @Nullable RuntimeException failure;
        private boolean done;

        Exclusive(String context, Target target) {
            this.context = new Context(context, 0, new Envelope(context));
            this.target = target;
        }

        @Override
        public Context context() {
            return context;
        }

        @Override
        public boolean coversContext() {
            return false;
        }

        @Override
        public List<Mutation> decide(Storage from) {
            if (!done) {
                done = true;
                try {
                    read = readTwice(context.name(), target);
                } catch (RuntimeException e) {
                    failure = e; // for the reading thread: it may not be the failure of a commit
                }
            }
            return List.of();
        }

        @Override
        public void recordDurable() {}

        @Override
        public void recordUnknown() {}

        void throwUnlessRead() {
            RuntimeException failed = failure;
            if (failed != null) {
                throw failed;
            }
            if (!read) {
                throw new LoadFailedException(
                        context.name(),
                        "all entries as of one point in time",
                        new ConcurrentModificationException("another process kept changing them, and this backend does"
                                + " not implement ContextSnapshots; take the backup in that process"));
            }
        }
    }
}
