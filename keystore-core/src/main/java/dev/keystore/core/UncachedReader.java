package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import dev.keystore.UnreadableEntryException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Reads a context from the backend, bypassing the cache, which it leaves as it is. Reports damage to listeners. */
final class UncachedReader implements KeyReader {

    private final Engine engine;
    private final Context context;
    private final EngineEvents events;

    UncachedReader(Engine engine, Context context) {
        this(engine, context, engine.events);
    }

    /**
     * Creates a reader.
     *
     * @param events what reports the entries that cannot be read
     */
    UncachedReader(Engine engine, Context context, EngineEvents events) {
        this.engine = engine;
        this.context = context;
        this.events = events;
    }

    @Override
    public String context() {
        return context.name();
    }

    @Override
    public <V> Map<String, V> get(KeyType<V> type, Collection<String> ids) {
        engine.checkOpen();
        Objects.requireNonNull(type, "type");
        List<EntryId> wanted = new ArrayList<>();
        for (String id : new LinkedHashSet<>(ids)) {
            wanted.add(key(type, id).entryId());
        }
        Map<String, V> values = new LinkedHashMap<>();
        for (int from = 0; from < wanted.size(); from += Storage.PAGE_ENTRIES) {
            List<EntryId> page = wanted.subList(from, Math.min(from + Storage.PAGE_ENTRIES, wanted.size()));
            Map<EntryId, byte[]> records = reported(() -> engine.storage.readAll(context.name(), page));
            for (EntryId entry : page) {
                V value = value(key(type, entry.id()), type, records.get(entry));
                if (value != null) {
                    values.put(entry.id(), value);
                }
            }
        }
        return values;
    }

    @Override
    public <V> Optional<V> find(KeyType<V> type, String id) {
        engine.checkOpen();
        EntryKey key = key(Objects.requireNonNull(type, "type"), id);
        return Optional.ofNullable(value(key, type, record(key)));
    }

    private EntryKey key(KeyType<?> type, String id) {
        EntryKey key = new EntryKey(context, type, Objects.requireNonNull(id, "ids must not contain null"));
        engine.types.registerAndCheck(key);
        return key;
    }

    private byte @Nullable [] record(EntryKey key) {
        return reported(() -> engine.storage.read(context.name(), key.entryId()));
    }

    private <V> @Nullable V value(EntryKey key, KeyType<V> type, byte @Nullable [] record) {
        return reported(() -> EntryLoader.decodeLatest(engine.storage, key, record))
                .value(type);
    }

    /** Returns what {@code read} returns; if it finds an entry that cannot be read, reports and throws that. */
    private <T extends @Nullable Object> T reported(Supplier<T> read) {
        try {
            return read.get();
        } catch (UnreadableEntryException e) {
            events.unreadable(1);
            throw e;
        }
    }

    @Override
    public Stream<String> ids(KeyType<?> type, String idPrefix) {
        engine.checkOpen();
        engine.types.register(Objects.requireNonNull(type, "type"));
        Names.checkPrefix(Objects.requireNonNull(idPrefix, "idPrefix"));
        return engine.names.ids(context, type.name(), idPrefix);
    }

    @Override
    public Optional<byte[]> credentials() {
        engine.checkOpen();
        EntryKey key = KeyTypeRegistry.credentialsKey(context);
        return Optional.ofNullable(value(key, KeyTypeRegistry.CREDENTIALS, record(key)));
    }

    @Override
    public boolean inTransaction() {
        return false;
    }
}
