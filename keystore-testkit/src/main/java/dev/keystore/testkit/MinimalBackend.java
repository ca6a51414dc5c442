package dev.keystore.testkit;

import dev.keystore.EntryId;
import dev.keystore.spi.PersistenceBackend;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * The smallest possible backend: one context, held in memory. Read it as an example before you write a backend.
 *
 * <p>It implements only {@link PersistenceBackend}: no atomic batches, no contexts, no prefix scans. Its entries are
 * not persistent. Safe for use by any number of threads; no method blocks or fails.
 */
public final class MinimalBackend implements PersistenceBackend {

    private final Map<EntryId, byte[]> entries = new ConcurrentHashMap<>();

    /** Creates an empty backend. */
    public MinimalBackend() {}

    @Override
    public Optional<byte[]> load(String type, String id) {
        return Optional.ofNullable(entries.get(new EntryId(type, id))).map(byte[]::clone);
    }

    @Override
    public void save(String type, String id, byte[] value) {
        entries.put(new EntryId(type, id), value.clone());
    }

    @Override
    public void delete(String type, String id) {
        entries.remove(new EntryId(type, id));
    }

    @Override
    public Stream<EntryId> list() {
        return entries.keySet().stream();
    }

    @Override
    public void close() {}
}
