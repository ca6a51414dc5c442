package dev.keystore.core;

import dev.keystore.EntryId;
import dev.keystore.LoadFailedException;
import dev.keystore.UnreadableEntryException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Reads all entries of a context once, as bytes, from the backend and not from the cache, which it leaves as it is.
 *
 * <p>Entries are those of any type, registered or not, with their true names. Those that only the engine stores are not
 * among them. Used by one thread.
 */
final class ContextReader {

    private final String place;
    private final Engine engine;
    private final String context;
    private final ContextSealer sealer;
    private final @Nullable Restoration restoration;
    private final Set<EntryId> unreadable = new LinkedHashSet<>();

    /** What is carried of the entries, once they were listed; null if all are. */
    private Restoration.@Nullable OfContext carried;

    /**
     * Creates a reader.
     *
     * @param place which of two databases it reads, for messages
     * @param restoration which entries it reads, and how their values change; null if all are read as they are
     */
    ContextReader(
            String place, Engine engine, String context, ContextSealer sealer, @Nullable Restoration restoration) {
        this.place = place;
        this.engine = engine;
        this.context = context;
        this.sealer = sealer;
        this.restoration = restoration;
    }

    /**
     * Returns the entries, in the order of their types and ids.
     *
     * @throws LoadFailedException if the backend failed
     */
    List<EntryId> entries() {
        try (Stream<EntryId> listed = engine.names.entries(context, sealer, (stored, failure) -> {
            if (failure instanceof LoadFailedException) {
                throw failure;
            }
            unreadable.add(stored);
        })) {
            List<EntryId> entries = new ArrayList<>();
            listed.forEach(entries::add);
            carried = restoration == null ? null : restoration.of(entries);
            List<EntryId> read = carried == null ? entries : carried.kept();
            read.sort(PlainSnapshot.BY_TYPE_AND_ID);
            return read;
        } catch (LoadFailedException e) {
            throw in(place, e);
        }
    }

    /** Returns whether a context holds entries; throws as {@link #entries} does. */
    static boolean holdsEntries(String place, Engine engine, String context) {
        try {
            return engine.storage.holdsEntries(context);
        } catch (LoadFailedException e) {
            throw in(place, e);
        }
    }

    /** Returns whether a context holds entries, or the mark of a move; throws as {@link #entries} does. */
    static boolean holdsEntriesOrMark(String place, Engine engine, String context) {
        try {
            return engine.storage.holdsEntriesOrMark(context);
        } catch (LoadFailedException e) {
            throw in(place, e);
        }
    }

    /**
     * Returns the mark of a context that was moved, or null.
     *
     * @throws LoadFailedException if the backend failed, or the mark is damaged
     */
    static @Nullable MoveMark mark(String place, Engine engine, String context) {
        try {
            return MoveMark.load(engine.storage, context);
        } catch (LoadFailedException e) {
            throw in(place, e);
        } catch (UnreadableEntryException e) {
            throw new LoadFailedException(place + ": " + e.getMessage(), e);
        }
    }

    private static LoadFailedException in(String place, LoadFailedException failure) {
        Throwable cause = failure.getCause();
        return new LoadFailedException(place + ": " + failure.getMessage(), cause == null ? failure : cause);
    }

    /**
     * Reads the values of all entries, without those that cannot be read, in the order of types and ids. Throws as
     * {@link #entries} and {@link #values} do, or what {@code pages} throws.
     */
    void read(PlainSnapshot.Pages pages) {
        if (restoration == null && PlainSnapshot.read(engine.storage, context, sealer, pages)) {
            return;
        }
        pages.begin();
        for (List<EntryId> page : pages(entries())) {
            if (!pages.accept(values(page))) {
                return;
            }
        }
    }

    /** Divides entries in that order into pages, each of one type. */
    static List<List<EntryId>> pages(List<EntryId> entries) {
        List<List<EntryId>> pages = new ArrayList<>();
        int from = 0;
        for (int i = 1; i <= entries.size(); i++) {
            if (i == entries.size()
                    || i - from == Storage.PAGE_ENTRIES
                    || !entries.get(i).type().equals(entries.get(from).type())) {
                pages.add(entries.subList(from, i));
                from = i;
            }
        }
        return pages;
    }

    /**
     * Returns the values of a page, without those that cannot be read or do not exist, in the same order.
     *
     * @throws LoadFailedException if the backend failed
     * @throws dev.keystore.OperationInterruptedException if the thread was interrupted
     */
    Map<EntryId, byte[]> values(List<EntryId> page) {
        LoadFailures.throwIfInterrupted(context);
        try {
            Map<EntryId, byte[]> records = loadPage(page);
            Map<EntryId, byte[]> values = new LinkedHashMap<>();
            for (EntryId entry : page) {
                byte[] added = carried == null ? null : carried.added(entry);
                byte[] value =
                        added != null ? added : valueOf(entry, records == null ? load(entry) : records.get(entry));
                if (value != null) {
                    values.put(entry, value);
                }
            }
            return values;
        } catch (LoadFailedException e) {
            throw in(place, e);
        }
    }

    /** Returns the records of a page, or null if they have to be loaded one by one, since one cannot be read. */
    private @Nullable Map<EntryId, byte[]> loadPage(List<EntryId> page) {
        try {
            return engine.storage.readAll(context, page);
        } catch (UnreadableEntryException e) {
            return null;
        }
    }

    private byte @Nullable [] load(EntryId entry) {
        try {
            return engine.storage.read(context, entry);
        } catch (UnreadableEntryException e) {
            unreadable.add(entry);
            return null;
        }
    }

    /** Returns a value, or null if it cannot be read, or was deleted meanwhile, perhaps with its keys. */
    private byte @Nullable [] valueOf(EntryId entry, byte @Nullable [] loaded) {
        return LatestRecord.<byte @Nullable []>open(
                loaded,
                () -> load(entry),
                record -> {
                    byte[] value = sealer.open(entry.type(), entry.id(), record);
                    return carried == null ? value : carried.restored(entry, value);
                },
                (record, failure) -> {
                    unreadable.add(entry);
                    return null;
                });
    }

    /** Returns what is carried of the entries, once they were listed; null if all are. */
    Restoration.@Nullable OfContext carried() {
        return carried;
    }

    /** Returns the entries that could not be read so far; those whose names are unknown by their stored ones. */
    List<EntryId> unreadable() {
        return List.copyOf(unreadable);
    }
}
