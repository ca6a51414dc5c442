package dev.keystore.testkit;

import dev.keystore.EntryId;
import dev.keystore.spi.ContextAwareBackend;
import dev.keystore.spi.PersistenceBackend;
import java.util.Optional;
import java.util.stream.Stream;

/** A context-free backend as one with contexts. It ignores the context of each call: there is only one. */
record DefaultContext(PersistenceBackend backend) implements ContextAwareBackend {

    static final String NAME = PersistenceBackend.DEFAULT_CONTEXT;

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
