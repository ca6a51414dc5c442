package dev.keystore.core;

import static dev.keystore.spi.StoreSealing.MARK;

import dev.keystore.EntryId;
import dev.keystore.OwnershipLostException;
import dev.keystore.spi.Batch;
import dev.keystore.spi.Mutation;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One of the entries that say what a store is: its mark, and those next to it. They are in the context of the mark,
 * which no caller opens.
 *
 * <p>On a backend with ownership, the owner of that context writes them. {@link #replace} looks at the entry once more
 * after the takeover: of several processes that replace it at the same time, one succeeds, and the others find what
 * that one has written.
 */
final class StoreEntry {

    /** The id of a store that has no mark. */
    static final EntryId ID = new EntryId(MARK.type(), "id");

    /** What a store is if it is not a live one. */
    static final EntryId STATE = new EntryId(MARK.type(), "state");

    /**
     * Says that an anchor has a record of the store, and that contexts may hold nothing but an entry for the anchor.
     */
    static final EntryId ANCHORED = new EntryId(MARK.type(), "anchored");

    private final Storage storage;
    private final EntryId entry;
    private final String context;

    StoreEntry(Storage storage, EntryId entry) {
        this.storage = storage;
        this.entry = entry;
        this.context = storage.contextOfMark();
    }

    /** Returns the record, or null if there is none; throws what the backend throws. */
    byte @Nullable [] load() {
        return storage.load(context, entry.type(), entry.id());
    }

    /** Returns the record, or null if there is none; throws as {@link Storage#read} does. */
    byte @Nullable [] read() {
        return storage.read(context, entry);
    }

    /**
     * Writes a record in place of a former one; throws what the backend throws.
     *
     * @param former the record that was found, or null if there was none
     * @return false if another process has written another one in the meantime
     */
    boolean replace(byte @Nullable [] former, byte[] next) {
        long epoch = storage.takeOver(context, false);
        if (!Arrays.equals(load(), former)) {
            return false;
        }
        try {
            write(epoch, next);
            return true;
        } catch (OwnershipLostException e) {
            return false;
        }
    }

    /**
     * Writes a record, whatever the former one is; throws what the backend throws.
     *
     * @param next the record; null to delete the entry
     */
    void write(byte @Nullable [] next) {
        write(storage.takeOver(context, false), next);
    }

    private void write(long epoch, byte @Nullable [] next) {
        Mutation change = next == null
                ? new Mutation.Delete(entry.type(), entry.id())
                : new Mutation.Put(entry.type(), entry.id(), next);
        storage.write(List.of(new Batch(context, epoch, 1, List.of(change))));
    }
}
