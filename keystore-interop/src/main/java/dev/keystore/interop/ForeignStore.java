package dev.keystore.interop;

import dev.keystore.KeyType;
import dev.keystore.interop.Contents.Limits;
import java.util.Collection;
import java.util.List;
import java.util.function.Consumer;

/**
 * The account of another store: what {@link AccountImport} reads, and {@link AccountExport} writes.
 *
 * <p>The subclasses are the formats of this package. Objects are immutable and hold no resources.
 */
public abstract class ForeignStore {

    /** Only the formats of this package extend it. */
    ForeignStore() {}

    /** How to read: whether to keep what is of unknown type, types of the user, a listener, and limits. */
    record Reading(
            boolean keepUnknown,
            Collection<KeyType<?>> types,
            Consumer<? super TransferProgress> listener,
            Limits limits) {

        Reading(boolean keepUnknown, Collection<KeyType<?>> types, Consumer<? super TransferProgress> listener) {
            this(keepUnknown, types, listener, Limits.OF_SOURCES);
        }
    }

    /** What was read, and a check that throws {@link ForeignStoreException} if the source has changed since. */
    record Read(Contents contents, Runnable unchanged) {}

    /** Reads everything, without changing anything. */
    abstract Read read(Reading reading);

    /**
     * Writes the entries, and returns what became of each.
     *
     * @param dryRun whether to return that without writing anything
     */
    abstract List<TransferItem> write(Contents contents, String context, boolean dryRun);

    /** The types, other than the standard ones, that this format keeps by itself. */
    Collection<KeyType<?>> additionalTypes() {
        return List.of();
    }
}
