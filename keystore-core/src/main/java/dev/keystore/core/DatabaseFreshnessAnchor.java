package dev.keystore.core;

import dev.keystore.OperationInterruptedException;
import dev.keystore.OwnershipLostException;
import dev.keystore.spi.AtomicCommit;
import dev.keystore.spi.Backend;
import dev.keystore.spi.BackendConfig;
import dev.keystore.spi.BackendException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.BulkLoad;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.ContextOwnership;
import dev.keystore.spi.FreshnessAnchor;
import dev.keystore.spi.Mutation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A freshness anchor in another database (R82): each record is a row of a SQLite file, of a PostgreSQL schema, or of
 * whatever a registered backend opens. Use a file or a schema that holds nothing else.
 *
 * <p>Several stores and processes may share it if the backend has {@link ContextOwnership}, as SQLite and PostgreSQL
 * have. Each write is made with an epoch of the records; if another process has raised the epoch meanwhile, the write
 * is refused, and is repeated with what that process has written.
 *
 * <p>Any number of threads may use it; one of them writes at a time. Every call blocks as a call of the backend does.
 */
public final class DatabaseFreshnessAnchor implements FreshnessAnchor {

    private static final String CONTEXT = "_anchors";
    private static final String TYPE = "_anchor";
    private static final int MAXIMUM_ATTEMPTS = 100;
    private static final Duration TIMEOUT = Duration.ofSeconds(10);

    private final ContextAwareBackend backend;
    private final AtomicCommit commits;
    private final ReentrantLock writing = new ReentrantLock();

    /** The epoch of the last takeover, or 0. Used by the thread that holds {@link #writing}, as the next field is. */
    private long epoch;

    private long sequence;

    private DatabaseFreshnessAnchor(ContextAwareBackend backend, AtomicCommit commits) {
        this.backend = backend;
        this.commits = commits;
    }

    /**
     * Opens the anchor in the database that a URL names, and creates the database if it does not exist.
     *
     * @param url a URL as for {@link SignalKeyDatabase#open(String)}, for example {@code jdbc:sqlite:/anchor/anchor.db}
     * @return the anchor
     * @throws dev.keystore.StoreOpenException if it cannot be opened
     * @throws IllegalArgumentException if the backend does not accept the URL, or has no atomic commits
     */
    public static DatabaseFreshnessAnchor open(String url) {
        return open(url, Map.of());
    }

    /** Opens the anchor like {@link #open(String)}, with properties of its backend, such as a password. */
    static DatabaseFreshnessAnchor open(String url, Map<String, String> properties) {
        return on(BackendLocator.open(new BackendConfig(Objects.requireNonNull(url, "url"), properties, false), null));
    }

    /**
     * Returns the anchor on an open backend, which nothing else may use from now on. Closing the anchor closes it.
     *
     * @throws IllegalArgumentException if the backend has no atomic commits; it is closed
     */
    static DatabaseFreshnessAnchor on(Backend opened) {
        if (opened instanceof ContextAwareBackend backend && opened instanceof AtomicCommit commits) {
            return new DatabaseFreshnessAnchor(backend, commits);
        }
        opened.close();
        throw new IllegalArgumentException("The backend of a freshness anchor must implement ContextAwareBackend and"
                + " AtomicCommit, but " + opened.getClass().getName() + " does not");
    }

    @Override
    public Map<String, byte[]> load(Collection<String> keys) {
        Collection<String> wanted = keys.isEmpty() ? List.of(TYPE) : keys;
        if (backend instanceof BulkLoad bulk) {
            return bulk.loadAll(CONTEXT, TYPE, wanted);
        }
        Map<String, byte[]> found = new HashMap<>();
        wanted.forEach(key -> backend.load(CONTEXT, TYPE, key).ifPresent(record -> found.put(key, record)));
        return found;
    }

    @Override
    public Set<String> replace(List<Replacement> replacements) {
        boolean locked = false;
        try {
            locked = writing.tryLock(TIMEOUT.toNanos(), TimeUnit.NANOSECONDS);
            if (!locked) {
                throw BackendException.transientFailure(
                        this + ": could not write the freshness anchor: another thread has been writing it for "
                                + TIMEOUT.toSeconds() + " s",
                        null);
            }
            return replaceLocked(replacements);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new OperationInterruptedException("another thread to write the freshness anchor");
        } finally {
            if (locked) {
                writing.unlock();
            }
        }
    }

    private Set<String> replaceLocked(List<Replacement> replacements) {
        for (int attempt = 1; ; attempt++) {
            try {
                return replaceAsOwner(replacements);
            } catch (OwnershipLostException e) {
                epoch = 0; // another process has written in the meantime
                if (attempt == MAXIMUM_ATTEMPTS) {
                    throw e;
                }
            }
        }
    }

    /** Compares, then writes in the same epoch: if another process wrote in between, the epoch is over. */
    private Set<String> replaceAsOwner(List<Replacement> replacements) {
        if (epoch == 0 && backend instanceof ContextOwnership ownership) {
            epoch = ownership.takeOver(CONTEXT);
            sequence = 0;
        }
        Map<String, byte[]> found =
                load(replacements.stream().map(Replacement::key).toList());
        Set<String> refused = new HashSet<>();
        List<Mutation> mutations = new ArrayList<>();
        for (Replacement replacement : replacements) {
            if (Arrays.equals(found.get(replacement.key()), replacement.expected())) {
                mutations.add(new Mutation.Put(TYPE, replacement.key(), replacement.next()));
            } else {
                refused.add(replacement.key());
            }
        }
        if (!mutations.isEmpty()) {
            commits.commit(new Batch(CONTEXT, epoch, ++sequence, mutations));
        }
        return refused;
    }

    @Override
    public void close() {
        backend.close();
    }

    /** Returns the class of the backend. */
    @Override
    public String toString() {
        return "DatabaseFreshnessAnchor[" + backend.getClass().getName() + "]";
    }
}
