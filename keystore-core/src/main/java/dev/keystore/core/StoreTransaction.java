package dev.keystore.core;

import dev.keystore.EntryExistsException;
import dev.keystore.EntryId;
import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import dev.keystore.Transaction;
import dev.keystore.TransactionConflictException;
import dev.keystore.TransactionWork;
import dev.keystore.Updates;
import dev.keystore.core.FlightEvents.Phase;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The handle of a transaction: it buffers writes and remembers what was read.
 *
 * <p>Concurrency: confined to one thread. All reads are as of one point in time. If a commit was published since the
 * last read, the next read compares everything read before with what is committed, and a change ends the transaction
 * with a conflict (R21, R24). The commit pipeline does the same comparison before it writes.
 */
final class StoreTransaction implements Transaction {

    private final Engine engine;
    private final Context context;
    private final TransactionScope scope;
    private final Thread thread = Thread.currentThread();
    private final Map<EntryKey, Entry> reads = new HashMap<>();

    private Map<EntryKey, Entry> writes = new LinkedHashMap<>();
    private @Nullable Set<String> keptTypes;
    private int seen;
    private boolean conflicted;
    private boolean ended;

    private StoreTransaction(Engine engine, Context context, TransactionScope scope, int seen) {
        this.engine = engine;
        this.context = context;
        this.scope = scope;
        this.seen = seen;
    }

    /** Begins a transaction, once no commit of the context is being published; throws if the context is lost. */
    static StoreTransaction begin(Engine engine, Context context, TransactionScope scope) {
        int seen = context.awaitPublications();
        if (context.isOwnershipLost()) {
            throw engine.reportOwnershipLost(context);
        }
        return new StoreTransaction(engine, context, scope, seen);
    }

    /** Ends the transaction: further calls of the handle throw. */
    void end() {
        ended = true;
    }

    /**
     * Returns the commit of the buffered writes, or null if there are none. Values were encoded and copied when they
     * were written; the commit seals them. It takes over the maps, which the ended transaction no longer changes.
     */
    @Nullable
    CommitRequest toCommit() {
        if (writes.isEmpty() && keptTypes == null) {
            return null;
        }
        return new CommitRequest(
                new CommitContents(context, reads, writes, keptTypes),
                engine.options.commitTimeout().toNanos());
    }

    private void check() {
        if (Thread.currentThread() != thread) {
            throw new IllegalStateException("The transaction on context \"" + context.name() + "\" belongs to thread \""
                    + thread.getName() + "\"; use it on that thread only");
        }
        if (ended || scope.locks.released) {
            throw new IllegalStateException("The transaction on context \"" + context.name()
                    + "\" has ended; use its handle only while its work runs");
        }
        engine.checkOpen();
    }

    private <V> EntryKey key(KeyType<V> type, String id) {
        return new EntryKey(context, Objects.requireNonNull(type, "type"), Objects.requireNonNull(id, "id"));
    }

    private boolean cleared(KeyType<?> type) {
        return keptTypes != null && !keptTypes.contains(type.name());
    }

    /** Returns what this transaction wrote or cleared under a key, or null if it did neither. */
    private @Nullable Entry written(EntryKey key) {
        Entry entry = writes.get(key);
        return entry == null && cleared(key.type) ? Entry.absent(key) : entry;
    }

    /** Checks the argument of a read that does not reach the cache, which checks all others. */
    private void checkIfCleared(EntryKey key) {
        if (cleared(key.type)) {
            engine.types.registerAndCheck(key);
        }
    }

    private Entry entry(EntryKey key) {
        check();
        checkIfCleared(key);
        Entry known = written(key);
        if (known == null) {
            known = reads.get(key);
        }
        if (known == null) {
            known = engine.cache.read(key);
            remember(List.of(key), List.of(known));
        }
        return known;
    }

    /**
     * Remembers entries that were read, if everything read so far is still current. Otherwise it throws and remembers
     * none of them. If the work catches the exception, its next read of another entry compares everything again.
     *
     * @throws TransactionConflictException if an entry that was read has changed
     */
    private void remember(List<EntryKey> keys, List<Entry> entries) {
        while (!context.unchangedSince(seen)) {
            int now = context.awaitPublications();
            for (Map.Entry<EntryKey, Entry> read : reads.entrySet()) {
                throwIfChanged(read.getKey(), read.getValue());
            }
            for (int i = 0; i < keys.size(); i++) {
                throwIfChanged(keys.get(i), entries.get(i));
            }
            seen = now;
        }
        for (int i = 0; i < keys.size(); i++) {
            reads.put(keys.get(i), entries.get(i));
        }
    }

    private void throwIfChanged(EntryKey key, Entry entry) {
        if (!engine.cache.isCurrent(key, entry)) {
            throw conflict(key.entryId());
        }
    }

    /** Returns the exception for a changed entry. It is counted as a conflict once per attempt. */
    TransactionConflictException conflict(EntryId entry) {
        if (!conflicted) {
            conflicted = true;
            engine.countConflict();
        }
        return new TransactionConflictException(context.name(), entry, scope.hasWritten(context.name(), entry));
    }

    @Override
    public String context() {
        return context.name();
    }

    @Override
    public boolean inTransaction() {
        return true;
    }

    @Override
    public <V> Map<String, V> get(KeyType<V> type, Collection<String> ids) {
        check();
        Objects.requireNonNull(type, "type");
        List<EntryKey> unread = new ArrayList<>();
        for (String id : Objects.requireNonNull(ids, "ids")) {
            EntryKey key = key(type, Objects.requireNonNull(id, "ids must not contain null"));
            checkIfCleared(key);
            if (written(key) == null && !reads.containsKey(key)) {
                unread.add(key);
            }
        }
        if (!unread.isEmpty()) {
            remember(unread, engine.cache.readAll(context, unread));
        }
        Map<String, V> values = new LinkedHashMap<>();
        for (String id : ids) {
            V value = entry(key(type, id)).value(type);
            if (value != null) {
                values.put(id, value);
            }
        }
        return values;
    }

    @Override
    public <V> Optional<V> find(KeyType<V> type, String id) {
        return Optional.ofNullable(entry(key(type, id)).value(type));
    }

    @Override
    public Stream<String> ids(KeyType<?> type, String idPrefix) {
        check();
        engine.types.register(Objects.requireNonNull(type, "type"));
        Names.checkPrefix(Objects.requireNonNull(idPrefix, "idPrefix"));
        Map<EntryKey, Entry> own = Map.copyOf(writes);
        Stream<String> written = own.entrySet().stream()
                .filter(write ->
                        write.getValue().exists() && write.getKey().type.equals(type))
                .map(write -> write.getKey().id)
                .filter(id -> id.startsWith(idPrefix));
        Stream<String> committed = cleared(type)
                ? Stream.empty()
                : engine.names.ids(context, type.name(), idPrefix).filter(id -> !own.containsKey(key(type, id)));
        return Stream.concat(written, committed).filter(id -> {
            check();
            return true;
        });
    }

    @Override
    public Optional<byte[]> credentials() {
        return Optional.ofNullable(
                entry(KeyTypeRegistry.credentialsKey(context)).value(KeyTypeRegistry.CREDENTIALS));
    }

    @Override
    public <V> void put(KeyType<V> type, String id, V value) {
        EntryKey key = key(type, id);
        write(key, Entry.encoded(key, type, Objects.requireNonNull(value, "value")));
    }

    @Override
    public void delete(KeyType<?> type, String id) {
        EntryKey key = key(type, id);
        write(key, Entry.absent(key));
    }

    private void write(EntryKey key, Entry entry) {
        check();
        engine.types.registerAndCheck(key);
        writes.put(key, entry);
    }

    @Override
    public void set(Updates updates) {
        Objects.requireNonNull(updates, "updates").applyTo(this);
    }

    @Override
    public <V> void insert(KeyType<V> type, String id, V value) {
        EntryKey key = key(type, id);
        Objects.requireNonNull(value, "value");
        if (entry(key).exists()) {
            throw new EntryExistsException(context.name(), key.entryId());
        }
        put(type, id, value);
    }

    @Override
    public <V> Optional<V> take(KeyType<V> type, String id) {
        Optional<V> taken = find(type, id);
        if (taken.isPresent()) {
            delete(type, id);
        }
        return taken;
    }

    @Override
    public boolean move(KeyType<?> type, String from, String to, OnExisting onExisting) {
        EntryKey source = key(type, Objects.requireNonNull(from, "from"));
        EntryKey target = key(type, Objects.requireNonNull(to, "to"));
        Objects.requireNonNull(onExisting, "onExisting");
        engine.types.registerAndCheck(target);
        Entry moved = entry(source);
        if (!moved.exists() || source.equals(target)) {
            return moved.exists();
        }
        if (onExisting == OnExisting.REFUSE && entry(target).exists()) {
            throw new EntryExistsException(context.name(), target.entryId());
        }
        write(target, moved.copyFor(target));
        write(source, Entry.absent(source));
        return true;
    }

    @Override
    public void clear() {
        clear(Set.of(KeyTypeRegistry.CREDENTIALS.name()));
    }

    @Override
    public void erase() {
        clear(Set.of());
    }

    private void clear(Set<String> kept) {
        check();
        writes.keySet().removeIf(key -> !kept.contains(key.type.name()));
        keptTypes = keptTypes == null || kept.isEmpty() ? kept : keptTypes;
    }

    @Override
    public void saveCredentials(byte[] credentials) {
        EntryKey key = KeyTypeRegistry.credentialsKey(context);
        write(key, Entry.encoded(key, KeyTypeRegistry.CREDENTIALS, Objects.requireNonNull(credentials, "credentials")));
    }

    @Override
    public <R, X extends Exception> R transaction(Set<String> lockKeys, TransactionWork<R, X> work) throws X {
        check();
        Set<String> locked = Names.checkLockKeys(lockKeys);
        Objects.requireNonNull(work, "work");
        acquireLocks(locked);
        Map<EntryKey, Entry> writesBefore = new LinkedHashMap<>(writes);
        Set<String> keptBefore = keptTypes;
        boolean returned = false;
        try {
            R result = work.run(this);
            returned = true;
            return result;
        } finally {
            if (!returned) {
                writes = writesBefore;
                keptTypes = keptBefore;
            }
        }
    }

    private void acquireLocks(Set<String> locked) {
        scope.begin(Phase.WAIT);
        try {
            engine.acquireLocks(context, locked, scope);
        } finally {
            scope.begin(Phase.WORK);
        }
    }

    @Override
    public KeyReader readOnly() {
        return new ReadOnlyReader(this);
    }
}
