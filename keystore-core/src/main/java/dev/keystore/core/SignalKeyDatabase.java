package dev.keystore.core;

import dev.keystore.CompactionFailedException;
import dev.keystore.ContextNotFoundException;
import dev.keystore.ContextOwnedException;
import dev.keystore.ContextPosition;
import dev.keystore.LockTimeoutException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.SignalKeyStore;
import dev.keystore.StoreOpenException;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.FreshnessAnchor;
import dev.keystore.spi.KeyStoreListener;
import dev.keystore.spi.PersistenceBackend;
import dev.keystore.spi.Sealing;
import dev.keystore.spi.StoreSealing.Phase;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * An opened database of key stores: one {@link SignalKeyStore} per context, all on one backend.
 *
 * <pre>{@code
 * try (SignalKeyDatabase database = SignalKeyDatabase.open("jdbc:sqlite:keys.db")) {
 *     SignalKeyStore alice = database.forContext("alice");
 *     alice.put(KeyTypes.SESSION, "bob.1", session);
 * }
 * }</pre>
 *
 * <p>The contexts share one cache, one lock table and one commit pipeline, but no keys, locks or conflicts. Open one
 * database per backend and process, and close it at the end. Neither closing nor a crash loses anything: a write is
 * durable when it returns (R11).
 *
 * <p>Thread-safe. Methods block as follows; the timeouts are {@linkplain KeyStoreOptions options}, by default 30 s
 * each:
 *
 * <ul>
 *   <li><b>Read of a cached entry</b>: no lock and no I/O. If a commit of the context is being put into the cache, the
 *       read waits for that, which takes microseconds.
 *   <li><b>Other reads</b>: one load from the backend on the calling thread, or a wait of at most {@code loadTimeout}
 *       for another thread that loads or writes the same entry.
 *   <li><b>Commit</b>: first loads the entries that it deletes, like a read; then blocks until it is durable, for at
 *       most {@code commitTimeout}. Concurrent commits are written as one group by one of the committing threads, or by
 *       the engine's thread. Transient failures are retried, with 5 attempts in all, the first retry after 20 ms.
 *   <li><b>Single write</b>: a commit. One that reads, such as {@code insert}, starts over after a conflict, until
 *       {@code commitTimeout} has passed since it began.
 *   <li><b>Transaction</b>: waits for its locks, for at most {@code lockTimeout}, then runs its work and commits.
 *   <li><b>First {@link #forContext} of a context</b>: until the backend has registered this database as the owner, for
 *       at most {@code commitTimeout}. Later calls do not block.
 *   <li><b>{@link #close()}</b>: until running commits have ended, for at most {@code commitTimeout}.
 * </ul>
 *
 * <p>These limits do not cover a call of the backend on the calling thread, such as a load or the write of a group:
 * backends bound their own calls. An interrupt ends a wait with {@link OperationInterruptedException} and keeps the
 * interrupt flag (R27). Platform threads and virtual threads may be used. The engine runs one daemon thread per
 * database, {@code keystore-standby}, and {@code keystore-anchor} with a freshness anchor; backends may run others.
 */
public final class SignalKeyDatabase implements AutoCloseable {

    /** The only context of a backend without contexts (R51). */
    public static final String DEFAULT_CONTEXT = PersistenceBackend.DEFAULT_CONTEXT;

    private static final Set<String> OPENING = Set.of("opening");

    private final Engine engine;
    private final boolean refuseOwned;
    private final Map<String, ContextStore> stores = new ConcurrentHashMap<>();
    private final LockTable opening;
    private final @Nullable StoreEncryption encryption;
    private final AtomicBoolean closed = new AtomicBoolean();

    private SignalKeyDatabase(Engine engine, boolean refuseOwned) {
        this.engine = engine;
        this.refuseOwned = refuseOwned;
        this.opening = new LockTable(engine.options.commitTimeout());
        SealedStore encrypted = engine.encrypted();
        this.encryption = encrypted == null ? null : new StoreEncryption(engine, encrypted, this::openToRewrite);
    }

    /**
     * Opens the database that a URL names, with default options. Creates it if it does not exist.
     *
     * <p>Blocks while the backend opens; the backend documents for how long.
     *
     * @param url the scheme of a registered backend and what that backend expects after it, for example
     *     {@code jdbc:sqlite:keys.db}
     * @return the opened database
     * @throws dev.keystore.UnsupportedFormatException if the URL names a store of a newer format or of another kind;
     *     nothing was changed
     * @throws StoreOpenException if no backend or several backends are registered for the scheme, if the store is a
     *     backup, or if it cannot be opened; nothing was changed
     * @throws IllegalArgumentException if the backend does not accept the URL
     * @throws OperationInterruptedException if the thread was interrupted while the backend opened
     */
    public static SignalKeyDatabase open(String url) {
        return builder().url(url).open();
    }

    /**
     * Returns a builder with default options.
     *
     * @return a new builder
     */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Returns the store of a context, which is usually an account or one of its devices. Returns the same object each
     * time.
     *
     * <p>On a backend with ownership, the first call for a context takes it over from its current owner. This call
     * blocks until the backend has recorded that. A takeover that fails transiently is retried like a commit (R40). The
     * wait for another thread that is opening the same context, and the retries, take at most {@code commitTimeout}.
     * Later calls only look the store up.
     *
     * @param context 1 to 1,024 characters, not blank
     * @return the store of the context
     * @throws IllegalArgumentException if the name is blank, too long, not well-formed Unicode or {@code _store}, which
     *     is reserved, or is not {@link #DEFAULT_CONTEXT} on a backend without contexts
     * @throws IllegalStateException if this database is closed
     * @throws ContextOwnedException if this database was opened with {@link Builder#refuseOwned()} and the current
     *     owner is alive; nothing was changed
     * @throws StoreOpenException if the context could not be taken over, or its freshness anchor could not be read; its
     *     former owner may have lost it nevertheless. Also if another process has encrypted or decrypted the store
     *     since this database was opened (a {@link dev.keystore.KeyUnavailableException} if the root key is missing):
     *     open the database again; nothing was written
     * @throws dev.keystore.StaleStoreException if the context is older than its freshness anchor, or was written to in
     *     another copy of the store; nothing was changed (R82, R83)
     * @throws dev.keystore.ContextMovedException if the context was moved to another store, or its move to this one has
     *     not ended; no entry was changed (R84)
     * @throws OperationInterruptedException if the thread was interrupted during an attempt, between two attempts, or
     *     while another thread was opening the context; its former owner may have lost it nevertheless
     */
    public SignalKeyStore forContext(String context) {
        engine.checkOpen();
        ContextStore known = stores.get(Objects.requireNonNull(context, "context"));
        return known == null ? open(context, false) : known;
    }

    /**
     * Returns the store of a context that must already hold at least one entry (R58).
     *
     * <p>Each call asks the backend for the context's first entry, then does what {@link #forContext} does.
     *
     * @param context 1 to 1,024 characters, not blank
     * @return the store of the context
     * @throws ContextNotFoundException if the context holds no entry; nothing was created, and no owner was fenced
     * @throws dev.keystore.LoadFailedException if the backend could not list the context; nothing was changed
     * @throws IllegalArgumentException as for {@link #forContext}
     * @throws IllegalStateException if this database is closed
     * @throws ContextOwnedException as for {@link #forContext}
     * @throws StoreOpenException as for {@link #forContext}
     * @throws dev.keystore.StaleStoreException as for {@link #forContext}
     * @throws dev.keystore.ContextMovedException as for {@link #forContext}
     * @throws OperationInterruptedException as for {@link #forContext}
     */
    public SignalKeyStore forExistingContext(String context) {
        engine.checkOpen();
        checkContext(Objects.requireNonNull(context, "context"));
        if (!engine.storage.holdsEntries(context)) {
            throw new ContextNotFoundException(context, "any entry");
        }
        return forContext(context);
    }

    /**
     * Takes a context over from its current owner, even if that owner is alive and even with
     * {@link Builder#refuseOwned()}, and returns a new store of it. Use it to continue with a context after
     * {@link dev.keystore.OwnershipLostException}.
     *
     * <p>From then on, commits of a store that {@link #forContext} returned earlier fail, like those of any former
     * owner. On a backend without ownership, this method is the same as {@link #forContext}. It blocks for as long as
     * that method.
     *
     * @param context 1 to 1,024 characters, not blank
     * @return a new store of the context; {@link #forContext} returns it from now on
     * @throws IllegalArgumentException as for {@link #forContext}
     * @throws IllegalStateException if this database is closed
     * @throws StoreOpenException as for {@link #forContext}
     * @throws dev.keystore.StaleStoreException as for {@link #forContext}
     * @throws dev.keystore.ContextMovedException as for {@link #forContext}
     * @throws OperationInterruptedException as for {@link #forContext}
     */
    public SignalKeyStore takeOver(String context) {
        engine.checkOpen();
        return open(Objects.requireNonNull(context, "context"), engine.storage.hasOwnership());
    }

    /**
     * Returns the names of the contexts that hold at least one entry, each once, in any order (R55). Those that were
     * moved to another store, or whose move to this one has not ended, are among them, even if they hold no entry; a
     * context that was only opened is not. If names are hidden, a context without entries is never included, since its
     * name is not known.
     *
     * <p>The backend is asked, also for contexts that are open. No context is taken over, so this may run alongside
     * other processes that own them. The stream is read in bounded memory, however many contexts there are. It is
     * weakly consistent: a context that gets its first entry or loses its last one during that time may or may not be
     * included, and every other one is included exactly once if it holds entries. On a store that is encrypted or has
     * had a freshness anchor, each context costs an additional read, since one that holds nothing but its data keys or
     * what it keeps of the anchor is not included.
     *
     * <p>Reading the stream blocks as a load does. It is meant for one thread.
     *
     * @return a stream that the caller closes
     * @throws UnsupportedOperationException if the backend has many contexts but can't list them; the message names the
     *     interface that it would have to implement, {@link dev.keystore.spi.ContextListing}
     * @throws dev.keystore.LoadFailedException if the contexts could not be listed; also thrown while the stream is
     *     read; nothing was changed
     * @throws dev.keystore.UnreadableEntryException in a store that hides names, while the stream is read and after all
     *     other contexts, if the keys of a context cannot be read, since its name is unknown
     * @throws IllegalStateException if this database is closed
     * @throws OperationInterruptedException if the thread was interrupted; also thrown while the stream is read
     */
    public Stream<String> contexts() {
        engine.checkOpen();
        return engine.contexts();
    }

    /**
     * Returns the id of the store: 32 random hexadecimal digits, which distinguish this store and its copies from all
     * other stores (R81). The store gets the id:
     *
     * <ul>
     *   <li>when it is created, if it is encrypted or opened by a URL;
     *   <li>when it is next opened by a URL, if a version of Keystore without such ids created it;
     *   <li>when this method is first called, if its {@linkplain Builder#backend backend} was passed as an object.
     * </ul>
     *
     * @return the id; empty if the store has none yet and cannot be written
     * @throws dev.keystore.LoadFailedException if the backend failed to read it
     * @throws dev.keystore.CorruptEntryException if it is damaged
     * @throws OperationInterruptedException if the thread was interrupted
     * @throws IllegalStateException if this database is closed
     */
    public Optional<String> storeId() {
        engine.checkOpen();
        return engine.id.get();
    }

    /**
     * Returns the position of a context: the epoch and the sequence of its last commit (R81). The context is neither
     * opened nor taken over, so this may run alongside other processes that own it. Commits that are being written
     * during the call may or may not be included.
     *
     * @param context 1 to 1,024 characters, not blank
     * @return the position; empty if nothing was committed to the context, nothing is known of it since it holds
     *     nothing, or the backend does not implement {@link dev.keystore.spi.ContextPositions}
     * @throws dev.keystore.LoadFailedException if the backend failed to read it
     * @throws OperationInterruptedException if the thread was interrupted
     * @throws IllegalArgumentException as for {@link #forContext}
     * @throws IllegalStateException if this database is closed
     */
    public Optional<ContextPosition> position(String context) {
        engine.checkOpen();
        checkContext(Objects.requireNonNull(context, "context"));
        return engine.storage.position(context);
    }

    /**
     * Returns the names of the contexts that this database has opened, whether it still owns them or not.
     *
     * @return a snapshot, in any order
     */
    public Set<String> openContexts() {
        return Set.copyOf(stores.keySet());
    }

    /**
     * Returns the names of the contexts that this database has lost to another owner: those of {@link #openContexts}
     * whose commits fail with {@link dev.keystore.OwnershipLostException}. A loss is noticed by the next commit.
     * {@link #takeOver} gets a context back.
     *
     * @return a snapshot, in any order
     */
    public Set<String> lostContexts() {
        return openContexts(Context::isOwnershipLost);
    }

    /**
     * Returns the names of the contexts that are refused because another copy of the store was written to (R83): those
     * of {@link #openContexts} whose commits fail with {@link dev.keystore.StaleStoreException}. Always empty without a
     * {@linkplain Builder#freshnessAnchor freshness anchor}. This is noticed when the anchor is raised, and does not
     * change until this database is closed. A context that was also lost to another owner is listed by
     * {@link #lostContexts} only.
     *
     * @return a snapshot, in any order
     */
    public Set<String> staleContexts() {
        return openContexts(Context::isStale);
    }

    /**
     * Returns the names of the contexts that can only be read, since the backend failed permanently to read whether
     * they may be written: those of {@link #openContexts} that may have been moved to another store (R84), or all of
     * them if the store may be a backup (R80). Their commits fail with {@link dev.keystore.CommitFailedException}. This
     * is noticed when the context or the store is opened, and does not change until it is opened again; on a backend
     * with ownership, {@link #takeOver} opens a context again.
     *
     * @return a snapshot, in any order
     */
    public Set<String> unwritableContexts() {
        return openContexts(context -> engine.storage.isStateUnknown() || context.isMoveUnknown());
    }

    private Set<String> openContexts(Predicate<Context> state) {
        return stores.values().stream()
                .map(ContextStore::state)
                .filter(state)
                .map(Context::name)
                .collect(Collectors.toUnmodifiableSet());
    }

    /**
     * Reads one entry from the backend, bypassing the cache, and returns if that succeeds. For health checks. Blocks as
     * a load does.
     *
     * @throws dev.keystore.LoadFailedException if the backend failed
     * @throws OperationInterruptedException if the thread was interrupted
     * @throws IllegalStateException if this database is closed
     */
    public void checkReachable() {
        engine.checkOpen();
        engine.id.checkReadable();
    }

    /**
     * Returns an inspection of this database, which reads past its cache and opens no context: counts and sizes by
     * type, damaged entries, ages of keys, owners. The database does not have to be opened a second time for that, as
     * with {@link Builder#openToInspect()}.
     *
     * @return an inspection, which can be used until this database is closed; it need not be closed
     * @throws IllegalStateException if this database is closed
     */
    public StoreInspection inspection() {
        engine.checkOpen();
        return new StoreInspection(engine, false);
    }

    /** Checks the name of a context; throws as {@link #forContext} does. */
    void checkContext(String name) {
        engine.checkContext(name);
    }

    /** Returns the engine. */
    Engine engine() {
        return engine;
    }

    /** Returns whether contexts of living owners are refused. */
    boolean refusesOwned() {
        return refuseOwned;
    }

    /** Returns the context of a store that was opened, or null if there is none. */
    @Nullable
    Context opened(String name) {
        ContextStore known = stores.get(name);
        return known == null ? null : known.state();
    }

    /**
     * Opens a context unless another owner is alive, so that its entries are rewritten in another form. One that was
     * moved, or has not completely arrived, is opened for that as well, without a store.
     */
    private Context openToRewrite(String name) {
        Attempts attempts = engine.attempts();
        if (MoveMark.load(engine.storage, name, attempts) != null) {
            SealedStore encrypted = Objects.requireNonNull(engine.encrypted());
            return withOpeningLock(
                    name, () -> engine.takeovers.openMoved(name, true, encrypted.context(name), attempts));
        }
        ContextStore known = stores.get(name);
        return (known == null ? openChecked(name, false, true) : known).state();
    }

    private SignalKeyStore open(String name, boolean replace) {
        checkContext(name);
        return openChecked(name, replace, refuseOwned && !replace);
    }

    private ContextStore openChecked(String name, boolean replace, boolean unlessOwned) {
        Attempts attempts = engine.attempts();
        return withOpeningLock(name, () -> {
            ContextStore known = stores.get(name);
            if (known == null || replace) {
                Context context = engine.takeovers.open(name, unlessOwned, attempts);
                engine.events.contextOpened();
                known = new ContextStore(engine, context);
                stores.put(name, known);
            }
            return known;
        });
    }

    /**
     * Runs work while no other thread can open a context; throws as {@link #forContext} does if that takes too long.
     */
    <T extends @Nullable Object> T withOpeningLock(String name, Supplier<T> work) {
        LockTable.Held held = new LockTable.Held();
        try {
            acquire(name, held);
            return work.get();
        } finally {
            held.released = true; // before any call, which may fail if no stack is left (R31)
            opening.release(held);
        }
    }

    /**
     * Keeps other threads from opening a context, until the lock is released with {@link #unlockOpening}; throws as
     * {@link #forContext} does.
     */
    LockTable.Held lockOpening(String name) {
        LockTable.Held held = new LockTable.Held();
        acquire(name, held);
        return held;
    }

    /** Lets other threads open a context again. */
    void unlockOpening(LockTable.Held held) {
        opening.release(held);
    }

    private void acquire(String name, LockTable.Held held) {
        try {
            opening.acquire(name, OPENING, held);
        } catch (LockTimeoutException e) {
            throw new StoreOpenException(
                    "Context \"" + name + "\" could not be opened: another thread has been opening or copying it for "
                            + engine.options.commitTimeout().toMillis() + " ms (commitTimeout), " + e.holder(),
                    e);
        } catch (OperationInterruptedException e) {
            throw new OperationInterruptedException("another thread to open context \"" + name + "\"");
        }
    }

    /**
     * Returns the operations on the encryption of this store.
     *
     * @return the same object each time
     * @throws IllegalStateException if this database was opened without encryption
     */
    public StoreEncryption encryption() {
        if (encryption == null) {
            throw new IllegalStateException("The database was opened without encryption: set encryption on the builder,"
                    + " and encryptExisting for a store that is not encrypted yet");
        }
        return encryption;
    }

    /**
     * Returns the options in force.
     *
     * @return immutable options
     */
    public KeyStoreOptions options() {
        return engine.options;
    }

    /**
     * Returns counters since this database was opened.
     *
     * @return a snapshot; the counters are read one after the other while operations continue
     */
    public KeyStoreStats stats() {
        return engine.stats();
    }

    /**
     * Rewrites the files of the database, so that none of them holds a byte of a value that was replaced or deleted
     * before the call, and returns free space to the file system. Use it after values were encrypted (R74).
     *
     * <p>Blocks until that is done; 1 GiB on SQLite took 14 s ({@code docs/encryption.md}). Meanwhile, reads continue,
     * and commits wait. With the default options none is refused if compacting takes less than {@code commitTimeout};
     * beyond 50 s of {@code commitTimeout}, raise the number of attempts as well ({@link Builder#retry}), since an
     * attempt waits up to 10 s. Commits of other processes on the same SQLite file wait for 2 s at each attempt.
     *
     * <p>Needs free space for the current values, on SQLite twice: for a temporary file next to the database file, and
     * for the log. A kill or power loss loses nothing. Not covered are blocks of the disk that no file occupies any
     * more, and backups, replicas and snapshots.
     *
     * @throws UnsupportedOperationException if the backend can't do that, for example PostgreSQL; nothing was changed
     * @throws CompactionFailedException if the backend failed; all entries are unchanged, and former values may remain
     * @throws OperationInterruptedException if the thread was interrupted; all entries are unchanged, and former values
     *     may remain
     * @throws IllegalStateException if this database is closed
     */
    public void compact() {
        engine.checkOpen();
        if (!engine.compact()) {
            throw new UnsupportedOperationException("The backend " + engine.storage.backendName()
                    + " does not implement Compaction, so it cannot remove former values from its files; nothing was"
                    + " changed. Use the tools of its database, or copy the entries to a new store");
        }
    }

    /**
     * Lets running commits finish and closes the backend (R28).
     *
     * <p>Blocks uninterruptibly, for at most {@code commitTimeout} plus the time that the backend takes to close. From
     * then on, every store and transaction throws {@link IllegalStateException}; a transaction whose work is still
     * running writes nothing. Closing a closed database has no effect.
     */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            engine.close();
        }
    }

    /** Configures and opens a {@link SignalKeyDatabase}. Not thread-safe. */
    public static final class Builder {

        private final Map<String, String> properties = new HashMap<>();
        private @Nullable String url;
        private @Nullable Backend backend;
        private KeyStoreOptions.Builder options = KeyStoreOptions.builder();
        private @Nullable Sealing encryption;
        private final Set<Phase> accepted = EnumSet.of(Phase.ENCRYPTED);
        private @Nullable FreshnessAnchor freshnessAnchor;
        private boolean refuseOwned;
        private boolean mustExist;
        private OpenedStore.Opening opening = OpenedStore.Opening.LIVE;
        private boolean startStandby = true;
        private Consumer<String> onOwnershipLost = context -> {};
        private final List<KeyStoreListener> listeners = new ArrayList<>();

        private Builder() {}

        /**
         * Sets the URL of the store to open.
         *
         * @param url the scheme of a registered backend and what that backend expects after it
         * @return this builder
         */
        public Builder url(String url) {
            this.url = Objects.requireNonNull(url, "url");
            return this;
        }

        /**
         * Sets a backend that is already open, instead of a URL. Closing the database closes it.
         *
         * @param backend the backend, which nothing else may use from now on
         * @return this builder
         */
        public Builder backend(Backend backend) {
            this.backend = Objects.requireNonNull(backend, "backend");
            return this;
        }

        /**
         * Sets a property for the backend that the URL names, which documents its properties; or, if its name begins
         * with {@code encryption.}, one of encryption, which the module {@code keystore-encryption} documents.
         *
         * @param name the name of the property
         * @param value its value
         * @return this builder
         */
        public Builder property(String name, String value) {
            properties.put(Objects.requireNonNull(name, "name"), Objects.requireNonNull(value, "value"));
            return this;
        }

        /**
         * Replaces all options, including those set on this builder before.
         *
         * @param options the options
         * @return this builder
         */
        public Builder options(KeyStoreOptions options) {
            this.options = Objects.requireNonNull(options, "options").toBuilder();
            return this;
        }

        /**
         * Sets {@link KeyStoreOptions.Builder#maximumCacheBytes}; 64 MiB by default.
         *
         * @param maximumCacheBytes the size of the cache that all contexts share, in bytes
         * @return this builder
         */
        public Builder maximumCacheBytes(long maximumCacheBytes) {
            options.maximumCacheBytes(maximumCacheBytes);
            return this;
        }

        /**
         * Sets {@link KeyStoreOptions.Builder#lockTimeout}; 30 s by default.
         *
         * @param lockTimeout the maximum time that a transaction waits for its locks
         * @return this builder
         */
        public Builder lockTimeout(Duration lockTimeout) {
            options.lockTimeout(lockTimeout);
            return this;
        }

        /**
         * Sets {@link KeyStoreOptions.Builder#loadTimeout}; 30 s by default.
         *
         * @param loadTimeout the maximum time that a read waits for another thread's load or write
         * @return this builder
         */
        public Builder loadTimeout(Duration loadTimeout) {
            options.loadTimeout(loadTimeout);
            return this;
        }

        /**
         * Sets {@link KeyStoreOptions.Builder#commitTimeout}; 30 s by default.
         *
         * @param commitTimeout the maximum time that a commit waits, including its time in the queue and its retries
         * @return this builder
         */
        public Builder commitTimeout(Duration commitTimeout) {
            options.commitTimeout(commitTimeout);
            return this;
        }

        /**
         * Sets {@link KeyStoreOptions.Builder#commitAttempts} and {@link KeyStoreOptions.Builder#retryDelay}, for
         * commits and takeovers of contexts that fail transiently.
         *
         * @param attempts the number of attempts, including the first; 5 by default
         * @param delay the delay before the first retry, which doubles with each further retry; 20 ms by default
         * @return this builder
         */
        public Builder retry(int attempts, Duration delay) {
            options.commitAttempts(attempts).retryDelay(Objects.requireNonNull(delay, "delay"));
            return this;
        }

        /**
         * Sets {@link KeyStoreOptions.Builder#maximumGroupSize}; 1,024 by default.
         *
         * @param maximumGroupSize the maximum number of commits in one group
         * @return this builder
         */
        public Builder maximumGroupSize(int maximumGroupSize) {
            options.maximumGroupSize(maximumGroupSize);
            return this;
        }

        /**
         * Encrypts the values of the store (R70). By default, values are not encrypted, and an encrypted store is
         * refused. The property {@code encryption.key} does the same for configurations without code; this method takes
         * precedence.
         *
         * <p>A new store is marked as encrypted when it is opened. A store that holds values which are not encrypted is
         * refused, except with {@link #encryptExisting()}.
         *
         * @param encryption how to encrypt, for example {@code Encryption.with(KeyFile.at(path))} of the module
         *     {@code keystore-encryption}
         * @return this builder
         */
        public Builder encryption(Sealing encryption) {
            this.encryption = Objects.requireNonNull(encryption, "encryption");
            return this;
        }

        /**
         * Accepts a store that holds values which are not encrypted, and encrypts what is written from now on. Call
         * {@link StoreEncryption#encrypt} of {@link SignalKeyDatabase#encryption()} to encrypt the other values; until
         * that has ended, both kinds are read. Has no effect on a store that is encrypted. By default, a store with
         * plaintext values is refused, because an encrypted store looks the same if an attacker has deleted its mark,
         * or replaced it by a mark from the time of its encryption. It is refused in any case if its backend has many
         * contexts but not {@link dev.keystore.spi.ContextListing}, since not all of its values could be found.
         *
         * @return this builder
         */
        public Builder encryptExisting() {
            accepted.add(Phase.ENCRYPTING);
            return this;
        }

        /**
         * Accepts a store whose decryption was begun and has not ended: values are no longer encrypted when they are
         * written. Call {@link StoreEncryption#decrypt} to complete that, or {@link StoreEncryption#encrypt} to reverse
         * it. Has no effect on another store. By default, such a store is refused, because an encrypted store looks the
         * same if an attacker has replaced its mark by a mark from the time of a decryption.
         *
         * @return this builder
         */
        public Builder decryptExisting() {
            accepted.add(Phase.DECRYPTING);
            return this;
        }

        /**
         * Compares each context, when it is opened, with a freshness anchor, and refuses one that is older than that,
         * with {@link dev.keystore.StaleStoreException} (R82). By default, there is no anchor; a warning is logged if
         * the store has had one. The property {@code freshness.anchor} does the same for configurations without code:
         * {@code file:} and a path, or the URL of another database, whose password is where
         * {@code freshness.anchor.password} says: {@code env:} and the name of an environment variable, or
         * {@code file:} and a path. This method takes precedence.
         *
         * <p>The anchor must be on another volume or in another database, and must not be part of the same backup. It
         * is raised in the background: after the first commit to a context, once for 2,000 further ones, and when the
         * database is closed. {@code docs/freshness.md} says what is detected, and what is not.
         *
         * @param anchor the anchor, for example a {@link FileFreshnessAnchor}; closing the database closes it
         * @return this builder
         */
        public Builder freshnessAnchor(FreshnessAnchor anchor) {
            this.freshnessAnchor = Objects.requireNonNull(anchor, "anchor");
            return this;
        }

        /**
         * Makes {@link SignalKeyDatabase#forContext} fail with {@link ContextOwnedException} while another owner of the
         * context is alive, in this process or in another one. By default, the last to open a context owns it. Has no
         * effect on {@link SignalKeyDatabase#takeOver}, or on a backend without ownership.
         *
         * @return this builder
         */
        public Builder refuseOwned() {
            refuseOwned = true;
            return this;
        }

        /**
         * Makes {@link #open()} fail with {@link dev.keystore.StoreNotFoundException} if the store that the URL names
         * does not exist (R58). By default, it is created. Cannot be combined with {@link #backend}, which is already
         * open.
         *
         * @return this builder
         */
        public Builder mustExist() {
            mustExist = true;
            return this;
        }

        /**
         * Opens a backup, which {@link StoreBackup} has written, for reading: to look at it, to verify it, or to
         * restore it with {@link StoreRestore}. No context is taken over; commits fail with
         * {@link dev.keystore.CommitFailedException}. The store must exist, as with {@link #mustExist}. By default, a
         * backup is refused. One that was taken before {@link StoreEncryption#encrypt} or
         * {@link StoreEncryption#decrypt} had ended needs {@link #encryptExisting()} or {@link #decryptExisting()} as
         * well.
         *
         * @return this builder
         */
        public Builder readingBackup() {
            opening = OpenedStore.Opening.READING_BACKUP;
            return this;
        }

        /**
         * Opens any store for reading: for a {@link StoreCopy#dryRun}. Nothing is written, neither an entry nor the id
         * or the mark of the store, and no context is taken over; commits fail with
         * {@link dev.keystore.CommitFailedException}. The store must exist, as with {@link #mustExist}. A freshness
         * anchor is not used. By default, a store is opened to be written.
         *
         * @return this builder
         */
        public Builder readingOnly() {
            opening = OpenedStore.Opening.READING;
            return this;
        }

        /** Opens the target of a restore. */
        SignalKeyDatabase openToRestore() {
            opening = OpenedStore.Opening.RESTORING;
            try {
                return open();
            } finally {
                opening = OpenedStore.Opening.LIVE;
            }
        }

        /**
         * Sets a listener that is called with the name of a context that another owner has taken over: once per store,
         * when that store next commits. A store that only reads does not notice, and may return cached entries until
         * then.
         *
         * <p>The listener is called on the thread whose commit or transaction is refused first, before that thread gets
         * its {@link dev.keystore.OwnershipLostException} and while it holds its transaction's locks. It may call
         * {@link SignalKeyDatabase#takeOver}. If it throws, its exception is added to that one as suppressed.
         *
         * @param listener the listener
         * @return this builder
         */
        public Builder onOwnershipLost(Consumer<String> listener) {
            onOwnershipLost = Objects.requireNonNull(listener, "listener");
            return this;
        }

        /**
         * Adds a listener that is called when the database has loaded, committed, waited for a lock and so on, for
         * metrics and logs. Without a listener and without a flight recording, nothing is measured, except that SQLite
         * and MapDB read the clock twice for each fsync.
         *
         * @param listener the listener, which must not block; {@link KeyStoreListener} says on which threads it runs
         * @return this builder
         */
        public Builder listener(KeyStoreListener listener) {
            listeners.add(Objects.requireNonNull(listener, "listener"));
            return this;
        }

        /** Opens the database without the standby thread, for tests that control the schedule of all threads. */
        Builder withoutStandby() {
            startStandby = false;
            return this;
        }

        /**
         * Opens the database.
         *
         * @return the opened database
         * @throws IllegalStateException if neither or both of a URL and a backend are set, {@link #mustExist()} is set
         *     with a backend, or {@link #encryptExisting()} or {@link #decryptExisting()} without encryption
         * @throws dev.keystore.StoreNotFoundException if {@link #mustExist()} is set and the store does not exist
         * @throws dev.keystore.KeyUnavailableException if the store is encrypted, or is to be, and the root key is
         *     missing, wrong or out of reach; nothing was created or changed (R72)
         * @throws dev.keystore.UnsupportedFormatException as for {@link SignalKeyDatabase#open(String)}
         * @throws StoreOpenException as for {@link SignalKeyDatabase#open(String)}; also if the store is not encrypted
         *     but is to be, if its encryption or decryption has not ended and that is not accepted, or if its mark is
         *     damaged or was tampered with; if it is not a backup with {@link #readingBackup()}, or is one without;
         *     nothing was changed
         * @throws IllegalArgumentException as for {@link SignalKeyDatabase#open(String)}
         * @throws OperationInterruptedException as for {@link SignalKeyDatabase#open(String)}
         */
        public SignalKeyDatabase open() {
            if (backend != null && mustExist) {
                throw new IllegalStateException(
                        "A builder with a backend, which is already open, must not set mustExist: "
                                + "set a url, or check that the store exists when you open the backend");
            }
            Sealing sealing = sealing();
            if (accepted.size() > 1 && sealing == null) {
                throw new IllegalStateException("The builder has encryptExisting or decryptExisting set without"
                        + " encryption: set encryption as well");
            }
            FreshnessAnchor anchor = anchor();
            Engine engine = null;
            try {
                engine = openEngine(sealing, opening, anchor);
            } finally {
                if (engine == null && anchor != null && freshnessAnchor == null) {
                    anchor.close();
                }
            }
            if (startStandby) {
                engine.start();
            }
            engine.events.opened();
            return new SignalKeyDatabase(engine, refuseOwned);
        }

        private @Nullable FreshnessAnchor anchor() {
            if (opening == OpenedStore.Opening.RESTORING || opening == OpenedStore.Opening.READING) {
                return null; // a restored store gets another id, so its contexts will be new to the anchor
            }
            return freshnessAnchor != null ? freshnessAnchor : AnchorLocator.find(properties);
        }

        /**
         * Opens the database only to look at it: takes no context over and writes nothing, neither an entry nor the
         * mark of an encrypted store. The store must exist; it may be a backup. It may be in use by other processes if
         * its backend admits several; a folder of MapDB is refused while another process has it open. It is not
         * compared with a freshness anchor. A store whose encryption or decryption has not ended is opened without
         * {@link #encryptExisting()} or {@link #decryptExisting()}, but its values are then not
         * {@linkplain StoreInspection#read returned}.
         *
         * @return what can be read
         * @throws IllegalStateException if neither or both of a URL and a backend are set
         * @throws dev.keystore.StoreNotFoundException if the store does not exist
         * @throws dev.keystore.KeyUnavailableException as for {@link #open()}
         * @throws dev.keystore.UnsupportedFormatException as for {@link #open()}
         * @throws StoreOpenException as for {@link #open()}
         * @throws IllegalArgumentException as for {@link #open()}
         * @throws OperationInterruptedException as for {@link #open()}
         */
        public StoreInspection openToInspect() {
            return new StoreInspection(openEngine(sealing(), OpenedStore.Opening.INSPECTING, null), true);
        }

        private @Nullable Sealing sealing() {
            if ((url == null) == (backend == null)) {
                throw new IllegalStateException("Either a url or a backend must be set on the builder, "
                        + (url == null ? "neither was" : "both were"));
            }
            StackHeadroom.require();
            return encryption != null ? encryption : SealingLocator.find(properties);
        }

        private Engine openEngine(@Nullable Sealing sealing, OpenedStore.Opening as, @Nullable FreshnessAnchor anchor) {
            return backend != null ? newEngine(backend, sealing, as, anchor) : openUrl(sealing, as, anchor);
        }

        private Engine newEngine(
                Backend opened, @Nullable Sealing sealing, OpenedStore.Opening as, @Nullable FreshnessAnchor anchor) {
            KeyStoreOptions built = options.build();
            OpenedStore store = OpenedStore.open(opened, built, sealing, accepted, as);
            if (anchor == null && as == OpenedStore.Opening.LIVE) {
                Freshness.warnIfMissing(store);
            }
            Freshness freshness = anchor == null
                    ? null
                    : Freshness.of(store, anchor, AnchorLocator.acceptsLost(properties), new Attempts(built));
            return new Engine(store, built, freshness, new EngineEvents(listeners), onOwnershipLost);
        }

        private Engine openUrl(@Nullable Sealing sealing, OpenedStore.Opening as, @Nullable FreshnessAnchor anchor) {
            boolean readsOnly = switch (as) {
                case LIVE, RESTORING -> false;
                case READING_BACKUP, READING, INSPECTING -> true;
            };
            Map<String, String> ofBackend = AnchorLocator.withoutAnchor(SealingLocator.withoutEncryption(properties));
            BackendConfig config = new BackendConfig(Objects.requireNonNull(url), ofBackend, mustExist || readsOnly);
            Backend opened = BackendLocator.open(config, sealing);
            boolean ready = false;
            try {
                Engine engine = newEngine(opened, sealing, as, anchor);
                if (!readsOnly) {
                    engine.id.createIfAbsent();
                }
                ready = true;
                return engine;
            } finally {
                if (!ready) {
                    opened.close();
                }
            }
        }
    }
}
