package dev.keystore.spi;

import java.util.Collection;
import java.util.Map;

/** A backend that loads several ids of a type in one round trip. */
public interface BulkLoad {

    /**
     * Returns the bytes of those ids that exist.
     *
     * @param context the context; of a context-free backend, always the default one
     * @param ids distinct, at least one
     * @return the entries that exist, in arrays that the caller may keep and change
     * @throws BackendException if one of them can't be read
     */
    Map<String, byte[]> loadAll(String context, String type, Collection<String> ids);
}
