package dev.keystore.spi;

import java.util.Collection;
import java.util.Map;

/** A backend that loads several ids of a type in one round trip. */
public interface BulkLoad {

    /**
     * Returns the bytes of the entries that exist; absent ids are not in the map.
     *
     * @param context the name of the context; {@link PersistenceBackend#DEFAULT_CONTEXT} for a context-free backend
     * @param type the type of the entries
     * @param ids the ids, distinct, at least one
     * @return the entries that exist, by id, in arrays that the caller may keep and change
     * @throws dev.keystore.CorruptEntryException if the backend itself detects that one of the entries is damaged
     * @throws BackendException if one of the entries could not be read
     */
    Map<String, byte[]> loadAll(String context, String type, Collection<String> ids);
}
