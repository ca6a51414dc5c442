package dev.keystore.bench.read;

import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A cache of values by the ids of one context and type. */
public interface ReadPeer extends AutoCloseable {

    /** Stores a value of {@link HotEntries#VALUE_BYTES} bytes under each id. */
    void fill(Collection<String> ids);

    /** Returns the value of an id, or {@code null} if it is not cached. */
    @Nullable
    Object one(String id);

    /** Returns the values of the ids that are cached. */
    Map<String, ?> several(List<String> ids);

    @Override
    default void close() {}
}
