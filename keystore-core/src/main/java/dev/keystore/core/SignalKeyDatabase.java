package dev.keystore.core;

import dev.keystore.ContextNotFoundException;
import dev.keystore.ContextOwnedException;
import dev.keystore.EntryId;
import dev.keystore.LockTimeoutException;
import dev.keystore.OperationInterruptedException;
import dev.keystore.SignalKeyStore;
import dev.keystore.StoreOpenException;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.PersistenceBackend;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * An opened backend, with the stores of its contexts. All of them share one cache, one set of locks and one commit
 * pipeline.
 *
 * <pre>{@code
 * try (SignalKeyDatabase database = SignalKeyDatabase.open("jdbc:sqlite:keys.db")) {
 *     SignalKeyStore alice = stores.forContext("alice");
 *     ...
 * }
 * }</pre>
 *
 * <p>Safe for use by any number of threads. A process opens one of these for each backend, and closes it when it ends;
 * what was acknowledged is durable all the same if it does not (R11).
 */
public final class SignalKeyDatabase implements AutoCloseable {

    /** The context that a backend of one context serves, and the only one it does (R51). */
    public static final String DEFAULT_CONTEXT = PersistenceBackend.DEFAULT_CONTEXT;

    private static final Set<String> OPENING = Set.of("opening");

    private final Engine engine;
    private final boolean refuseOwned;
    private final Map<String, ContextStore> stores = new ConcurrentHashMap<>();
    private final LockTable opening;
    private final AtomicBoolean closed = new AtomicBoolean();

    private SignalKeyDatabase(Engine engine, boolean refuseOwned) {
        this.engine = engine;
        this.refuseOwned = refuseOwned;
        this.opening = new LockTable(engine.options.commitTimeout());
    }

    /**
     * Opens the backend that a URL names, with the default options.
     *
     * @param url a scheme of a registered backend and what follows it, for example {@code jdbc:sqlite:keys.db}
     * @throws dev.keystore.UnsupportedFormatException if what was found there is newer or of another kind; nothing was
     *     changed
     * @throws StoreOpenException if no backend, or several, are registered for the scheme, or it can't be
     *     opened; nothing was changed
     * @throws IllegalArgumentException if the URL is not of the backend's form
     * @throws OperationInterruptedException if the thread was interrupted while the backend opened
     */
    public static SignalKeyDatabase open(String url) {
        return builder().url(url).open();
    }

    /** Returns a builder with the default options. */
    public static Builder builder() {
        return new Builder();
    }

    /**
     * Returns the store of a context: an account, or a device of it. The same one each time.
     *
     * <p>On a backend with ownership the first call takes the context over, and waits for the backend to say so. A takeover
     * that fails transiently is tried again as a commit is, for at most {@code commitTimeout} (R40).
     *
     * @param context 1 to 1,024 characters, not blank
     * @throws IllegalArgumentException if the name is blank, too long or not well-formed Unicode, or not
     *     {@link #DEFAULT_CONTEXT} on a backend that has no contexts
     * @throws IllegalStateException if this is closed
     * @throws ContextOwnedException if this was opened with {@link Builder#refuseOwned()}, and the context's owner lives
     * @throws StoreOpenException if the context could not be taken over; its former owner may have lost it all the same
     * @throws OperationInterruptedException if the thread was interrupted in a try, between two of them, or while another
     *     thread opened the context; as with {@code StoreOpenException}, a former owner may have lost it all the same
     */
    public SignalKeyStore forContext(String context) {
        engine.checkOpen();
        ContextStore known = stores.get(Objects.requireNonNull(context, "context"));
        return known == null ? open(context, false) : known;
    }

    /**
     * Returns the store of a context that must exist already: one that holds at least one entry (R58). As
     * {@link #forContext}, except that a context that holds nothing is refused before it is taken over.
     *
     * @throws ContextNotFoundException if the context holds nothing; nothing was created, and no owner was fenced
     * @throws IllegalArgumentException as {@link #forContext} says
     * @throws IllegalStateException if this is closed
     * @throws ContextOwnedException as {@link #forContext} says
     * @throws dev.keystore.LoadFailedException if the backend could not say what it holds; nothing was changed
     * @throws StoreOpenException as {@link #forContext} says
     * @throws OperationInterruptedException as {@link #forContext} says
     */
    public SignalKeyStore forExistingContext(String context) {
        engine.checkOpen();
        checkContext(Objects.requireNonNull(context, "context"));
        try (Stream<EntryId> entries = engine.storage.list(context)) {
            if (entries.findAny().isEmpty()) {
                throw new ContextNotFoundException(context, "any entry");
            }
        }
        return forContext(context);
    }

    /**
     * Takes a context over, from whichever owner has it now, and returns a new store of it. A store of it that
     * {@link #forContext} returned before is a former owner from then on: its commits fail.
     *
     * <p>This is how an owner that was fenced takes its context back, {@link Builder#refuseOwned()} or not. On a backend
     * without ownership there is nothing to take over, and this is {@link #forContext}. It waits as that does.
     *
     * @throws IllegalArgumentException if the name is one that {@link #forContext} refuses
     * @throws IllegalStateException if this is closed
     * @throws StoreOpenException as {@link #forContext} says
     * @throws OperationInterruptedException as {@link #forContext} says
     */
    public SignalKeyStore takeOver(String context) {
        engine.checkOpen();
        return open(Objects.requireNonNull(context, "context"), engine.storage.hasOwnership());
    }

    private void checkContext(String name) {
        KeyTypeRegistry.checkName("context", name);
        if (!engine.storage.servesManyContexts() && !name.equals(DEFAULT_CONTEXT)) {
            throw new IllegalArgumentException("context must be \"" + DEFAULT_CONTEXT
                    + "\": this backend holds one context only, and can't open \"" + name + "\"");
        }
    }

    private SignalKeyStore open(String name, boolean anew) {
        checkContext(name);
        long deadlineNanos = System.nanoTime() + engine.options.commitTimeout().toNanos();
        LockTable.Held held = new LockTable.Held();
        try {
            acquire(name, held);
            ContextStore known = stores.get(name);
            if (known == null || anew) {
                long epoch = engine.takeOver(name, refuseOwned && !anew, deadlineNanos);
                known = new ContextStore(engine, new Context(name, epoch));
                stores.put(name, known);
            }
            return known;
        } finally {
            held.released = true; // before any call, each of which may fail where no stack is left (R31)
            opening.release(held);
        }
    }

    private void acquire(String name, LockTable.Held held) {
        try {
            opening.acquire(name, OPENING, held);
        } catch (LockTimeoutException e) {
            throw new StoreOpenException(
                    "Context \"" + name + "\" could not be taken over: another thread is still trying to, "
                            + e.holder(),
                    e);
        } catch (OperationInterruptedException e) {
            throw new OperationInterruptedException("another thread to open context \"" + name + "\"");
        }
    }

    /** Returns the options in force. */
    public KeyStoreOptions options() {
        return engine.options;
    }

    /** Returns what has been done since this was opened. */
    public KeyStoreStats stats() {
        return engine.stats();
    }

    /**
     * Lets running commits finish, for at most {@code commitTimeout}, and closes the backend (R28).
     *
     * <p>From then on every store and transaction refuses its calls with {@link IllegalStateException}; a transaction
     * whose work is still running writes nothing. Calling it again does nothing.
     */
    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            engine.close();
        }
    }

    /** Sets the options of a {@link SignalKeyDatabase} and opens it. Not safe for use by several threads at once. */
    public static final class Builder {

        private final Map<String, String> properties = new HashMap<>();
        private @Nullable String url;
        private @Nullable Backend backend;
        private KeyStoreOptions options = KeyStoreOptions.DEFAULTS;
        private boolean refuseOwned;
        private boolean mustExist;
        private boolean attended = true;
        private Consumer<String> onOwnershipLost = context -> {};

        private Builder() {}

        /** Opens the backend that is registered for the URL's scheme. */
        public Builder url(String url) {
            this.url = Objects.requireNonNull(url, "url");
            return this;
        }

        /** Uses a backend that is open already, in place of a URL; closing the stores closes it. */
        public Builder backend(Backend backend) {
            this.backend = Objects.requireNonNull(backend, "backend");
            return this;
        }

        /** Passes a setting to the backend that the URL names, as that backend documents it. */
        public Builder property(String name, String value) {
            properties.put(Objects.requireNonNull(name, "name"), Objects.requireNonNull(value, "value"));
            return this;
        }

        /** Takes all options at once. */
        public Builder options(KeyStoreOptions options) {
            this.options = Objects.requireNonNull(options, "options");
            return this;
        }

        /** Bounds the cache of all contexts together, in bytes; 64 MiB unless set. */
        public Builder maximumCacheBytes(long maximumCacheBytes) {
            options = options.withMaximumCacheBytes(maximumCacheBytes);
            return this;
        }

        /** Bounds the wait of a transaction for its locks; 30 s unless set. */
        public Builder lockTimeout(Duration lockTimeout) {
            options = options.withLockTimeout(lockTimeout);
            return this;
        }

        /** Bounds the wait of a read for another thread's load or write; 30 s unless set. */
        public Builder loadTimeout(Duration loadTimeout) {
            options = options.withLoadTimeout(loadTimeout);
            return this;
        }

        /**
         * Bounds a commit, its wait in the queue and its retries included, and the retries of opening a context; 30 s unless
         * set.
         */
        public Builder commitTimeout(Duration commitTimeout) {
            options = options.withCommitTimeout(commitTimeout);
            return this;
        }

        /**
         * Sets how a commit, or the takeover of a context, that fails transiently is tried again.
         *
         * @param attempts how often it is tried at most, the first time included; 5 unless set
         * @param delay how long the first retry waits, doubled for each further one; 20 ms unless set
         */
        public Builder retry(int attempts, Duration delay) {
            options = options.withRetry(attempts, Objects.requireNonNull(delay, "delay"));
            return this;
        }

        /** Bounds how many commits are written as one; 1,024 unless set. */
        public Builder maximumGroupSize(int maximumGroupSize) {
            options = options.withMaximumGroupSize(maximumGroupSize);
            return this;
        }

        /**
         * Makes {@link SignalKeyDatabase#forContext} fail with {@link ContextOwnedException} while another owner of the context
         * lives, in another process or opened beside this one, in place of taking it over. Unless set, the last to open a
         * context owns it. Without effect on {@link SignalKeyDatabase#takeOver}, and on a backend without ownership.
         */
        public Builder refuseOwned() {
            refuseOwned = true;
            return this;
        }

        /**
         * Makes {@link #open()} fail with {@link dev.keystore.StoreNotFoundException} if the store that the URL names is
         * not there, in place of creating it (R58). Unless set, it is created. Without effect on a backend that was
         * passed opened.
         */
        public Builder mustExist() {
            mustExist = true;
            return this;
        }

        /**
         * Sets who is told the name of a context that another owner has taken over: once for each store that lost it, when
         * it next commits. A store that only reads is not told, and may read what it has cached until then.
         *
         * <p>It is called on the thread whose commit, or whose transaction, was the first to be refused, before that
         * thread gets its {@link dev.keystore.OwnershipLostException}, and while it holds the transaction's locks. It may
         * call {@link SignalKeyDatabase#takeOver}. What it throws is added to that exception as suppressed.
         */
        public Builder onOwnershipLost(Consumer<String> listener) {
            onOwnershipLost = Objects.requireNonNull(listener, "listener");
            return this;
        }

        /** Opens the stores without a thread of the engine's, for tests that schedule all threads themselves. */
        Builder unattended() {
            attended = false;
            return this;
        }

        /**
         * Opens the stores.
         *
         * @throws IllegalStateException if neither or both of a URL and a backend were given
         * @throws StoreOpenException as {@link SignalKeyDatabase#open(String)} says
         * @throws OperationInterruptedException as {@link SignalKeyDatabase#open(String)} says
         */
        public SignalKeyDatabase open() {
            if ((url == null) == (backend == null)) {
                throw new IllegalStateException("Either a url or a backend must be given");
            }
            Backend opened = backend != null
                    ? backend
                    : BackendLocator.open(new BackendConfig(Objects.requireNonNull(url), properties, mustExist));
            Engine engine = new Engine(opened, options, onOwnershipLost);
            if (attended) {
                engine.start();
            }
            return new SignalKeyDatabase(engine, refuseOwned);
        }
    }
}
