package dev.keystore.core;

import static dev.keystore.spi.StoreSealing.KEYS;
import static dev.keystore.spi.StoreSealing.MARK;

import dev.keystore.CommitFailedException;
import dev.keystore.EntryId;
import dev.keystore.KeyStoreException;
import dev.keystore.LoadFailedException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.RewriteIncompleteException;
import dev.keystore.core.Rewrite.RecordChange;
import dev.keystore.spi.PersistenceBackend;
import dev.keystore.spi.StoreSealing;
import dev.keystore.spi.StoreSealing.Phase;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Encrypts an existing store, replaces its keys, and decrypts it, while it is in use (R74).
 *
 * <p>Each operation goes through all contexts and rewrites their entries in small commits, which are written like the
 * commits of other threads. This causes no other commit to fail: if another commit changes an entry at the same time,
 * that commit writes the new form. To complete an operation that failed, was interrupted or was killed with its
 * process, call it again: it examines every entry again, and rewrites only those that still have the former form.
 * {@link #rotate} replaces all keys again.
 *
 * <p>The operations take over each context that this database has not opened. They fail with
 * {@link dev.keystore.ContextOwnedException} if any context, even an empty one, has another owner that is alive: close
 * the other processes that use the store first, and configure the new key before they open it again. A process that
 * owns no context may stay: the next context that it opens is written in the new form, or refused.
 *
 * <p>The entries of contexts that were moved to another store, or whose move to this one has not ended, are rewritten
 * like all others. This does not open such a context, and its move can be run again.
 *
 * <p>Concurrency with other processes: on a backend with ownership, no other process continues to write the former
 * form; {@code docs/encryption.md}, Several processes, explains why.
 *
 * <p>At the end, {@code encrypt} and {@code rotate} have the backend rewrite its files, so that no value that was
 * replaced is left in free space, logs or journals. Commits wait until this is done; {@link SignalKeyDatabase#compact}
 * says when one may be refused. If the backend cannot do this, as on PostgreSQL, it is left to the operator of the
 * server, and a warning is logged.
 *
 * <p>One operation runs at a time; a second one throws {@link IllegalStateException}. They use heap for the names of
 * all contexts and for the ids of one context. Listeners are called on the calling thread, before the first entry is
 * rewritten, when no other process owns a context any more, and after each commit; what they throw ends the operation.
 */
public final class StoreEncryption {

    private static final Logger LOG = LoggerFactory.getLogger(StoreEncryption.class);

    /** How many entries one commit rewrites at most. Other commits wait for its write. */
    private static final int ENTRIES_PER_COMMIT = 64;

    /**
     * How many former keys the store and each context have at most before a rotation adds one. Each rotation that does
     * not end leaves one, which only a complete one drops.
     */
    private static final int MAXIMUM_FORMER_KEYS = 16;

    private final Engine engine;
    private final SealedStore store;
    private final Function<String, Context> contexts;

    /** True while an operation is running. Each operation sets it first and clears it last. */
    private final AtomicBoolean running = new AtomicBoolean();

    /**
     * The context that holds nothing but the mark. Only the running operation uses it, and sees what the previous
     * operation wrote, because that operation has cleared {@link #running}.
     */
    private @Nullable Context contextOfMark;

    /**
     * Creates it.
     *
     * @param contexts opens a context unless another owner is alive
     */
    StoreEncryption(Engine engine, SealedStore store, Function<String, Context> contexts) {
        this.engine = engine;
        this.store = store;
        this.contexts = contexts;
    }

    /**
     * Returns how far the store is encrypted.
     *
     * @return the phase
     */
    public Phase phase() {
        return store.sealing().phase();
    }

    /**
     * Encrypts the entries of a store that was opened with {@link SignalKeyDatabase.Builder#encryptExisting()}, then
     * refuses values that are not encrypted. Also reverses an unfinished {@link #decrypt}. Does nothing if the store is
     * encrypted.
     *
     * @param listener called with the progress
     * @return what was done
     * @throws RewriteIncompleteException if entries cannot be read; those that can are encrypted
     * @throws dev.keystore.CompactionFailedException if former values may remain in the files of the store; all entries
     *     are encrypted, and values that are not are still accepted
     * @throws dev.keystore.ContextOwnedException if another owner of a context is alive; what was rewritten stays so
     * @throws KeyStoreException as for a commit; what was rewritten stays so
     * @throws UnsupportedOperationException if the backend has many contexts but can't list them; nothing was changed
     * @throws IllegalStateException if another operation is running, the store was decrypted since it was opened, or
     *     this database is closed; nothing was changed
     */
    public EncryptionProgress encrypt(Consumer<? super EncryptionProgress> listener) {
        return run("Encrypting the store", false, listener, job -> {
            if (phase() == Phase.ENCRYPTED) {
                return;
            }
            requireListing();
            enter(Phase.ENCRYPTING);
            fenceOthers();
            job.begin();
            job.forEachContext(context -> rewriteEntries(job, context));
            job.requireAllReadable();
            compact(); // before the phase changes, so that it is done again if the process is killed
            enter(Phase.ENCRYPTED);
            store.requireEncrypted();
        });
    }

    /**
     * Replaces the key of the store and the data keys of all contexts, and encrypts each entry with the new key of its
     * context. The former keys are then no longer in the store. The root key stays: replace it by opening the store
     * with {@code Encryption.with(newKey).replacing(oldKey)}, first.
     *
     * <p>Each call creates new keys, also after a call that did not end, because the keys of that call may have become
     * known since, together with a former root key. So a call that returns has replaced all keys that were in the store
     * when it began.
     *
     * @param listener called with the progress
     * @return what was done
     * @throws RewriteIncompleteException if entries cannot be read; the others have their new key, and the former keys
     *     of the contexts with unreadable entries stay. After 16 such calls, a context gets no new key until all of its
     *     entries can be read
     * @throws dev.keystore.CompactionFailedException if former records and keys may remain in the files of the store;
     *     the keys in use are new, so {@link SignalKeyDatabase#compact()} suffices to remove them; the same holds after
     *     a kill at that point
     * @throws dev.keystore.KeyUnavailableException if the root key is missing or out of reach; nothing was changed
     * @throws dev.keystore.ContextOwnedException if another owner of a context is alive; what was rewritten stays so
     * @throws KeyStoreException as for a commit; what was rewritten stays so, and no key that a record needs is lost
     * @throws UnsupportedOperationException if the backend has many contexts but can't list them; nothing was changed
     * @throws IllegalStateException if the store is being encrypted or decrypted, or was decrypted since it was opened,
     *     another operation is running, or this database is closed; nothing was changed
     */
    public EncryptionProgress rotate(Consumer<? super EncryptionProgress> listener) {
        return run("Rotating the keys of the store", false, listener, job -> {
            requireEncrypted();
            requireListing();
            if (store.sealing().formerKeys() >= MAXIMUM_FORMER_KEYS) {
                replaceKeys(job);
            }
            StoreSealing former = store.sealing();
            changeMark(former, store.rotated(former));
            fenceOthers();
            replaceKeys(job);
            compact();
        });
    }

    /**
     * Decrypts all entries, then deletes the keys and the mark of the store. From then on, it is a plain store, and is
     * opened without a root key.
     *
     * @param listener called with the progress
     * @return what was done
     * @throws RewriteIncompleteException if entries cannot be read; those that can are decrypted, and the keys of the
     *     contexts that hold the others stay, as does the mark
     * @throws dev.keystore.ContextOwnedException if another owner of a context is alive; what was rewritten stays so
     * @throws KeyStoreException as for a commit; what was rewritten stays so
     * @throws UnsupportedOperationException if the backend has many contexts but can't list them; nothing was changed
     * @throws IllegalStateException if the names of the store are hidden, another operation is running, or this
     *     database is closed
     */
    public EncryptionProgress decrypt(Consumer<? super EncryptionProgress> listener) {
        return run("Decrypting the store", true, listener, job -> {
            if (engine.storage.names().areHidden()) {
                throw new IllegalStateException("The store cannot be decrypted, since its names are hidden, and they"
                        + " cannot be renamed: copy its entries into a new store");
            }
            requireListing();
            enter(Phase.DECRYPTING);
            fenceOthers();
            job.begin();
            job.forEachContext(context -> decryptContext(job, context));
            job.requireAllReadable();
            changeMark(store.sealing(), null);
        });
    }

    /**
     * Counts the entries of a context by the key that they are encrypted with, without opening them. Does not take the
     * context over.
     *
     * @param context the name of the context
     * @return the number of entries by the id of their key, in hexadecimal digits; of entries that are not encrypted,
     *     under {@code "plain"}; of entries whose key cannot be determined, under {@code "unreadable"}
     * @throws dev.keystore.LoadFailedException if the backend failed
     * @throws IllegalStateException if this database is closed
     */
    public Map<String, Long> entriesByKey(String context) {
        engine.checkOpen();
        Names.check("context", context);
        ContextKeys keys = store.unopenedContext(context);
        try (Stream<EntryId> entries = engine.storage.list(context)) {
            Map<String, Long> counts = new TreeMap<>();
            entries.forEach(entry -> {
                byte[] record = engine.storage.readStored(context, entry);
                if (record != null) {
                    counts.merge(keys.keyOf(entry, record), 1L, Long::sum);
                }
            });
            return counts;
        } finally {
            keys.close();
        }
    }

    private EncryptionProgress run(
            String operation, boolean doneIfPlain, Consumer<? super EncryptionProgress> listener, Consumer<Job> work) {
        Objects.requireNonNull(listener, "listener");
        engine.checkOpen();
        if (!running.compareAndSet(false, true)) {
            throw new IllegalStateException(operation
                    + " refused: another operation is changing the encryption of this store; wait until it has ended");
        }
        try {
            Job job = new Job(operation, listener);
            if (store.refresh(engine.attempts())) {
                fenceOthers(); // before the first change, so that a refusal changes nothing
                awaitCommits();
                work.accept(job);
            } else if (!doneIfPlain) {
                throw new IllegalStateException(
                        operation + " refused: it has been decrypted since it was opened, or its"
                                + " mark is lost; open it again, with encryptExisting() if it is to be encrypted");
            }
            return job.progress();
        } catch (OperationInterruptedException e) {
            throw new OperationInterruptedException(
                    "the entries of the store to be rewritten",
                    "those that were rewritten stay so; run the operation again",
                    e);
        } finally {
            running.set(false);
        }
    }

    /** Gives each context a new data key, unless it has one since the store has its newest key. */
    private void replaceKeys(Job job) {
        job.begin();
        job.forEachContext(context -> rotateContext(job, context));
        while (!job.areAllSealedWithNewestKey()) {
            job.requireAllReadable();
            job.forEachContext(context -> rotateContext(job, context));
        }
        StoreSealing former = store.sealing();
        changeMark(former, former.withoutFormerKeys());
        job.requireAllReadable();
    }

    /** Throws before anything is changed if the contexts that an operation would go through cannot be listed. */
    private void requireListing() {
        if (!engine.storage.listsContexts()) {
            throw new UnsupportedOperationException(engine.storage.unlisted()
                    + ", so not all entries of the store can be rewritten; nothing was changed");
        }
    }

    private void requireEncrypted() {
        if (phase() != Phase.ENCRYPTED) {
            throw new IllegalStateException("The keys of the store cannot be rotated while its phase is " + phase()
                    + "; complete encrypt() or decrypt() first");
        }
    }

    private void enter(Phase next) {
        StoreSealing former = store.sealing();
        store.accept(next);
        if (former.phase() != next) {
            changeMark(former, former.withPhase(next));
        }
    }

    /**
     * Fences the other owners of contexts, all of which must be closed or dead; see the class. Keeps other processes
     * from changing the mark.
     */
    private void fenceOthers() {
        contextOfMark();
        engine.attempts()
                .of(
                        "the owners of all contexts to be read",
                        "It is unknown whether other processes use the store",
                        () -> {
                            engine.storage.takeOverAllUnlessOwned();
                            return engine;
                        });
    }

    /**
     * Waits for the commits that are being written, which may have been sealed with keys that are no longer in force.
     */
    private void awaitCommits() {
        commit(new Rewrite(contextOfMark(), null, List.of()));
    }

    /**
     * Writes another mark, then uses its keys, and waits for the commits that were being written with the former ones.
     *
     * @param former the keys in force
     * @param next the keys in their place; null to delete the mark
     */
    private void changeMark(StoreSealing former, @Nullable StoreSealing next) {
        boolean changed = false;
        Context context;
        try {
            context = contextOfMark();
            List<RecordChange> changes = new ArrayList<>();
            changes.add(new RecordChange(MARK, former.mark(), next == null ? null : next.mark()));
            if (next == null && engine.storage.read(context.name(), StoreEntry.ID) == null) {
                // A decrypted store keeps its id (R81).
                changes.add(new RecordChange(StoreEntry.ID, null, StoreId.record(engine.storage, former.storeId())));
            }
            Rewrite mark = new Rewrite(context, null, changes);
            commit(mark);
            changed = mark.changed() == changes.size();
        } finally {
            if (!changed && next != null) {
                next.close();
            }
        }
        if (!changed) {
            throw new CommitFailedException(
                    context.name(),
                    "the mark of the encrypted store was changed by another process; close the others, and start over",
                    null);
        }
        if (next != null) {
            store.use(former, next, engine.attempts());
            awaitCommits();
        }
    }

    private Context contextOfMark() {
        if (!engine.storage.servesManyContexts()) {
            return contexts.apply(PersistenceBackend.DEFAULT_CONTEXT);
        }
        Context context = contextOfMark;
        if (context == null || context.isOwnershipLost()) {
            context = engine.takeovers.open(MARK.type(), true, engine.attempts());
            contextOfMark = context;
        }
        return context;
    }

    private void commit(Rewrite rewrite) {
        engine.commit(new CommitRequest(rewrite, engine.options.commitTimeout().toNanos()));
    }

    private void compact() {
        if (!engine.compact()) {
            LOG.warn(
                    "The backend {} does not implement Compaction: values that were replaced may remain in its free"
                            + " space and logs; use the tools of its database to remove them",
                    engine.storage.backendName());
        }
    }

    /** Rewrites the entries of a context that do not have the form in which values are stored now. */
    private boolean rewriteEntries(Job job, Context context) {
        long unreadable = job.unreadable;
        List<EntryId> unnamed = new ArrayList<>();
        List<EntryId> entries;
        try (Stream<EntryId> listed = engine.names.entries(context.name(), context.sealer(), (stored, failure) -> {
            if (failure instanceof LoadFailedException) {
                throw failure;
            }
            unnamed.add(stored);
        })) {
            entries = listed.toList();
        }
        if (!unnamed.isEmpty()) {
            job.examined(context, unnamed.size(), 0, unnamed.size());
        }
        for (int from = 0; from < entries.size(); from += ENTRIES_PER_COMMIT) {
            List<EntryId> batch = entries.subList(from, Math.min(from + ENTRIES_PER_COMMIT, entries.size()));
            long rewritten = 0;
            Pass pass;
            do {
                pass = rewriteBatch(context, batch);
                rewritten += pass.rewritten;
            } while (!pass.complete);
            job.examined(context, batch.size(), rewritten, pass.unreadable);
        }
        return job.unreadable == unreadable;
    }

    /**
     * The result of rewriting a batch once.
     *
     * @param complete whether all entries that can be read have the present form; false if another commit changed some
     *     of them, or replaced the sealer, meanwhile
     */
    private record Pass(int rewritten, int unreadable, boolean complete) {}

    private Pass rewriteBatch(Context context, List<EntryId> batch) {
        ContextSealer forms = context.sealer();
        ValueSealer sealer = forms.current();
        List<RecordChange> changes = new ArrayList<>();
        List<EntryId> unreadable = new ArrayList<>();
        engine.storage.readAll(context.name(), batch).forEach((entry, loaded) -> {
            RecordChange change = LatestRecord.<@Nullable RecordChange>open(
                    loaded,
                    () -> engine.storage.read(context.name(), entry),
                    record -> change(entry, record, forms, sealer),
                    (record, failure) -> {
                        unreadable.add(entry);
                        return null;
                    });
            if (change != null) {
                changes.add(change);
            }
        });
        if (changes.isEmpty()) {
            return new Pass(0, unreadable.size(), !forms.isOutdated(sealer, false));
        }
        // If the sealer was replaced, the commit writes nothing. Entries that it does not change can only have been
        // written by commits that use the same sealer.
        Rewrite rewrite = new Rewrite(context, sealer, changes);
        commit(rewrite);
        return new Pass(rewrite.changed(), unreadable.size(), rewrite.changed() == changes.size());
    }

    /** Returns the change of an entry to the present form; null if it has that, or the sealer was replaced. */
    private static @Nullable RecordChange change(
            EntryId entry, byte[] record, ContextSealer forms, ValueSealer sealer) {
        if (sealer.hasSealed(entry.type(), entry.id(), record)) {
            return null;
        }
        byte[] value = forms.open(entry.type(), entry.id(), record);
        byte[] next = sealer.seal(entry.type(), entry.id(), value);
        return next == null ? null : new RecordChange(entry, record, next);
    }

    /**
     * Replaces the data key of a context. The stored keys show which step comes next: at first, they are sealed with a
     * former key of the store; then with the newest one, and contain the former data keys; at last they contain one
     * data key. A context that has many already, since entries in it could not be read, keeps them if that is still so.
     */
    private void rotateContext(Job job, Context context) {
        ContextKeys keys = (ContextKeys) context.sealer();
        while (true) {
            byte[] stored = engine.storage.read(context.name(), KEYS);
            if (stored == null) {
                return; // nothing is sealed, or it was erased; the next commit stores new keys
            }
            DataKeys now = keys.keys();
            if (!now.isWritten()) {
                commit(new Rewrite(context, now, List.of()));
            } else if (!store.sealing().isSealedWithNewestKey(context.name(), stored)) {
                if (now.formerKeys() < MAXIMUM_FORMER_KEYS) {
                    keys.replaceLoaded(now, now.rotated(store.sealing()));
                } else if (rewriteEntries(job, context)) {
                    keys.replaceLoaded(now, now.rotatedWithoutFormerKeys(store.sealing()));
                } else {
                    return;
                }
            } else if (now.formerKeys() == 0 || !rewriteEntries(job, context)) {
                return;
            } else {
                keys.replaceLoaded(now, now.withoutFormerKeys(store.sealing()));
            }
        }
    }

    private void decryptContext(Job job, Context context) {
        if (rewriteEntries(job, context)) {
            byte[] stored = engine.storage.read(context.name(), KEYS);
            if (stored != null) {
                commit(new Rewrite(context, null, List.of(new RecordChange(KEYS, stored, null))));
            }
        }
    }

    /** The progress of one operation, on its thread. */
    private final class Job {

        private final String operation;
        private final Consumer<? super EncryptionProgress> listener;
        private final Set<String> incomplete = new LinkedHashSet<>();
        private List<String> names = List.of();
        private long done;
        private long entries;
        private long rewritten;
        private long unreadable;

        Job(String operation, Consumer<? super EncryptionProgress> listener) {
            this.operation = operation;
            this.listener = listener;
        }

        EncryptionProgress progress() {
            return new EncryptionProgress(done, names.size(), entries, rewritten, unreadable);
        }

        /** Says that the mark was changed, and that entries are rewritten next. */
        void begin() {
            listener.accept(progress());
        }

        void examined(Context context, long more, long changed, long failed) {
            entries += more;
            rewritten += changed;
            unreadable += failed;
            if (failed > 0) {
                incomplete.add(context.name());
            }
            listener.accept(progress());
        }

        void forEachContext(Consumer<Context> work) {
            names = names();
            done = 0;
            for (String name : names) {
                work.accept(contexts.apply(name));
                done++;
            }
            listener.accept(progress());
        }

        private List<String> names() {
            if (!engine.storage.servesManyContexts()) {
                return List.of(PersistenceBackend.DEFAULT_CONTEXT);
            }
            try (Stream<String> found = engine.names.contexts()) {
                return found.toList();
            }
        }

        void requireAllReadable() {
            if (!incomplete.isEmpty()) {
                throw new RewriteIncompleteException(operation, unreadable, List.copyOf(incomplete));
            }
        }

        boolean areAllSealedWithNewestKey() {
            for (String name : names()) {
                byte[] stored = engine.storage.read(name, KEYS);
                if (stored != null && !store.sealing().isSealedWithNewestKey(name, stored)) {
                    return false;
                }
            }
            return true;
        }
    }
}
