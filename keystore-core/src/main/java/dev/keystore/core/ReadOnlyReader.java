package dev.keystore.core;

import dev.keystore.KeyReader;
import dev.keystore.KeyType;
import java.util.Collection;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** A read-only view of a store or a transaction. It cannot be cast to a handle that writes (R7). */
final class ReadOnlyReader implements KeyReader {

    private final KeyReader reader;

    ReadOnlyReader(KeyReader reader) {
        this.reader = reader;
    }

    @Override
    public String context() {
        return reader.context();
    }

    @Override
    public <V> Map<String, V> get(KeyType<V> type, Collection<String> ids) {
        return reader.get(type, ids);
    }

    @Override
    public <V> Optional<V> find(KeyType<V> type, String id) {
        return reader.find(type, id);
    }

    @Override
    public Stream<String> ids(KeyType<?> type, String idPrefix) {
        return reader.ids(type, idPrefix);
    }

    @Override
    public Optional<byte[]> credentials() {
        return reader.credentials();
    }

    @Override
    public boolean inTransaction() {
        return reader.inTransaction();
    }
}
