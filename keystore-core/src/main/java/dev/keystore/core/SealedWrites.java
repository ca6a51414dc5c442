package dev.keystore.core;

import dev.keystore.spi.Mutation;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The values that a commit writes, as records, and what has sealed them. Immutable. */
final class SealedWrites {

    /** Those of a commit that writes no value: it needs no keys. */
    static final SealedWrites NONE = new SealedWrites(null, Map.of());

    private final @Nullable ValueSealer sealer;
    private final Map<EntryKey, Mutation> puts;

    private SealedWrites(@Nullable ValueSealer sealer, Map<EntryKey, Mutation> puts) {
        this.sealer = sealer;
        this.puts = puts;
    }

    /**
     * Seals the values of a commit. May load the keys of its context; throws as {@link ContextSealer#current} does.
     *
     * @param erases whether the commit erases the context first
     */
    static SealedWrites of(Map<EntryKey, Entry> writes, ContextSealer context, boolean erases) {
        if (!haveValues(writes)) {
            return NONE;
        }
        while (true) {
            ValueSealer sealer = erases ? context.afterErase() : context.current();
            Map<EntryKey, Mutation> puts = puts(writes, sealer);
            if (puts != null) {
                return new SealedWrites(sealer, puts);
            }
        }
    }

    private static boolean haveValues(Map<EntryKey, Entry> writes) {
        for (Entry entry : writes.values()) {
            if (entry.exists()) {
                return true;
            }
        }
        return false;
    }

    /** Returns the mutations that save the values, or null if the keys of the context were replaced meanwhile. */
    private static @Nullable Map<EntryKey, Mutation> puts(Map<EntryKey, Entry> writes, ValueSealer sealer) {
        Map<EntryKey, Mutation> puts = new LinkedHashMap<>();
        for (Map.Entry<EntryKey, Entry> write : writes.entrySet()) {
            byte[] value = write.getValue().bytes();
            if (value != null) {
                EntryKey key = write.getKey();
                byte[] record = sealer.seal(key.type.name(), key.id, value);
                if (record == null) {
                    return null;
                }
                puts.put(key, new Mutation.Put(key.type.name(), key.id, record));
            }
        }
        return puts;
    }

    /** Returns what has sealed the values, or null if there are none. */
    @Nullable
    ValueSealer sealer() {
        return sealer;
    }

    /** Returns the mutation that saves the value of a key, or null if it is deleted. */
    @Nullable
    Mutation put(EntryKey key) {
        return puts.get(key);
    }
}
