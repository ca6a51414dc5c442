package dev.keystore.core;

import dev.keystore.EntryExistsException;
import dev.keystore.EntryId;
import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import dev.keystore.Transaction;
import dev.keystore.TransactionConflictException;
import dev.keystore.TransactionWork;
import dev.keystore.Updates;
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
 * A transaction: a buffer of writes over the cache, and a memory of what was read.
 *
 * <p>Concurrency: confined to one thread. What it read stands as of one point in time: after each read, if a commit was
 * published since the last one, everything read before is looked at again, and what has changed ends the transaction
 * (R21, R24). The commit pipeline does the same once more before it writes.
 */
final class StoreTransaction implements Transaction {

    private final Engine engine;
    private final Context context;
    private final TransactionScope scope;
    private final Thread thread = Thread.currentThread();
    private final Map<EntryKey, Entry> reads = new HashMap<>();

    private Map<EntryKey, Entry> writes = new LinkedHashMap<>();
    private @Nullable Set<String> keptTypes;
    private long seen;
    private boolean conflicted;
    private boolean ended;

    StoreTransaction(Engine engine, Context context, TransactionScope scope) {
        this.engine = engine;
        this.context = context;
        this.scope = scope;
        this.seen = context.published();
        if (context.lost) {
            throw engine.pipeline.loss(context);
        }
    }

    /** Seals the handle. */
    void end() {
        ended = true;
    }

    /** Returns the commit of what was written; null if nothing was. */
    @Nullable
    CommitRequest toCommit() {
        if (writes.isEmpty() && keptTypes == null) {
            return null;
        }
        return new CommitRequest(
                context,
                reads,
                writes,
                keptTypes,
                engine.options.commitTimeout().toNanos());
    }

    private void check() {
        if (Thread.currentThread() != thread) {
            throw new IllegalStateException("This transaction belongs to thread \"" + thread.getName() + "\"");
        }
        if (ended || scope.locks.released) {
            throw new IllegalStateException("This transaction has ended");
        }
        engine.checkOpen();
    }

    private <V> EntryKey key(KeyType<V> type, String id) {
        return new EntryKey(context, Objects.requireNonNull(type, "type"), Objects.requireNonNull(id, "id"));
    }

    private boolean cleared(KeyType<?> type) {
        return keptTypes != null && !keptTypes.contains(type.name());
    }

    /** Returns what this transaction wrote under a key, its clear included, or null if it wrote nothing there. */
    private @Nullable Entry written(EntryKey key) {
        Entry entry = writes.get(key);
        return entry == null && cleared(key.type) ? Entry.absent() : entry;
    }

    private Entry entry(EntryKey key) {
        check();
        Entry known = written(key);
        if (known == null) {
            known = reads.get(key);
        }
        return known == null ? remember(List.of(key), List.of(engine.cache.read(key))) : known;
    }

    /**
     * Adds to what was read, if all of it still fits together; returns the first of {@code entries}. If it does not,
     * nothing is added: should the work catch the conflict, what it reads anew conflicts again.
     */
    private Entry remember(List<EntryKey> keys, List<Entry> entries) {
        while (!context.unchangedSince(seen)) {
            long now = context.published();
            reads.forEach(this::refuseIfChanged);
            for (int i = 0; i < keys.size(); i++) {
                refuseIfChanged(keys.get(i), entries.get(i));
            }
            seen = now;
        }
        for (int i = 0; i < keys.size(); i++) {
            reads.put(keys.get(i), entries.get(i));
        }
        return entries.get(0);
    }

    private void refuseIfChanged(EntryKey key, Entry entry) {
        if (!engine.cache.isCurrent(key, entry)) {
            throw conflict(key.entryId());
        }
    }

    /** Returns what to throw because an entry that was read has changed; an attempt counts as one conflict at most. */
    TransactionConflictException conflict(EntryId entry) {
        if (!conflicted) {
            conflicted = true;
            engine.conflicts.increment();
        }
        return new TransactionConflictException(context.name, entry, scope.hasWritten(context.name, entry));
    }

    @Override
    public String context() {
        return context.name;
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
            EntryKey key = key(type, Objects.requireNonNull(id, "ids must not hold null"));
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
        engine.types.check(Objects.requireNonNull(type, "type"), Objects.requireNonNull(idPrefix, "idPrefix"));
        Map<EntryKey, Entry> own = Map.copyOf(writes);
        Stream<String> written = own.entrySet().stream()
                .filter(write ->
                        write.getValue().exists() && write.getKey().type.equals(type))
                .map(write -> write.getKey().id)
                .filter(id -> id.startsWith(idPrefix));
        Stream<String> committed = cleared(type)
                ? Stream.empty()
                : engine.storage
                        .scan(context.name, type.name(), idPrefix)
                        .filter(id -> !own.containsKey(key(type, id)));
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
        write(key(type, id), Entry.encoded(type, Objects.requireNonNull(value, "value")));
    }

    @Override
    public void delete(KeyType<?> type, String id) {
        write(key(type, id), Entry.absent());
    }

    private void write(EntryKey key, Entry entry) {
        check();
        engine.types.check(key);
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
            throw new EntryExistsException(context.name, key.entryId());
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
        engine.types.check(target);
        Entry moved = entry(source);
        if (!moved.exists() || source.equals(target)) {
            return moved.exists();
        }
        if (onExisting == OnExisting.REFUSE && entry(target).exists()) {
            throw new EntryExistsException(context.name, target.entryId());
        }
        write(target, moved.moved());
        write(source, Entry.absent());
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
        write(
                KeyTypeRegistry.credentialsKey(context),
                Entry.encoded(KeyTypeRegistry.CREDENTIALS, Objects.requireNonNull(credentials, "credentials")));
    }

    @Override
    public <R, X extends Exception> R transaction(Set<String> lockKeys, TransactionWork<R, X> work) throws X {
        check();
        Set<String> locked = ContextStore.checkLockKeys(lockKeys);
        Objects.requireNonNull(work, "work");
        engine.locks.acquire(context.name, locked, scope.locks);
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

    @Override
    public KeyReader readOnly() {
        return new ReadOnlyReader(this);
    }
}
