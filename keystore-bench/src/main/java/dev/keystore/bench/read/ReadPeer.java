package dev.keystore.bench.read;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Something that keeps values in memory under the ids of one context and type. */
public interface ReadPeer extends AutoCloseable {

    /** Stores a value of {@link Hot#VALUE_BYTES} bytes under each id. */
    void fill(Collection<String> ids);

    /** Returns the value of an id, or null if it is not in memory. */
    @Nullable
    Object one(String id);

    /** Returns the values of those ids that are in memory. */
    Map<String, ?> several(List<String> ids);

    @Override
    default void close() {}
}
