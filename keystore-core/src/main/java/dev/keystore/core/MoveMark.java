package dev.keystore.core;

import dev.keystore.ContextMovedException;
import dev.keystore.CorruptEntryException;
import dev.keystore.EntryId;
import dev.keystore.KeyStoreException;
import dev.keystore.StoreOpenException;
import dev.keystore.spi.Mutation;
import org.jspecify.annotations.Nullable;

/**
 * The entry of a context that was moved, or is being moved. While a context has one, it is not opened, so that it can
 * be written in one store at most.
 *
 * @param side on which side of the move the context is
 * @param move a random name of the move of this context, the same on both sides
 * @param other the id of the other store, or an empty string if it has none
 * @param target the name that the user gave to the target
 */
record MoveMark(Side side, String move, String other, String target) {

    /** Where it is stored, in the context. */
    static final EntryId ENTRY = StoredNames.MOVE_MARK;

    /** The sides of a move. */
    enum Side {
        /** The context is in the target, but may still be written in the source. */
        ARRIVING,
        /** The context is in the target, and is not written in the source any more. */
        MOVED
    }

    /** Returns the mark of a context, or null; throws as {@link Storage#read} does. */
    static @Nullable MoveMark load(Storage storage, String context) {
        byte[] record = storage.read(context, ENTRY);
        return record == null ? null : decode(context, record);
    }

    /**
     * Returns the mark of a context that is being opened, or null.
     *
     * @throws StoreOpenException if the backend failed. If it would fail again, the context may be read, but it must
     *     not be written, since it may have been moved
     */
    static @Nullable MoveMark load(Storage storage, String context, Attempts attempts) {
        byte[] record = attempts.of(
                "the mark of a moved context to be read",
                "Context \"" + context + "\" could not be opened, since it is unknown whether it was moved",
                () -> storage.load(context, ENTRY.type(), ENTRY.id()));
        return record == null ? null : decode(context, record);
    }

    /** Returns the mutation that writes it. */
    Mutation put() {
        return new Mutation.Put(ENTRY.type(), ENTRY.id(), Envelope.sealFields(ENTRY, side.name(), move, other, target));
    }

    /** Returns the mutation that deletes the mark of a context. */
    static Mutation delete() {
        return new Mutation.Delete(ENTRY.type(), ENTRY.id());
    }

    private static MoveMark decode(String context, byte[] record) {
        try {
            String[] fields = Envelope.openFields(ENTRY, record, 4);
            return new MoveMark(Side.valueOf(fields[0]), fields[1], fields[2], fields[3]);
        } catch (IllegalArgumentException e) {
            throw new CorruptEntryException(
                    context, ENTRY, "it says whether the context was moved: " + e.getMessage(), null);
        }
    }

    /** Returns the exception for a caller that opens the context, or writes to it. */
    KeyStoreException refusal(String context) {
        return side == Side.MOVED
                ? ContextMovedException.movedTo(context, target)
                : ContextMovedException.arriving(context, target);
    }
}
