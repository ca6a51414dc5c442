package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.PersistenceBackend;
import java.util.Optional;
import java.util.stream.Stream;

/** Adapts a backend without contexts. The engine only calls it with {@link PersistenceBackend#DEFAULT_CONTEXT}. */
record SingleContextAdapter(PersistenceBackend backend) implements ContextAwareBackend {

    @Override
    public Optional<byte[]> load(String context, String type, String id) {
        return backend.load(type, id);
    }

    @Override
    public void save(String context, String type, String id, byte[] value) {
        backend.save(type, id, value);
    }

    @Override
    public void delete(String context, String type, String id) {
        backend.delete(type, id);
    }

    @Override
    public Stream<EntryId> list(String context) {
        return backend.list();
    }

    @Override
    public void close() {
        backend.close();
    }
}
