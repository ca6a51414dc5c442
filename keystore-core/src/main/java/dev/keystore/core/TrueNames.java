package dev.keystore.core;

import static dev.keystore.spi.StoreSealing.KEYS;

import com.google.common.collect.Iterators;
import com.google.common.collect.Streams;
import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.KeyStoreException;
import dev.keystore.LoadFailedException;
import dev.keystore.UnreadableEntryException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Lists entries and contexts by their true names.
 *
 * <p>A hidden name cannot be reversed: the records, which contain the true names, are loaded, a page at a time. Of an
 * entry that cannot be opened, only the hidden name is known. It is not left out silently: a listing first returns all
 * others, and then fails.
 */
final class TrueNames {

    private final Storage storage;
    private final @Nullable SealedStore store;
    private final EngineEvents events;

    /**
     * Creates it.
     *
     * @param store the keys of the store, or null if it is not encrypted
     */
    TrueNames(Storage storage, @Nullable SealedStore store, EngineEvents events) {
        this.storage = storage;
        this.store = store;
        this.events = events;
    }

    /** Called with what is listed without a true name. */
    interface Unnamed {

        /**
         * An entry was found whose true name cannot be read.
         *
         * @param stored its stored type and id
         * @param failure an {@link UnreadableEntryException}, or a {@link LoadFailedException} if it was not loaded
         */
        void found(EntryId stored, KeyStoreException failure);
    }

    /**
     * Lists the ids of a type that begin with a prefix; throws as {@link Storage#scan} does, and at the end
     * {@link UnreadableEntryException} if an entry of the same hidden prefix cannot be opened.
     */
    Stream<String> ids(Context context, String type, String idPrefix) {
        Stream<String> stored = storage.scan(context.name(), type, idPrefix);
        if (!storage.names().areHidden()) {
            return stored;
        }
        String storedType = storage.names().type(context.name(), type);
        FailureAtEnd failure = new FailureAtEnd();
        Stream<String> ids = named(
                        context.name(), context.sealer(), stored.map(id -> new EntryId(storedType, id)), failure)
                .map(EntryId::id)
                .filter(id -> id.startsWith(idPrefix));
        return failure.after(ids);
    }

    /**
     * Lists the entries of a context, without those that the engine stores for itself; throws as {@link Storage#list}
     * does.
     *
     * @param unnamed called, while the stream is read, for entries without a true name; it may throw
     */
    Stream<EntryId> entries(String context, ContextSealer sealer, Unnamed unnamed) {
        Stream<EntryId> stored = storage.list(context);
        return storage.names().areHidden() ? named(context, sealer, stored, unnamed) : stored;
    }

    private Stream<EntryId> named(String context, ContextSealer sealer, Stream<EntryId> stored, Unnamed unnamed) {
        return Streams.stream(Iterators.partition(stored.iterator(), Storage.PAGE_ENTRIES))
                .flatMap(page -> names(context, sealer, page, unnamed).stream())
                .onClose(stored::close);
    }

    private List<EntryId> names(String context, ContextSealer sealer, List<EntryId> page, Unnamed unnamed) {
        Map<EntryId, byte[]> records = loadPage(context, page);
        List<EntryId> names = new ArrayList<>(page.size());
        for (EntryId stored : page) {
            try {
                byte[] record = records == null ? storage.readStored(context, stored) : records.get(stored);
                EntryId name = name(context, sealer, stored, record);
                if (name != null) {
                    names.add(name);
                }
            } catch (UnreadableEntryException | LoadFailedException e) {
                unnamed.found(stored, e);
            }
        }
        return names;
    }

    /** Returns the records of a page, or null if they have to be loaded one by one, since one cannot be read. */
    private @Nullable Map<EntryId, byte[]> loadPage(String context, List<EntryId> page) {
        try {
            return storage.readAllStored(context, page);
        } catch (UnreadableEntryException | LoadFailedException e) {
            return null;
        }
    }

    /** Returns the true name of an entry, or null if it was deleted meanwhile, perhaps with its keys. */
    private @Nullable EntryId name(String context, ContextSealer sealer, EntryId stored, byte @Nullable [] loaded) {
        return LatestRecord.open(
                loaded, () -> storage.readStored(context, stored), record -> sealer.entryOf(stored, record));
    }

    /**
     * Lists the contexts that hold entries, including those that the engine stores for itself; throws as
     * {@link Storage#storedContexts} does, and at the end {@link UnreadableEntryException} if the keys of a context,
     * and with them its true name, cannot be read.
     */
    Stream<String> contexts() {
        Stream<String> stored = storage.storedContexts();
        SealedStore keys = store;
        if (keys == null || !storage.names().areContextsHidden()) {
            return stored;
        }
        FailureAtEnd failure = new FailureAtEnd();
        return failure.after(stored.flatMap(context -> {
            try {
                return Stream.ofNullable(nameOfContext(keys, context));
            } catch (UnreadableEntryException e) {
                failure.found(KEYS, e);
                return Stream.empty();
            }
        }));
    }

    /** Returns the true name of a context, or null if it was erased meanwhile. */
    private @Nullable String nameOfContext(SealedStore keys, String stored) {
        byte[] record = storage.readReserved(stored, KEYS);
        if (record == null && storage.holdsEntriesStored(stored)) {
            record = storage.readReserved(stored, KEYS); // it may have been erased and written to again
            if (record == null) {
                throw new CorruptEntryException(
                        stored, KEYS, "it is missing, and with it the true name of the context", null);
            }
        }
        return record == null ? null : keys.contextOf(stored, record);
    }

    /**
     * Lets a listing fail after everything that has a true name, and reports what has none. Used by the thread that
     * reads the listing.
     */
    private final class FailureAtEnd implements Unnamed {

        private @Nullable KeyStoreException first;

        @Override
        public void found(EntryId stored, KeyStoreException failure) {
            if (failure instanceof LoadFailedException) {
                throw failure;
            }
            events.unreadable(1);
            first = first == null ? failure : first;
        }

        <T> Stream<T> after(Stream<T> listing) {
            return Stream.concat(listing, Stream.of(this).flatMap(FailureAtEnd::thrown));
        }

        private <T> Stream<T> thrown() {
            if (first != null) {
                throw first;
            }
            return Stream.empty();
        }
    }
}
